"""What one room's own history teaches: a logistic model over the words and meanings of its lines, learnt at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.models.logistic import sigmoid
from retrieval.models.ngram_features import Keys, Vocabulary, keys_of
from retrieval.static_encoder import StaticEncoder

Numbers = NDArray[np.float64]
#: Inverse of the penalty on the weights; flat between 1 and 10.
LOOSE = 3.0
#: Neighbouring lines come from one talk: they are held out together, at most so many at a time.
TOGETHER, FOLDS = 25, 5
_STEPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class RoomWords:
    """A trained room: weights of n-grams and of the encoder's meaning."""

    vocabulary: Vocabulary
    encoder: StaticEncoder
    words: Numbers
    meaning: Numbers
    bias: float

    def logit(self, text: str) -> float:
        """How much a line sounds like those that were answered here."""
        columns, values = self.vocabulary.row(keys_of(text))
        return float(values @ self.words[columns] + self.encoder.embed([text])[0] @ self.meaning + self.bias)


def learn_room(texts: Sequence[str], wanted: Numbers, encoder: StaticEncoder) -> tuple[RoomWords, Numbers]:
    """The model of a room, and for each line its logit by models that saw nothing of the lines around it."""
    keys = [keys_of(text) for text in texts]
    meanings = encoder.embed(list(texts)).astype(np.float64)
    held = np.zeros(len(texts))
    for inside, outside in _folds(len(texts)):
        known = _learn([keys[i] for i in inside], meanings[inside], wanted[inside], encoder)
        held[outside] = [known.logit(texts[i]) for i in outside]
    return _learn(keys, meanings, wanted, encoder), held


def _folds(count: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    turns = np.arange(count) // max(1, min(TOGETHER, count // (2 * FOLDS))) % FOLDS
    for turn in range(FOLDS):
        yield np.flatnonzero(turns != turn), np.flatnonzero(turns == turn)


def _learn(keys: Sequence[Keys], meanings: Numbers, wanted: Numbers, encoder: StaticEncoder) -> RoomWords:
    vocabulary = Vocabulary.learn(keys)
    rows = np.zeros((len(keys), len(vocabulary.keys)), np.float32)
    for row, own in zip(rows, keys, strict=True):
        columns, values = vocabulary.row(own)
        row[columns] = values
    alike = (rows @ rows.T).astype(np.float64) + meanings @ meanings.T
    shares, bias = _fit(alike, wanted)
    return RoomWords(vocabulary, encoder, shares @ rows, shares @ meanings, bias)


def _fit(alike: Numbers, wanted: Numbers) -> tuple[Numbers, float]:
    """Each line's share in the weights, by Newton's steps in as many unknowns as there are lines.

    The rarer kind of lines weighs as much as the other.
    """
    positive = wanted.sum()
    weights = np.where(wanted > 0, len(wanted) / (2 * positive), len(wanted) / (2 * (len(wanted) - positive)))
    rows = np.c_[alike * LOOSE, np.ones(len(wanted))]
    solution = np.zeros(len(wanted) + 1)
    for _ in range(_STEPS):
        logits = rows @ solution
        guess = sigmoid(logits)
        bend = np.maximum(weights * guess * (1 - guess), 1e-6)
        target = logits + weights * (wanted - guess) / bend
        system = np.zeros((len(wanted) + 1, len(wanted) + 1))
        system[:-1, :-1] = alike * LOOSE + np.diag(1 / bend)
        system[:-1, -1] = system[-1, :-1] = 1.0
        solution = np.linalg.solve(system, np.append(target, 0.0))
    return solution[:-1] * LOOSE, float(solution[-1])
