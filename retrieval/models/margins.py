"""One hyperplane per label over sparse words and a dense meaning, learnt together: a support vector machine.

Dual coordinate descent for the squared hinge loss (Hsieh et al. 2008, "A dual coordinate descent method for large-scale
linear SVM", algorithm 1), all labels of a row in one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.models.ngram_features import SparseRows

Matrix = NDArray[np.float32]
Places = NDArray[np.int64]
#: How much a row on the wrong side costs against short weights; on CLINC150 0.25, 0.5, 1.5 and 4 read .922, .931, .934
#: and .937 right, with heavier rare keys than now; with these 1.5 .938.
LOOSE = 1.5
#: A row's share of a label changes by less than this: nothing is written.
_NOTICED = np.float32(1e-4)
_SEED = 7


@dataclass(frozen=True, slots=True, eq=False)
class TwofoldRows:
    """Rows seen twice: `words` are sparse, `meanings` dense (rows × dimensions)."""

    words: SparseRows
    meanings: Matrix

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """The weights: keys × labels, dimensions × labels, labels."""

    words: Matrix
    meanings: Matrix
    biases: Matrix

    def margins(self, columns: NDArray[np.int32], values: Matrix, meaning: Matrix) -> Matrix:
        """How far a text lies on each label's side: beyond 1 well inside, below −1 well outside."""
        found: Matrix = values @ self.words.take(columns, axis=0) + meaning @ self.meanings + self.biases
        return found

    def margins_of(self, rows: TwofoldRows, picked: Places) -> Matrix:
        """`margins` of some rows."""
        found: Matrix = np.zeros((len(picked), len(self.biases)), np.float32)
        for place, row in enumerate(picked.tolist()):
            found[place] = self.margins(*rows.words.row(row), rows.meanings[row])
        return found

    def _add(self, columns: NDArray[np.int32], values: Matrix, meaning: Matrix, change: Matrix) -> None:
        held = self.words.take(columns, axis=0)
        held += np.multiply.outer(values, change)
        self.words[columns] = held
        self.meanings[:] += np.multiply.outer(meaning, change)
        self.biases[:] += change


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """Planes with each row's share in them (rows × labels), so that rows can be learnt further or taken out."""

    rows: TwofoldRows
    places: Places
    planes: Planes
    shares: Matrix

    @classmethod
    def blank(cls, rows: TwofoldRows, places: Places, width: int, labels: int) -> Learning:
        """Nothing learnt yet of rows whose labels have these places; `width` keys."""
        planes = Planes(
            np.zeros((width, labels), np.float32),
            np.zeros((rows.meanings.shape[1], labels), np.float32),
            np.zeros(labels, np.float32),
        )
        return cls(rows, places, planes, np.zeros((len(rows), labels), np.float32))

    def learn(self, picked: Places, rounds: int) -> None:
        """Goes through some rows, in an order that is always the same, a number of times."""
        shuffle = np.random.default_rng(_SEED)
        slack = np.float32(1 / (2 * LOOSE))
        for _ in range(rounds):
            for row in shuffle.permutation(picked).tolist():
                self._step(row, slack)

    def _step(self, row: int, slack: np.float32) -> None:
        columns, values = self.rows.words.row(row)
        meaning, place, held = self.rows.meanings[row], self.places[row], self.shares[row]
        margins = self.planes.margins(columns, values, meaning)
        slope = held * slack - margins - 1
        slope[place] += 2 * margins[place]
        size = np.float32(values @ values + meaning @ meaning + 1 + slack)
        shares = np.maximum(held - slope / size, 0)
        change = held - shares
        change[place] *= -1
        if np.abs(change).max(initial=0) > _NOTICED:
            self.shares[row] = shares
            self.planes._add(columns, values, meaning, change)

    def without(self, left_out: Places) -> Learning:
        """A copy that forgot some rows."""
        planes = Planes(self.planes.words.copy(), self.planes.meanings.copy(), self.planes.biases.copy())
        copy = replace(self, planes=planes, shares=self.shares.copy())
        for row in left_out.tolist():
            change = copy.shares[row].copy()
            change[copy.places[row]] *= -1
            if change.any():
                planes._add(*copy.rows.words.row(row), copy.rows.meanings[row], change)
        copy.shares[left_out] = 0
        return copy


def rehearse(learning: Learning, folds: Iterator[Places], rounds: int) -> Iterator[tuple[Places, Matrix]]:
    """For each fold, the margins of its rows by planes that forgot them and went on learning the others."""
    everything = np.arange(len(learning.rows))
    for fold in folds:
        others = learning.without(fold)
        others.learn(np.setdiff1d(everything, fold), rounds)
        yield fold, others.planes.margins_of(learning.rows, fold)
