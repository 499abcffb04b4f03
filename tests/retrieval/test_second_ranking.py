"""The second ranking tells near entries apart, is sure of plain questions, and answers both of two questions."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.calibration import SecondRanking, load_model
from retrieval.entry_rows import entries_of_rows
from retrieval.offline import OfflineRetriever
from retrieval.question_parts import question_parts
from retrieval.second_look import FEATURES
from retrieval.static_encoder import StaticEncoder

ROWS = [
    {"doc_id": "when", "question": "退款多久能到账？", "answer": "微信即时到账，银行卡1到3个工作日。"},
    {"doc_id": "where", "question": "退款会退到哪里？", "answer": "按原付款方式退回。"},
    {"doc_id": "return-fee", "question": "退货运费谁出？", "answer": "无理由退货由买家承担运费。"},
    {"doc_id": "exchange-fee", "question": "换货运费谁出？", "answer": "换货寄回由买家承担。"},
    {"doc_id": "invoice", "question": "怎么开发票？", "answer": "在订单页申请电子发票。"},
    {"doc_id": "hours", "question": "人工客服几点上班？", "answer": "每天9点到22点。"},
]


@pytest.fixture(scope="module")
def base() -> OfflineRetriever:
    return OfflineRetriever.from_rows(ROWS, StaticEncoder.shipped())


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("换货的运费谁来出", "exchange-fee"),
        ("退货运费谁付", "return-fee"),
        ("退款退到哪", "where"),
        ("开发票", "invoice"),
    ],
)
def test_entries_that_differ_in_a_word_are_told_apart(base: OfflineRetriever, asked: str, first: str) -> None:
    assert base.find(asked).passages[0].entry_id == first


def test_a_plain_question_is_given_and_a_strange_one_refused(base: OfflineRetriever) -> None:
    assert not base.refuses(base.find("怎么开发票"))
    assert base.refuses(base.find("贡嘎徒步路线发我一份"))


def test_scores_fall_and_compare_by_proportion(base: OfflineRetriever) -> None:
    scores = [passage.score for passage in base.find("退款多久到账").passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("退货运费谁出？还有多久到账", ["退货运费谁出", "多久到账"]),
        ("怎么退货 运费谁出", ["怎么退货", "运费谁出"]),
        ("退货运费谁出，另外发票怎么开", ["退货运费谁出", "发票怎么开"]),
        ("我昨天买的鞋，开胶了怎么办", []),
        ("你好，请问多久发货？", []),
        ("使用多卡运行时报错 Nccl error，如何解决？", []),
        ("", []),
    ],
)
def test_a_message_is_split_where_it_asks_twice(text: str, parts: list[str]) -> None:
    assert question_parts(text) == parts


def test_two_questions_find_the_entries_of_both(base: OfflineRetriever) -> None:
    found = {passage.entry_id for passage in base.find("怎么开发票？还有人工客服几点上班").passages[:2]}
    assert found == {"invoice", "hours"}


def test_what_was_fitted_fits_what_is_seen() -> None:
    second = load_model(StaticEncoder.shipped().name).second
    assert second is not None
    assert len(second.reranker.middle) == len(FEATURES)
    again = SecondRanking.of_arrays(second.arrays())
    assert again.refuse_below == second.refuse_below
    assert np.array_equal(again.reranker.direct, second.reranker.direct)


def test_a_first_line_that_asks_is_the_question_where_most_texts_begin_so() -> None:
    rows = [
        {"doc_id": f"m{n}", "text": f"{q}\n多喝水，注意休息。"}
        for n, q in enumerate(["感冒怎么办？", "头疼吃什么药", "血压高吗"])
    ]
    assert [entry.words.question for entry in entries_of_rows(rows)] == ["感冒怎么办？", "头疼吃什么药", "血压高吗"]


def test_texts_that_do_not_ask_keep_their_first_line() -> None:
    rows = [{"doc_id": f"m{n}", "text": f"第{n}章 总则\n本章说明一般规定。"} for n in range(3)]
    assert all(not entry.words.question for entry in entries_of_rows(rows))
