"""The nearest examples of each label, by their words (through an inverted index) and by their meaning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.models.linear import Matrix
from retrieval.models.ngram_features import SparseRows

#: How many examples of a label are looked at.
NEAREST = 3
#: A key in more than this share of the examples (and in more than this many) tells little and costs most of the time.
TOO_COMMON, ALWAYS_KEPT = 0.1, 20


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Examples turned round: for each key of the vocabulary, the examples that have it and its weight in them.

    `meanings` are their vectors, the examples of one label side by side.
    """

    starts: NDArray[np.int64]
    examples: NDArray[np.int32]
    values: Matrix
    meanings: Matrix
    rank: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def learn(
        cls, rows: SparseRows, meanings: Matrix, width: int, places: NDArray[np.int64], labels: int
    ) -> Neighbours:
        """An index of rows over `width` keys, their vectors and the places of their labels; each label has a row."""
        by_label = np.argsort(places, kind="stable")
        rank = np.empty(len(rows), np.int32)
        rank[by_label] = np.arange(len(rows), dtype=np.int32)
        order = np.argsort(rows.columns, kind="stable")
        order = order[_telling(rows.columns[order], len(rows), width)]
        owners = np.repeat(rank, np.diff(rows.starts))
        starts = np.searchsorted(rows.columns[order], np.arange(width + 1)).astype(np.int64)
        counts = np.bincount(places, minlength=labels).astype(np.int64)
        return cls(starts, owners[order], rows.values[order], meanings[by_label], rank, counts)

    def nearest(self, columns: NDArray[np.int32], values: Matrix, meaning: Matrix, without: int = -1) -> Matrix:
        """Per label, how near its three nearest examples are: the mean cosine of words plus that of meaning (0 to 2).

        `without` leaves out the example learnt at that number.
        """
        lengths = self.starts[columns + 1] - self.starts[columns]
        first = np.repeat(self.starts[columns] - np.cumsum(lengths) + lengths, lengths)
        picked = first + np.arange(len(first))
        weights = self.values[picked] * np.repeat(values, lengths)
        cosines = np.bincount(self.examples[picked], weights, minlength=len(self.rank)).astype(np.float32)
        cosines += np.maximum(self.meanings @ meaning, 0)
        if without >= 0:
            cosines[self.rank[without]] = 0.0
        return self._by_label(cosines)

    def _by_label(self, cosines: Matrix) -> Matrix:
        """Cosines (the examples of one label side by side) to one mean per label; every label has an example."""
        first = np.cumsum(self.counts) - self.counts
        total: Matrix = np.zeros(len(self.counts), np.float32)
        for _ in range(NEAREST):
            best = np.maximum.reduceat(cosines, first)
            total += best
            cosines[cosines >= np.repeat(best, self.counts)] = 0.0
        means: Matrix = (total / np.minimum(self.counts, NEAREST)).astype(np.float32)
        return means


def _telling(columns: NDArray[np.int32], examples: int, width: int) -> NDArray[np.bool_]:
    shared = np.bincount(columns, minlength=width)
    kept: NDArray[np.bool_] = (shared <= max(ALWAYS_KEPT, TOO_COMMON * examples))[columns]
    return kept
