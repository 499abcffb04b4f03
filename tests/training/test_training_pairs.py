"""What the encoder is taught to draw together: pairs of one need, with a neighbour that must stay apart."""

from __future__ import annotations

import random

from retrieval.models.folding import fold
from training.pairs import training_pairs
from training.sources import base_groups, corpus
from training.witness import is_held_out


def test_the_expressions_of_a_need_are_paired_with_each_other_and_kept_from_its_neighbours() -> None:
    pairs = training_pairs(None, random.Random(1))
    need = corpus("needs", "train")[0]
    said = {fold(text) for text in (need["need"], *need["expressions"])}
    own = [pair for pair in pairs if pair.need == need["id"]]
    assert {text for pair in own for text in (pair.first, pair.second)} <= said
    assert {pair.first for pair in own} == said
    assert {pair.other for pair in own} <= {fold(text) for text in need["others"]}
    assert all(pair.first != pair.second for pair in own)


def test_the_same_dice_give_the_same_pairs() -> None:
    assert training_pairs(None, random.Random(1)) == training_pairs(None, random.Random(1))


def test_an_entry_of_a_practice_base_is_a_group_with_its_nearest_entries_as_others() -> None:
    groups = base_groups()
    assert len(groups) > 300
    questions = {group["question"] for group in groups}
    for group in groups[:50]:
        assert len(group["others"]) == 2
        assert group["question"] not in group["others"]
        assert set(group["others"]) <= questions
        assert group["paraphrases"]


def test_all_practice_bases_are_unknown_to_the_witness_by_which_finding_is_fitted() -> None:
    assert all(is_held_out(group["author"]) for group in base_groups())
