"""Puts what the words say and what the vectors say about each entry into one score. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each entry, one number per entry; each is the best of the entry's texts on that side.

    `asks` and `answers` are lexical coverages (0 … about 1), `asks_dense` and `answers_dense` cosines (−1 … 1).
    `has_question` is False for entries that only answer.
    """

    asks: Scores
    answers: Scores
    asks_dense: Scores
    answers_dense: Scores
    has_question: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """How much each kind of evidence counts. `without_question` scales entries that only answer."""

    asks: float = 1.0
    answers: float = 0.7
    asks_dense: float = 0.3
    answers_dense: float = 0.1
    without_question: float = 0.8


def fuse(evidence: Evidence, weights: FusionWeights) -> Scores:
    """One score per entry.

    A weighted sum, not ranks: both kinds of evidence say *how well* an entry fits, and ranks would throw that away.
    An entry without a question is judged by its answer for both sides.
    """
    asking = weights.asks * evidence.asks + weights.asks_dense * np.maximum(evidence.asks_dense, 0)
    answering = weights.answers * evidence.answers + weights.answers_dense * np.maximum(evidence.answers_dense, 0)
    both = (weights.asks + weights.answers) * evidence.answers
    both_dense = (weights.asks_dense + weights.answers_dense) * np.maximum(evidence.answers_dense, 0)
    alone = weights.without_question * (both + both_dense)
    return np.where(evidence.has_question, asking + answering, alone).astype(np.float32)


def best(scores: Scores, k: int) -> npt.NDArray[np.int64]:
    """The places of the `k` highest scores above zero, best first; equal scores keep the order of the entries."""
    if k < len(scores):
        candidates = np.argpartition(-scores, k)[:k]
        candidates = np.flatnonzero(scores >= scores[candidates].min()) if len(candidates) else candidates
    else:
        candidates = np.arange(len(scores))
    candidates = candidates[scores[candidates] > 0]
    order = np.argsort(-scores[candidates], kind="stable")
    return candidates[order][:k].astype(np.int64)
