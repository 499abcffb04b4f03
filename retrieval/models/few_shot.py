"""Intents from a handful of examples each: planes steadied by the nearest examples, and a sense for strangers.

Learnt at start from a deployer's rows; knows when a text is none of them. Measured by `python -m evals.few_shot`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import Embedder
from retrieval.models.linear import Matrix, chances_of, fit_temperature, one_hot
from retrieval.models.logistic import Logistic, fit_logistic
from retrieval.models.margins import Learning, Places, Planes, TwofoldRows, rehearse
from retrieval.models.neighbours import Neighbours
from retrieval.models.ngram_features import Vocabulary
from retrieval.models.word_features import wording_keys

#: From here on a set counts as large: no nearest examples, one rehearsal, no keys seen once.
MANY_ROWS = 3000
#: How much a text's meaning counts beside its words; 1.3 is better for paraphrases, worse for messages and English.
MEANING = np.float32(0.8)
#: How the rarity and the kind of a key weigh; on CLINC150 1 and 2.4 read 0.4 points more right than 1.5 and 2.
RARITY, MARKED = 1.0, 2.4
#: What the nearest examples of a label (0–2) add to its margin.
NEIGHBOUR_SHARE = np.float32(0.5)
#: Times that all rows are gone through, of small sets and of large ones; and again, when some are left out.
ROUNDS, AGAIN = (12, 6), (2, 1)
#: The share of the rehearsed examples that may be taken for strangers, of small sets (whose examples look stranger when
#: left out than they will be) and of large ones. What more and less costs on CLINC150: docs/models/few-shot.md.
GIVEN_UP = (0.12, 0.0075)
#: With this many rows of strangers, how much the imagined ones still count beside them; on CLINC150, at 1.5 % given up,
#: 0.5 catches .68 of what is outside scope, 0.2 .74, 0.05 .78.
ENOUGH_STRANGERS, IMAGINED = 10, 0.1
_FOLDS, _FOLDS_OF_MANY = 4, 8
_FAR = -1e3
_FEWEST_REHEARSED = 8
#: Which way each mark must point: from few examples chance may turn it round.
_TOWARDS_KNOWN = np.array([1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text is taken for. `chances` per label add up to `known`, the chance that it is any of them."""

    label: str
    chances: dict[str, float]
    known: float
    abstain: bool


@dataclass(frozen=True, slots=True, eq=False)
class FewShotModel:
    """Planes, examples and the familiarity line. `stranger` names the label for "none of these", or ""."""

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    encoder: Embedder
    planes: Planes
    neighbours: Neighbours | None
    temperature: float
    familiarity: Logistic
    stranger: str = ""

    def read(self, text: str) -> Reading:
        """The label of a text, or the stranger's label (where there is one) when it looks like no example."""
        columns, values = self.vocabulary.row(wording_keys(text))
        meaning = self.encoder.embed([text])[0]
        near: Matrix = np.zeros(len(self.labels), np.float32)
        if self.neighbours is not None:
            near = self.neighbours.nearest(columns, values, meaning)
        scores = self.planes.margins(columns, values, MEANING * meaning) + NEIGHBOUR_SHARE * near
        own = np.array([place for place, label in enumerate(self.labels) if label != self.stranger], np.int64)
        if not len(own):
            return Reading(self.stranger, {self.stranger: 1.0}, 0.0, True)
        known = float(self.familiarity.chances(_marks(scores[None], near[None], own))[0])
        shares = known * chances_of(scores[own], self.temperature, exclusive=True)
        chances = {self.labels[place]: share for place, share in zip(own.tolist(), shares.tolist(), strict=True)}
        best = self.labels[own[int(np.argmax(shares))]]
        if self.stranger:
            chances[self.stranger] = 1.0 - known
        abstain = known < 0.5
        return Reading(self.stranger if abstain and self.stranger else best, chances, known, abstain)


def train_few_shot(texts: Sequence[str], labels: Sequence[str], encoder: Embedder, stranger: str = "") -> FewShotModel:
    """Learns from examples and their labels. Raises ValueError when there are none. Same input, same model."""
    if not texts:
        raise ValueError("no labelled examples: give at least one row with a text and a label")
    many = len(texts) > MANY_ROWS
    order = tuple(sorted(set(labels)))
    places = np.argmax(one_hot(labels, order), axis=1)
    keys = [wording_keys(text) for text in texts]
    vocabulary = Vocabulary.learn(keys, 1 + many, RARITY, MARKED)
    words, meanings = vocabulary.rows(keys), encoder.embed(texts)
    learning = Learning.blank(TwofoldRows(words, MEANING * meanings), places, len(vocabulary.keys), len(order))
    learning.learn(np.arange(len(texts)), ROUNDS[many])
    neighbours = None if many else Neighbours.learn(words, meanings, len(vocabulary.keys), places, len(order))
    own = np.array([place for place, label in enumerate(order) if label != stranger], np.int64)
    show = _rehearsed(learning, neighbours, meanings, own)
    temperature, familiarity = 1.0, Logistic(np.array([0.0, 0.0, 0.0, 3.0]))
    if show.inside.any() and len(own) > 1:
        temperature = show.temperature()
        familiarity = _learn_familiarity(show, GIVEN_UP[many])
    return FewShotModel(order, vocabulary, encoder, learning.planes, neighbours, temperature, familiarity, stranger)


@dataclass(frozen=True, slots=True, eq=False)
class _Rehearsal:
    """Examples as they looked when they were left out: scores and nearness per label, the places of the true labels."""

    scores: Matrix
    near: Matrix
    places: Places
    own: Places

    @property
    def inside(self) -> NDArray[np.bool_]:
        return np.isin(self.places, self.own)

    def marks(self) -> NDArray[np.float64]:
        return _marks(self.scores, self.near, self.own)

    def bereft(self) -> _Rehearsal:
        """The same rows seen by a model that has each row's own label taken away."""
        rows = np.arange(len(self.places))
        scores, near = self.scores.copy(), self.near.copy()
        scores[rows, self.places], near[rows, self.places] = _FAR, 0.0
        return _Rehearsal(scores, near, self.places, self.own)

    def temperature(self) -> float:
        inside = self.inside
        targets = (self.places[inside][:, None] == self.own[None]).astype(np.float32)
        return fit_temperature(self.scores[inside][:, self.own], targets, exclusive=True)


def _rehearsed(learning: Learning, neighbours: Neighbours | None, meanings: Matrix, own: Places) -> _Rehearsal:
    labels = learning.shares.shape[1]
    picked: list[Places] = [np.empty(0, np.int64)]
    scores: list[Matrix] = [np.empty((0, labels), np.float32)]
    for rows, margins in rehearse(learning, _folds(learning.places, own), AGAIN[neighbours is None]):
        picked.append(rows)
        scores.append(margins)
    rows = np.concatenate(picked)
    near: Matrix = np.zeros((len(rows), labels), np.float32)
    if neighbours is not None:
        for place, row in enumerate(rows.tolist()):
            near[place] = neighbours.nearest(*learning.rows.words.row(row), meanings[row], without=row)
    return _Rehearsal(np.concatenate(scores) + NEIGHBOUR_SHARE * near, near, learning.places[rows], own)


def _folds(places: Places, own: Places) -> Iterator[Places]:
    """Rows to leave out: of small sets a quarter at a time, of large ones an eighth once, with half the strangers."""
    order = np.random.default_rng(7).permutation(len(places))
    if len(places) < _FEWEST_REHEARSED:
        return
    if len(places) <= MANY_ROWS:
        yield from (np.sort(part) for part in np.array_split(order, _FOLDS))
        return
    inside = np.isin(places[order], own)
    yield np.sort(np.concatenate([order[inside][::_FOLDS_OF_MANY], order[~inside][::2]]))


def _learn_familiarity(show: _Rehearsal, given_up: float) -> Logistic:
    """Tells left-out examples from strangers; the line (chance one half) gives up a set share of the examples.

    Strangers are the rows labelled so, and every example seen by a model that has its own label taken away.
    """
    inside, marks = show.inside, show.marks()
    known, real, imagined = marks[inside], marks[~inside], show.bereft().marks()[inside]
    share = IMAGINED if len(real) >= ENOUGH_STRANGERS else 1.0
    of_real = (1 - share) * len(known) / max(1, len(real))
    weights = np.repeat([1.0, share, of_real], [len(known), len(imagined), len(real)])
    wanted = np.repeat([1.0, 0.0], [len(known), len(imagined) + len(real)])
    familiarity = _pointing_right(np.concatenate([known, imagined, real]), wanted, weights)
    line = float(np.quantile(familiarity.logits(known), given_up))
    return Logistic(np.append(familiarity.slopes[:-1], familiarity.slopes[-1] - line))


def _pointing_right(marks: NDArray[np.float64], wanted: NDArray[np.float64], weights: NDArray[np.float64]) -> Logistic:
    """A logistic model without the marks that would point the wrong way; the best score always counts a little."""
    used = np.ones(marks.shape[1], np.bool_)
    while used.any():
        fitted = fit_logistic(marks * used, wanted, weights)
        wrong = used & (fitted.slopes[:-1] * _TOWARDS_KNOWN < 0)
        if not wrong.any():
            break
        used &= ~wrong
    slopes = fitted.slopes * np.append(used, True)
    slopes[0] = max(slopes[0], 1.0)
    return Logistic(slopes)


def _marks(scores: Matrix, near: Matrix, own: Places) -> NDArray[np.float64]:
    """What tells a stranger: the best score, the strangers' score, how near the nearest examples are."""
    best = scores[:, own].max(axis=1).astype(np.float64)
    others = np.delete(scores, own, axis=1)
    strange = others.max(axis=1) if others.shape[1] else np.zeros(len(scores))
    return np.stack([best, strange, near[:, own].max(axis=1)], axis=1)
