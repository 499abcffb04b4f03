"""What cases add up to; pure. Every figure is a share (0–1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judged:
    """One case: what was expected, what came, and whether that is right."""

    case_id: str
    text: str
    expected: str
    got: str
    passed: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a question came to: the place of the first right entry (0: not found), and how the turn ended.

    `refused` says that the base does not hold it; `told` that an entry was given as the answer, `rightly` that it was a
    right one.
    """

    answerable: bool
    rank: int
    refused: bool
    told: bool
    rightly: bool


def question_figures(found: Sequence[Found]) -> dict[str, float]:
    """Recall over answerable questions, refusal over all, and how often an entry was told rightly or wrongly."""
    held = [one for one in found if one.answerable]
    strange = [one for one in found if not one.answerable]
    caught = sum(one.refused for one in strange)
    refused = sum(one.refused for one in found)
    precision, recall = _share(caught, refused), _share(caught, len(strange))
    return {
        "recall_1": _share(sum(one.rank == 1 for one in held), len(held)),
        "recall_5": _share(sum(1 <= one.rank <= 5 for one in held), len(held)),
        "refusal_precision": precision,
        "refusal_recall": recall,
        "refusal_f1": _share(2 * precision * recall, precision + recall),
        "told_rightly": _share(sum(one.told and one.rightly for one in held), len(held)),
        "told_wrongly": _share(sum(one.told and not one.rightly for one in found), len(found)),
    }


def outcome_figures(judged: Collection[bool]) -> dict[str, float]:
    """How many lines ended as expected."""
    return {"outcome_accuracy": _share(sum(judged), len(judged))}


def rank_of(right: Collection[str], entries: Sequence[tuple[str, str]]) -> int:
    """The place (from 1) of the first right entry among (id, question) pairs, 0 when none is there."""
    for place, (entry_id, question) in enumerate(entries, start=1):
        if entry_id in right or question in right:
            return place
    return 0


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
