"""Training gives the same bytes each time, its practice stays true, and the shipped weights keep their figures."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from conversation.personal_spans import PersonalKind, PersonalSpan
from conversation.pii_numbers import luhn
from evals.models.personal import measure
from retrieval.models.redaction_tagger import RedactionTagger
from training.redaction import lines_of, packed, train
from training.redaction_practice import Line, card, joined, lookalike, varied
from training.redaction_talk import clean_lines, common_pairs
from training.sources import corpus


def test_that_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    lines = lines_of(corpus("pii", "train"))[::20]
    pairs = common_pairs(None)
    first, second = (packed({"weights": train(lines, pairs, rounds=4), "pairs": pairs}) for _ in range(2))
    assert first == second
    (tmp_path / "one.npz").write_bytes(first)
    assert RedactionTagger.load(tmp_path / "one.npz").tag("你们几点开门", ()) == ()


@pytest.mark.parametrize("seed", range(40))
def test_that_practice_keeps_its_spans_in_order_and_inside(seed: int) -> None:
    random = Random(seed)
    lines = lines_of(corpus("pii", "train"))
    line = joined(varied(random.choice(lines), random), card(random), random)
    end = 0
    for span in line.spans:
        assert end <= span.start < span.end <= len(line.text)
        assert line.text[span.start : span.end].strip() == line.text[span.start : span.end]
        end = span.end


def test_that_a_swapped_name_keeps_what_stands_around_it() -> None:
    line = Line("收件人王丽君，谢谢", (PersonalSpan(3, 6, PersonalKind.NAME),))
    for seed in range(30):
        other = varied(line, Random(seed))
        (span,) = other.spans
        assert other.text[: span.start] == "收件人"
        assert other.text[span.end :] == "，谢谢"


def test_that_dev_lines_are_no_training_lines() -> None:
    learnt = [*corpus("pii", "train"), *corpus("pii_blind", "fit")]
    train_texts = {row["text"] for row in learnt} | set(clean_lines())
    assert not train_texts & {row["text"] for row in [*corpus("pii", "dev"), *corpus("pii_blind", "test")]}


def test_that_the_shipped_weights_keep_their_figures_on_the_dev_lines() -> None:
    dev = lines_of(corpus("pii", "dev"))
    both, rules = measure(dev, RedactionTagger.shipped()), measure(dev, None)
    assert both.f1 >= 0.95
    assert both.f1 > rules.f1 + 0.1
    assert both.touched <= 0.02


def test_that_the_shipped_weights_keep_off_the_lookalikes_of_the_other_hand() -> None:
    test = measure(lines_of(corpus("pii_blind", "test")), RedactionTagger.shipped())
    assert test.touched <= 0.02
    assert test.f1 >= 0.91


@pytest.mark.parametrize("split", ["fit", "test"])
def test_that_the_rows_of_the_other_hand_mark_whole_details(split: str) -> None:
    for line in lines_of(corpus("pii_blind", split)):
        for span in line.spans:
            detail = line.text[span.start : span.end]
            assert detail and detail == detail.strip()
            digits = "".join(filter(str.isdigit, detail))
            assert span.kind is not PersonalKind.BANKCARD or luhn(digits)


def test_that_a_lookalike_is_a_clean_line_with_a_name_in_it() -> None:
    made = {lookalike(Random(seed)).text for seed in range(200)}
    assert len(made) > 150
    assert not any("{}" in text for text in made)
