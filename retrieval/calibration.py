"""From the evidence for the best entries to the chances that they answer the question.

The numbers in `calibration.json` are fitted by `python -m evals.retrieval_fit`, one set per embedder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from retrieval.entry_snapshot import Ranking
from retrieval.fusion import FusionWeights

FITTED = Path(__file__).with_name("calibration.json")
#: Used for embedders that nobody has fitted yet.
ANY_EMBEDDER = "ngram-1"

FEATURES = (
    "score",
    "margin",
    "asks",
    "answers",
    "asks_dense",
    "answers_dense",
    "known",
    "length",
    "has_question",
)


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic model over some of `FEATURES`."""

    intercept: float
    coefficients: dict[str, float]

    def chance(self, features: dict[str, float]) -> float:
        """The chance (0–1)."""
        logit = self.intercept + sum(weight * features[name] for name, weight in self.coefficients.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


@dataclass(frozen=True, slots=True)
class RetrievalModel:
    """Everything that was fitted: how evidence is weighed, and what it is worth.

    `answers` gives the chance that the best entry answers, `covers` the chance that any does; a question that is
    covered with less than `refuse_below` is refused.
    """

    weights: FusionWeights
    answers: Logistic
    covers: Logistic
    refuse_below: float


def features(ranking: Ranking, length: int) -> dict[str, float]:
    """The features of a ranking with at least one entry; `length` is the question's content in characters."""
    top = ranking.found[0]
    second = ranking.found[1].score if len(ranking.found) > 1 else 0.0
    values = (
        top.score,
        top.score - second,
        top.asks,
        top.answers,
        top.asks_dense,
        top.answers_dense,
        ranking.known,
        math.log1p(length),
        1.0 if top.entry.words.question else 0.0,
    )
    return dict(zip(FEATURES, values, strict=True))


def load_model(embedder_name: str, path: Path = FITTED) -> RetrievalModel:
    """The fitted numbers for an embedder, found by the longest name that begins `embedder_name`."""
    fitted: dict[str, Any] = orjson.loads(path.read_bytes())
    known = [name for name in fitted if embedder_name.startswith(name)]
    chosen = fitted[max(known, key=len) if known else ANY_EMBEDDER]
    return RetrievalModel(
        weights=FusionWeights(**chosen["fusion"]),
        answers=Logistic(**chosen["answers"]),
        covers=Logistic(**chosen["covers"]),
        refuse_below=chosen["refuse_below"],
    )
