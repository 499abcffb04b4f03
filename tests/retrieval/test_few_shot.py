"""Intents learnt from examples: which label, how sure, and when none of them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from retrieval.models.few_shot import FewShotModel, train_few_shot
from retrieval.models.margins import Learning, TwofoldRows, rehearse
from retrieval.models.ngram_features import Vocabulary, keys_of
from retrieval.models.word_features import shortened, wording_keys
from retrieval.static_encoder import StaticEncoder

CORPUS = Path(__file__).resolve().parents[2] / "evals" / "corpus" / "messages.jsonl"
STRANGERS = ["月亮离地球有多远", "给我讲个鬼故事", "怎么做红烧肉", "谁赢了昨晚的球赛", "帮我写一首诗", "今天股市怎么样"]


def messages(split: str) -> list[tuple[str, str]]:
    rows = map(json.loads, CORPUS.read_text("utf-8").splitlines())
    return [(row["text"], row["intent"]) for row in rows if row["kind"] == "service" and row["split"] == split]


def ten_each() -> list[tuple[str, str]]:
    by_label: dict[str, list[str]] = defaultdict(list)
    rows = messages("train")
    for text, label in random.Random(1).sample(rows, len(rows)):
        by_label[label].append(text)
    return [(text, label) for label in sorted(by_label) for text in by_label[label][:10]]


def learn(rows: list[tuple[str, str]], stranger: str = "") -> FewShotModel:
    return train_few_shot([text for text, _ in rows], [label for _, label in rows], StaticEncoder.shipped(), stranger)


@pytest.fixture(scope="module")
def model() -> FewShotModel:
    return learn(ten_each())


def test_that_ten_examples_a_label_are_enough_for_much_of_what_unseen_authors_say(model: FewShotModel) -> None:
    asked = messages("dev")[::2]
    read = [model.read(text) for text, _ in asked]
    assert np.mean([one.label == label for one, (_, label) in zip(read, asked, strict=True)]) >= 0.45
    assert np.mean([one.abstain for one in read]) <= 0.15


def test_that_a_score_says_how_often_it_is_right(model: FewShotModel) -> None:
    read = [(model.read(text), label) for text, label in messages("dev")]
    chances = np.array([one.chances[one.label] for one, _ in read])
    right = np.array([one.label == label for one, label in read])
    assert abs(chances.mean() - right.mean()) <= 0.1
    assert right[chances >= np.quantile(chances, 0.8)].mean() >= right.mean() + 0.2


def test_that_the_chances_add_up_with_the_strangers_share() -> None:
    rows = [row for row in ten_each() if row[1] in ("refund", "invoice", "logistics")]
    reading = learn([*rows, *((text, "none") for text in STRANGERS)], "none").read("发票什么时候开")
    assert sum(reading.chances.values()) == pytest.approx(1.0)
    assert reading.label == "invoice"


def test_that_the_same_examples_make_the_same_model(model: FewShotModel) -> None:
    again = learn(ten_each())
    for text in ("快递到哪了", "我要退款", "hello", ""):
        assert again.read(text) == model.read(text)


def test_that_strangers_are_caught_with_and_without_rows_of_their_own() -> None:
    rows = [row for row in ten_each() if row[1] in ("refund", "invoice", "logistics", "repair", "membership")]
    for seen in (STRANGERS[:0], STRANGERS[:3]):
        taught = learn([*rows, *((text, "none") for text in seen)], "none")
        assert taught.read("申请退款怎么还没到账").label != "none"
        read = [taught.read(text).known for text in STRANGERS[3:]]
        assert np.mean(read) < taught.read("申请退款怎么还没到账").known


def test_that_rows_of_strangers_alone_leave_nothing_to_know() -> None:
    reading = learn([(text, "none") for text in STRANGERS], "none").read("我要退款")
    assert reading.abstain
    assert reading.label == "none"


def test_that_a_row_taken_out_leaves_no_trace() -> None:
    texts = ["我要退款", "怎么退款", "开发票", "要专票", "发票抬头写错了", "退钱给我"]
    keys = [keys_of(text) for text in texts]
    vocabulary = Vocabulary.learn(keys)
    rows = TwofoldRows(vocabulary.rows(keys), np.eye(6, 4, dtype=np.float32))
    places = np.array([0, 0, 1, 1, 1, 0])
    whole = Learning.blank(rows, places, len(vocabulary.keys), 2)
    whole.learn(np.arange(6), 3)
    nothing = whole.without(np.arange(6))
    assert np.abs(nothing.planes.words).max() < 1e-5
    assert np.abs(nothing.planes.biases).max() < 1e-5
    ((fold, margins),) = rehearse(whole, iter([np.array([0, 2])]), 2)
    assert fold.tolist() == [0, 2]
    assert margins.shape == (2, 2)
    assert np.argmax(margins, axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [("planned", "planning"), ("cards", "card"), ("booking", "booked"), ("march", "october"), ("12", "seven")],
)
def test_that_forms_of_a_word_are_one(one: str, other: str) -> None:
    assert shortened(one) == shortened(other)


def test_that_chinese_words_are_read_as_before_and_english_ones_in_pairs() -> None:
    assert wording_keys("我要退款") is keys_of("我要退款")
    shared = np.intersect1d(wording_keys("what's my balance"), wording_keys("what is the balance"))
    assert len(shared) > len(np.intersect1d(keys_of("what's my balance"), keys_of("what is the balance")))
    assert set(keys_of("lost card")) < set(wording_keys("lost card"))
