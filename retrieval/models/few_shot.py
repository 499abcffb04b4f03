"""Intents from a handful of examples each: a linear model steadied by the nearest examples, and a sense for strangers.

Used for a deployer's own intents and for the built-in ones; knows when a text is none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.models.linear import MANY_ROWS, HeldOut, LinearModel, Matrix, chances_of, one_hot, train_and_hold_out
from retrieval.models.logistic import Logistic, fit_logistic, sigmoid
from retrieval.models.neighbours import Neighbours
from retrieval.models.ngram_features import Keys, keys_of

#: Above this many examples the linear model alone is better and the neighbours only cost time.
MOST_NEIGHBOURS = MANY_ROWS
#: How much the three nearest examples of a label add to its logit (cosine 0–1); measured on public intent sets.
NEIGHBOUR_SHARE = 4.0
#: A text is a stranger when it looks less familiar than this share of the examples did when they were held out (few
#: examples look stranger then than later, so the second share, for large sets, is smaller).
WORST_EXAMPLES = (0.1, 0.05)
#: With this many rows labelled as strangers, the line is drawn between them and the examples instead.
ENOUGH_STRANGERS = 10
_FAR = -1e3


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is taken for. `chances` per label add up to `known`, the chance that it is any of them."""

    label: str
    chances: dict[str, float]
    known: float
    abstain: bool


@dataclass(frozen=True, slots=True, eq=False)
class FewShotModel:
    """A linear model, its examples and the familiarity line. `stranger` names the label for "none of these", or ""."""

    linear: LinearModel
    neighbours: Neighbours
    familiarity: Logistic
    threshold: float
    stranger: str = ""

    def read(self, text: str) -> Reading:
        """The label of a text, or the stranger's label (where there is one) when it looks like no example."""
        keys = keys_of(text)
        logits, nearest = self._logits(keys)
        chances = chances_of(logits, self.linear.temperature, exclusive=True)
        own = [place for place, label in enumerate(self.linear.labels) if label != self.stranger]
        best = own[int(np.argmax(logits[own]))]
        marks = _marks(logits[None, :][:, own], self.linear.temperature, nearest[None])
        known = float(sigmoid(self.familiarity.logits(marks) - self.threshold)[0])
        abstain = known < 0.5 or self.linear.labels[int(np.argmax(logits))] == self.stranger
        label = self.stranger if abstain and self.stranger else self.linear.labels[best]
        return Reading(label, self._shares(chances, known), known, abstain)

    def _shares(self, chances: NDArray[np.float64], known: float) -> dict[str, float]:
        shares = dict(zip(self.linear.labels, (chances * known).tolist(), strict=True))
        if self.stranger:
            shares[self.stranger] = shares.get(self.stranger, 0.0) + 1.0 - known
        return shares

    def _logits(self, keys: Keys) -> tuple[Matrix, Matrix]:
        logits = self.linear.logits(keys)
        nearest = self.neighbours.nearest(keys)
        if not len(nearest):
            return logits, np.zeros(len(logits), np.float32)
        return logits + np.float32(NEIGHBOUR_SHARE) * nearest, nearest

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The model as arrays for `numpy.savez`."""
        return {
            **self.linear.to_arrays(f"{name}.linear"),
            **self.neighbours.to_arrays(f"{name}.neighbours"),
            f"{name}.familiarity": self.familiarity.slopes,
            f"{name}.threshold": np.array([self.threshold]),
            f"{name}.stranger": np.array([self.stranger], dtype=np.str_),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> FewShotModel:
        """The model that `to_arrays` wrote. Raises KeyError when there is none of that name."""
        return cls(
            LinearModel.from_arrays(arrays, f"{name}.linear"),
            Neighbours.from_arrays(arrays, f"{name}.neighbours"),
            Logistic(arrays[f"{name}.familiarity"]),
            float(arrays[f"{name}.threshold"][0]),
            str(arrays[f"{name}.stranger"][0]),
        )


def train_few_shot(texts: Sequence[str], labels: Sequence[str], stranger: str = "") -> FewShotModel:
    """Learns from examples and their labels. Raises ValueError when there are none."""
    if not texts:
        raise ValueError("no labelled examples: give at least one row with a text and a label")
    order = tuple(sorted(set(labels)))
    keys = [keys_of(text) for text in texts]
    targets = one_hot(labels, order)
    linear, held = train_and_hold_out(keys, targets, order)
    places = np.argmax(targets, axis=1).astype(np.int32)
    neighbours = Neighbours.learn(linear.vocabulary, keys if len(keys) <= MOST_NEIGHBOURS else (), places, len(order))
    near = _rehearse_nearness(neighbours, keys, held)
    own = np.array([place for place, label in enumerate(order) if label != stranger], np.int64)
    logits = (held.logits + np.float32(NEIGHBOUR_SHARE) * near).astype(np.float32)
    show = _Rehearsal(logits, near, places[held.rows], own, linear.temperature)
    familiarity, threshold = _learn_familiarity(show, WORST_EXAMPLES[len(keys) > MANY_ROWS])
    return FewShotModel(linear, neighbours, familiarity, threshold, stranger)


def _rehearse_nearness(neighbours: Neighbours, keys: Sequence[Keys], held: HeldOut) -> Matrix:
    near: Matrix = np.zeros_like(held.logits)
    for place, row in enumerate(held.rows.tolist()):
        found = neighbours.nearest(keys[row], without=row)
        if len(found):
            near[place] = found
    return near


@dataclass(frozen=True, slots=True, eq=False)
class _Rehearsal:
    """Held-out examples as they looked: logits and nearness per label, and the places of the true labels."""

    logits: Matrix
    near: Matrix
    places: NDArray[np.int32]
    own: NDArray[np.int64]
    temperature: float

    @property
    def inside(self) -> NDArray[np.bool_]:
        return np.isin(self.places, self.own)

    def marks(self) -> NDArray[np.float64]:
        return _marks(self.logits[:, self.own], self.temperature, self.near[:, self.own])

    def bereft(self) -> _Rehearsal:
        """The same rows seen by a model that has each row's own label taken away."""
        rows = np.arange(len(self.places))
        logits, near = self.logits.copy(), self.near.copy()
        logits[rows, self.places], near[rows, self.places] = _FAR, 0.0
        return _Rehearsal(logits, near, self.places, self.own, self.temperature)


def _learn_familiarity(show: _Rehearsal, worst: float) -> tuple[Logistic, float]:
    """Weights that tell held-out examples from strangers, and the line between them.

    Strangers are the rows labelled so, and every example seen by a model that has its own label taken away.
    """
    inside, marks = show.inside, show.marks()
    if not inside.any() or len(show.own) < 2:
        return Logistic(np.zeros(marks.shape[1] + 1)), -3.0
    known, real, imagined = marks[inside], marks[~inside], show.bereft().marks()[inside]
    share = 0.5 if len(real) else 1.0
    weights = np.repeat([1.0, share, share * len(known) / max(1, len(real))], [len(known), len(imagined), len(real)])
    wanted = np.repeat([1.0, 0.0], [len(known), len(imagined) + len(real)])
    familiarity = fit_logistic(np.concatenate([known, imagined, real]), wanted, weights)
    right = inside & (np.argmax(show.logits, axis=1) == show.places)
    familiar, strange = np.sort(familiarity.logits(marks[right])), np.sort(familiarity.logits(real))
    if len(strange) >= ENOUGH_STRANGERS and len(familiar):
        kept = 1 - np.searchsorted(familiar, familiar) / max(1, len(known))
        sent_away = np.searchsorted(strange, familiar) / len(strange)
        return familiarity, float(familiar[int(np.argmax(kept + sent_away))])
    return familiarity, float(familiar[int(len(familiar) * worst)]) if len(familiar) else 0.0


def _marks(logits: Matrix, temperature: float, nearest: Matrix) -> NDArray[np.float64]:
    """What tells a stranger: the best logit, its lead, its chance, and how near the nearest examples are."""
    chances = chances_of(logits, temperature, exclusive=True)
    ranked = np.sort(logits.astype(np.float64), axis=1)[:, ::-1]
    second = ranked[:, 1] if ranked.shape[1] > 1 else np.zeros(len(ranked))
    lead = np.clip(ranked[:, 0] - second, 0, 20)
    return np.stack([ranked[:, 0], lead, np.log(chances.max(axis=1) + 1e-9), nearest.max(axis=1)], axis=1)
