"""A retriever over rows: every form of row is found, and chances are chances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration import FEATURES, load_model
from retrieval.finder import LONGEST_ANSWER, Leaning, leaning
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.offline import OfflineRetriever

ROWS: list[dict[str, Any]] = [
    {
        "doc_id": "k1",
        "question": "怎么申请退款",
        "answer": "在订单页点申请退款，1-3 个工作日到账。",
        "similar": ["退款流程"],
    },
    {"doc_id": "k2", "title": "发票", "text": "电子发票在订单完成后可在订单页下载。"},
    {"doc_id": "k3", "question": "多久发货"},
    {"doc_id": "k4", "text": "耳机 E3 是 IPX4 防水，不能游泳时戴。"},
    {"doc_id": "k5", "question": "加湿器多少钱", "answer": "加湿器 H2 售价 229 元。"},
]


def retriever(rows: list[dict[str, Any]] = ROWS) -> OfflineRetriever:
    return OfflineRetriever.from_rows(rows, NgramEmbedder())


@pytest.mark.parametrize(
    ("asked", "first"),
    [("怎么退款", "k1"), ("退款流程是啥", "k1"), ("發票哪裡下載", "k2"), ("多久发货啊", "k3"), ("e3 能游泳戴吗", "k4")],
)
def test_rows_of_every_form_are_found(asked: str, first: str) -> None:
    found = retriever().find(asked)
    assert found.passages[0].entry_id == first
    assert found.answerable > 0.5


def test_passages_are_ordered_and_bounded() -> None:
    found = retriever().find("订单页怎么申请退款下载发票", k=2)
    assert len(found.passages) == 2
    assert found.passages[0].score >= found.passages[1].score


@pytest.mark.parametrize("asked", ["", "   ", "😂😂", "！！！", "\u200b"])
def test_a_text_without_words_finds_nothing(asked: str) -> None:
    found = retriever().find(asked)
    assert found.passages == ()
    assert found.answerable == found.covered == 0.0
    assert retriever().refuses(found)


def test_a_strange_question_is_refused() -> None:
    base = retriever()
    found = base.find("火星上有没有外星人")
    assert found.answerable < 0.4
    assert base.refuses(found)


def test_an_empty_base_answers_nothing() -> None:
    assert retriever([]).find("怎么退款").passages == ()


def test_one_entry_alone_is_found_but_not_for_everything() -> None:
    base = retriever(ROWS[:1])
    assert base.find("怎么申请退款").answerable > 0.6
    assert base.find("今天天气怎么样").answerable < 0.5


def test_a_row_without_doc_id_is_named() -> None:
    with pytest.raises(ValueError, match="row 2"):
        retriever([ROWS[0], {"question": "x"}])


def test_of_rows_with_the_same_id_the_last_counts() -> None:
    found = retriever([*ROWS, {"doc_id": "k3", "question": "怎么注销账号", "answer": "找客服。"}]).find("注销账号")
    assert found.passages[0].entry_id == "k3"


def test_a_long_document_is_found_by_a_piece_and_cited_by_it() -> None:
    filler = "本节介绍一般情况，与其他章节没有关系。" * 120
    rows = [*ROWS, {"doc_id": "manual", "title": "使用手册", "text": f"{filler}滤芯每三个月更换一次。{filler}"}]
    passage = retriever(rows).find("滤芯多久更换一次").passages[0]
    assert passage.entry_id == "manual"
    assert "滤芯每三个月" in passage.answer
    assert len(passage.answer) < LONGEST_ANSWER


@pytest.mark.parametrize(
    ("text", "leans"),
    [
        ("怎么申请退款", Leaning.MAY_LEAN),
        ("买了三天的耳机没有声音", Leaning.STANDS_ALONE),
        ("那多少钱", Leaning.POINTS_BACK),
        ("这个呢", Leaning.POINTS_BACK),
        ("多少钱", Leaning.MAY_LEAN),
    ],
)
def test_short_questions_lean_on_what_was_said(text: str, leans: Leaning) -> None:
    assert leaning(text) is leans


def test_context_is_read_for_a_question_that_points_back() -> None:
    base = retriever([*ROWS, {"doc_id": "k6", "question": "枕头多少钱", "answer": "枕头 169 元。"}])
    assert base.find("那多少钱", context=["加湿器有货吗"]).passages[0].entry_id == "k5"
    assert base.find("那多少钱", context=["枕头有货吗"]).passages[0].entry_id == "k6"


def test_context_does_not_disturb_a_question_that_stands_alone() -> None:
    base = retriever()
    assert base.find("怎么申请退款", context=["加湿器多少钱"]) == base.find("怎么申请退款")


async def test_it_answers_like_the_live_retriever() -> None:
    assert (await retriever().search("怎么退款", k=1)).passages[0].entry_id == "k1"


@given(st.text(max_size=400))
def test_chances_are_chances_for_any_text(text: str) -> None:
    found = BASE.find(text)
    assert 0 <= found.answerable <= 1
    assert 0 <= found.covered <= 1


BASE = retriever()


def test_every_fitted_coefficient_has_its_feature() -> None:
    model = load_model(NgramEmbedder().name)
    assert set(model.answers.coefficients) | set(model.covers.coefficients) <= set(FEATURES)
    assert 0 < model.refuse_below < 1


def test_an_embedder_that_nobody_fitted_borrows_the_numbers(tmp_path: Path) -> None:
    assert load_model("somebody-elses-7") == load_model("ngram-1")
    assert load_model("ngram-1-512") == load_model("ngram-1")
