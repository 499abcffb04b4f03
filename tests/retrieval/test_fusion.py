"""Evidence becomes one score per entry, and the best are picked without losing ties."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fusion import Evidence, FusionWeights, best, fuse

WEIGHTS = FusionWeights(asks=1.0, answers=0.5, asks_dense=0.2, answers_dense=0.0, without_question=0.8)


def evidence(asks: float, answers: float, dense: float = 0.0, question: bool = True) -> Evidence:
    one = [np.array([value], np.float32) for value in (asks, answers, dense, dense)]
    return Evidence(*one, np.array([question]))


def test_a_question_that_fits_counts_more_than_an_answer_that_fits() -> None:
    assert fuse(evidence(0.8, 0.1), WEIGHTS)[0] > fuse(evidence(0.1, 0.8), WEIGHTS)[0]


def test_an_entry_without_question_is_judged_by_its_answer() -> None:
    assert fuse(evidence(0.0, 0.8, question=False), WEIGHTS)[0] > fuse(evidence(0.0, 0.8), WEIGHTS)[0]


def test_vectors_that_point_away_take_nothing_off() -> None:
    assert fuse(evidence(0.5, 0.5, dense=-0.9), WEIGHTS)[0] == fuse(evidence(0.5, 0.5), WEIGHTS)[0]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9]), max_size=30), st.integers(1, 12))
def test_the_best_are_the_highest_above_zero_in_stable_order(scores: list[float], k: int) -> None:
    expected = [at for at, _ in sorted(enumerate(scores), key=lambda pair: -pair[1]) if scores[at] > 0][:k]
    assert list(best(np.array(scores, np.float32), k)) == expected
