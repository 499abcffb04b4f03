"""The same-question model gives any two texts a chance, the same in either order, and tells near questions apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.duplicate import DEPTH, LocalDuplicate, Trees
from agents.duplicate_words import amounts_of, kinds_of, plain_words
from retrieval.models.weights_folder import DamagedModel, read_arrays
from retrieval.static_encoder import StaticEncoder
from training.duplicate_check import area, calibration_error

PAIRS = Path(__file__).resolve().parents[2] / "evals" / "corpus" / "pairs.jsonl"
ODD_TEXTS = [
    "",
    " \n\t",
    "？？？",
    "😀😀",
    "\u200b\ufeff\x00\x07",
    "a",
    "的",
    "9" * 50,
    "\ud800",
    "怎么退款？" * 2000,
    "字" * 10_000,
]


@pytest.fixture(scope="module")
def model() -> LocalDuplicate:
    return LocalDuplicate.shipped()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("怎么退款", "怎么退款？"),
        ("怎么开发票", "发票怎么开"),
        ("借1万一天利息多少", "借10000元每天利息是多少"),
        ("如何查询快递单号", "怎么查快递单号"),
        ("怎麼退款", "怎么退款"),
    ],
)
def test_that_the_same_question_in_other_words_is_the_same(a: str, b: str, model: LocalDuplicate) -> None:
    assert model.chance(a, b) > 0.65


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("怎么退款", "今天好热"),
        ("怎么升级会员", "怎么升级系统"),
        ("100元券怎么用", "50元券怎么用"),
        pytest.param(
            "身份证丢了怎么补办",
            "护照丢了怎么补办",
            marks=pytest.mark.xfail(strict=True, reason="known: docs/models/same-question.md, limits"),
        ),
        ("北京有什么好玩的", "上海有什么好玩的"),
        ("怎么绑定银行卡", "怎么解绑银行卡"),
    ],
)
def test_that_questions_of_shared_words_about_other_things_are_told_apart(
    a: str, b: str, model: LocalDuplicate
) -> None:
    assert model.chance(a, b) < 0.4


def test_that_a_text_that_says_nothing_asks_nothing(model: LocalDuplicate) -> None:
    assert model.chance("", "怎么退款") == 0.0
    assert model.chance("怎么退款", " \u200b\n") == 0.0


@settings(max_examples=150, deadline=None)
@given(a=st.text(max_size=60), b=st.text(max_size=60))
def test_that_any_two_texts_have_a_chance_that_knows_no_order(a: str, b: str) -> None:
    model = LocalDuplicate.shipped()
    assert 0.0 <= model.chance(a, b) <= 1.0
    assert model.chance(a, b) == pytest.approx(model.chance(b, a), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_that_written_pairs_have_the_same_chance_in_either_order(data: st.DataObject) -> None:
    model, rows = LocalDuplicate.shipped(), _rows("fit")
    row, other = data.draw(st.sampled_from(rows)), data.draw(st.sampled_from(rows))
    for a, b in ((row["a"], row["b"]), (row["a"], other["b"])):
        assert model.chance(a, b) == pytest.approx(model.chance(b, a), abs=1e-6)


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_that_odd_texts_get_a_chance(text: str, model: LocalDuplicate) -> None:
    assert 0.0 <= model.chance(text, "怎么退款") <= 1.0
    assert 0.0 <= model.chance(text, text) <= 1.0


def test_that_unseen_written_pairs_are_told_apart_and_chances_hold(model: LocalDuplicate) -> None:
    rows = _rows("dev")
    same = np.array([float(row["same"]) for row in rows])
    chances = np.array([model.chance(row["a"], row["b"]) for row in rows])
    assert area(same, chances, np.ones(len(rows))) > 0.9
    assert calibration_error(same, chances, np.ones(len(rows))) < 0.1


def test_that_area_and_calibration_error_are_what_they_say() -> None:
    same, ones = np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4)
    assert area(same, np.array([0.1, 0.2, 0.3, 0.4]), ones) == pytest.approx(1.0)
    assert area(same, np.array([0.4, 0.2, 0.3, 0.1]), ones) == pytest.approx(0.25)
    assert area(same, np.array([0.5, 0.5, 0.5, 0.5]), ones) == pytest.approx(0.5)
    assert calibration_error(same, same, ones) == pytest.approx(0.0)
    assert calibration_error(same, 1 - same, ones) == pytest.approx(1.0)


def test_that_a_row_of_marks_falls_to_its_leaf() -> None:
    marks = np.zeros((2, 2**DEPTH - 1), np.intp)
    limits = np.tile(np.array([4, 2, 6, 1, 3, 5, 7], np.float32), (2, 1))
    trees = Trees(marks, limits, np.stack([np.arange(8), np.arange(8) * 10]).astype(np.float32))
    for value in range(8):
        assert trees.logit(np.array([value + 0.5], np.float32)) == value * 11


def test_that_the_model_was_trained_with_the_encoder_that_ships() -> None:
    """After `python -m training.encoder`, `python -m training.duplicate` must be run again."""
    assert read_arrays("duplicate.npz")["encoder"].tobytes().decode() == StaticEncoder.shipped().name


def test_that_weights_for_other_marks_are_refused() -> None:
    arrays = read_arrays("duplicate.npz")
    with pytest.raises(ValueError, match="other marks"):
        LocalDuplicate.of({**arrays, "slopes": arrays["slopes"][1:]}, StaticEncoder.shipped())
    with pytest.raises(DamagedModel):
        read_arrays("duplicates.npz")


def test_that_words_that_say_the_same_become_one_sign_and_politeness_goes() -> None:
    assert plain_words("请问如何查询快递单号呢?") == plain_words("怎么查快递单号")
    assert plain_words("怎么退款") != plain_words("怎么退货")


def test_that_amounts_are_read_in_any_writing() -> None:
    assert amounts_of("借一万五千") == amounts_of("借15000") == {15000.0}
    assert amounts_of("1.5万分十二期") == {15000.0, 12.0}
    assert amounts_of("一直没到") == frozenset()


def test_that_names_of_one_kind_are_found() -> None:
    (beijing,) = kinds_of("北京有什么").values()
    (shanghai,) = kinds_of("上海有什么").values()
    assert (beijing, shanghai) == ({"北京"}, {"上海"})


def _rows(split: str) -> list[dict[str, str]]:
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["split"] == split]
