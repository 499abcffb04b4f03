"""What a search is judged by: recall, reciprocal rank, and how well unanswerable questions are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from conversation.findings import Retrieval
from evals.retrieval_sets import Asked

Numbers = npt.NDArray[np.float64]
RANKS = 10


@dataclass(frozen=True, slots=True)
class RetrievalFigures:
    """Shares (0–1). Recall and reciprocal rank are over answerable questions, everything else over all of them.

    `right_or_refused`: the first entry is right and given, or none is right and none is given. `wrong`: an entry is
    given and is not right.
    `gap` is the expected calibration error of `answerable` against "the first one is right"; the two `order` figures
    are the chance that a right (or answerable) question gets the higher number than a wrong one (area under ROC).
    """

    recall_1: float
    recall_5: float
    right_or_refused: float
    wrong: float
    reciprocal_rank: float
    refusal_precision: float
    refusal_recall: float
    refusal_f1: float
    gap: float
    order_answers: float
    order_covers: float


def score(asked: Sequence[Asked], found: Sequence[Retrieval], refused: Sequence[bool]) -> RetrievalFigures:
    """Judges the findings for questions; `found` hold at least ten passages where there are as many."""
    ranks = np.array([_rank(one, finding) for one, finding in zip(asked, found, strict=True)])
    answerable = np.array([bool(one.right) for one in asked])
    held = ranks[answerable]
    right = (ranks == 1).astype(float)
    no, unheld = np.array(refused), ~answerable
    caught = float((no & unheld).sum())
    precision, recall = caught / max(no.sum(), 1), caught / max(unheld.sum(), 1)
    chances = np.array([finding.answerable for finding in found])
    return RetrievalFigures(
        recall_1=_mean(held == 1),
        recall_5=_mean((held > 0) & (held <= 5)),
        right_or_refused=_mean(np.where(no, unheld, right > 0)),
        wrong=_mean(~no & (right == 0)),
        reciprocal_rank=_mean(np.array([1 / rank if 0 < rank <= RANKS else 0.0 for rank in held])),
        refusal_precision=float(precision),
        refusal_recall=float(recall),
        refusal_f1=float(2 * precision * recall / max(precision + recall, 1e-9)),
        gap=calibration_gap(chances, right),
        order_answers=order(chances, right),
        order_covers=order(np.array([finding.covered for finding in found]), answerable.astype(float)),
    )


def calibration_gap(chances: Numbers, came_true: Numbers, bins: int = 10) -> float:
    """The mean distance between a chance and how often it came true, over equal bins weighted by size."""
    places = np.minimum((chances * bins).astype(int), bins - 1)
    shares = [
        (places == place).mean() * abs(chances[places == place].mean() - came_true[places == place].mean())
        for place in np.unique(places)
    ]
    return float(sum(shares))


def order(scores: Numbers, came_true: Numbers) -> float:
    """The area under the ROC curve; 0.5 when there is nothing to tell apart."""
    yes, no = scores[came_true > 0], scores[came_true <= 0]
    if not len(yes) or not len(no):
        return 0.5
    below = np.searchsorted(np.sort(no), yes, side="left") + np.searchsorted(np.sort(no), yes, side="right")
    return float(below.mean() / 2 / len(no))


def _mean(values: npt.NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _rank(asked: Asked, found: Retrieval) -> int:
    for rank, passage in enumerate(found.passages, start=1):
        if passage.entry_id in asked.right:
            return rank
    return 0
