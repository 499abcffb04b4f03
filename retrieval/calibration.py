"""From the evidence for the best entries to the chances that they answer the question.

The numbers in `calibration.json` are fitted by `python -m evals.retrieval_fit`, one set per embedder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from conversation.findings import Retrieval
from retrieval.certainty import Certainty
from retrieval.entry_snapshot import Ranking
from retrieval.fusion import FusionWeights
from retrieval.models.weights_folder import read_arrays
from retrieval.reranking import Numbers, Reranker

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
class SecondRanking:
    """What was fitted for the closer look: the order, the two chances, and the bounds below which it is refused.

    A question is refused when the first entry answers it with less than the first bound, for an entry with a question,
    or the second, for one without.
    """

    reranker: Reranker
    answers: Certainty
    covers: Certainty
    refuse_below: tuple[float, float]

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Numbers]) -> SecondRanking:
        """What `arrays` gave."""
        parts: dict[str, dict[str, Numbers]] = {}
        for name, array in arrays.items():
            part, _, field = name.partition(".")
            parts.setdefault(part, {})[field] = array
        with_question, without = (float(one) for one in arrays["refuse_below"])
        answers, covers = Certainty(**parts["answers"]), Certainty(**parts["covers"])
        return cls(Reranker(**parts["reranker"]), answers, covers, (with_question, without))

    def arrays(self) -> dict[str, Numbers]:
        """Everything by name, for a file of arrays."""
        found = {"refuse_below": np.array(self.refuse_below, np.float32)}
        for part, model in (("answers", self.answers), ("covers", self.covers), ("reranker", self.reranker)):
            found |= {f"{part}.{one.name}": getattr(model, one.name) for one in fields(model)}
        return found


@dataclass(frozen=True, slots=True)
class RetrievalModel:
    """Everything that was fitted: how evidence is weighed, and what it is worth.

    `answers` gives the chance that the best entry answers, `covers` the chance that any does; a question that is
    covered with less than `refuse_below` is refused. Where there is a `second` ranking, it decides all of this.
    """

    weights: FusionWeights
    answers: Logistic
    covers: Logistic
    refuse_below: float
    second: SecondRanking | None = None

    def chances(self, ranking: Ranking, length: int) -> tuple[float, float]:
        """The chances that the first entry answers, and that any does; for a ranking with at least one entry."""
        if self.second is None or ranking.signs is None:
            seen = features(ranking, length)
            return self.answers.chance(seen), self.covers.chance(seen)
        asks = bool(ranking.found[0].entry.words.question)
        answers = self.second.answers.chance(ranking.signs, asks)
        return answers, max(answers, self.second.covers.chance(ranking.signs, asks))

    def refuses(self, found: Retrieval) -> bool:
        """True when the base most likely holds no answer that could be given."""
        if self.second is None or not found.passages:
            return found.covered < self.refuse_below
        return found.answerable < self.second.refuse_below[0 if found.passages[0].question else 1]


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


def fitted_name(embedder_name: str, path: Path = FITTED) -> str | None:
    """The longest fitted name that begins `embedder_name`; None where nobody fitted this embedder yet."""
    known = [name for name in orjson.loads(path.read_bytes()) if embedder_name.startswith(name)]
    return max(known, key=len, default=None)


def load_model(embedder_name: str, path: Path = FITTED) -> RetrievalModel:
    """The fitted numbers for an embedder; those of `ANY_EMBEDDER` where it has none of its own."""
    fitted: dict[str, Any] = orjson.loads(path.read_bytes())
    chosen = fitted[fitted_name(embedder_name, path) or ANY_EMBEDDER]
    return RetrievalModel(
        weights=FusionWeights(**chosen["fusion"]),
        answers=Logistic(**chosen["answers"]),
        covers=Logistic(**chosen["covers"]),
        refuse_below=chosen["refuse_below"],
        second=SecondRanking.of_arrays(read_arrays(chosen["second"])) if "second" in chosen else None,
    )
