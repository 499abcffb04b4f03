"""The nearest examples of each label, by cosine over n-gram rows, through an inverted index of the examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.models.linear import Matrix
from retrieval.models.ngram_features import Keys, Vocabulary

#: How many examples of a label are looked at.
NEAREST = 3


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Examples turned round: for each key of the vocabulary, the examples that have it and its weight in them."""

    vocabulary: Vocabulary
    starts: NDArray[np.int64]
    examples: NDArray[np.int32]
    values: Matrix
    rank: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def learn(cls, vocabulary: Vocabulary, keys: Sequence[Keys], places: NDArray[np.int32], labels: int) -> Neighbours:
        """An index of examples (rows of keys) and the places of their labels; of no examples, an empty one."""
        rows = vocabulary.rows(keys)
        by_label = np.argsort(places[: len(rows)], kind="stable")
        rank = np.empty(len(rows), np.int32)
        rank[by_label] = np.arange(len(rows), dtype=np.int32)
        order = np.argsort(rows.columns, kind="stable")
        owners = np.repeat(rank, np.diff(rows.starts))
        starts = np.searchsorted(rows.columns[order], np.arange(len(vocabulary.keys) + 1)).astype(np.int64)
        counts = np.bincount(places[: len(rows)], minlength=labels).astype(np.int64)
        return cls(vocabulary, starts, owners[order], rows.values[order], rank, counts)

    def nearest(self, keys: Keys, without: int = -1) -> Matrix:
        """Per label, the mean cosine of its three nearest examples; empty when nothing was learnt.

        `without` leaves out the example learnt at that number.
        """
        if not len(self.rank):
            return np.empty(0, np.float32)
        columns, values = self.vocabulary.row(keys)
        lengths = self.starts[columns + 1] - self.starts[columns]
        first = np.repeat(self.starts[columns] - np.cumsum(lengths) + lengths, lengths)
        picked = first + np.arange(len(first))
        weights = self.values[picked] * np.repeat(values, lengths)
        cosines = np.bincount(self.examples[picked], weights, minlength=len(self.rank)).astype(np.float32)
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

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The index as arrays for `numpy.savez`."""
        return {
            f"{name}.keys": self.vocabulary.keys,
            f"{name}.rarity": self.vocabulary.weights,
            f"{name}.starts": self.starts,
            f"{name}.examples": self.examples,
            f"{name}.values": self.values,
            f"{name}.rank": self.rank,
            f"{name}.counts": self.counts,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> Neighbours:
        """The index that `to_arrays` wrote. Raises KeyError when there is none of that name."""
        return cls(
            Vocabulary(arrays[f"{name}.keys"], arrays[f"{name}.rarity"]),
            arrays[f"{name}.starts"],
            arrays[f"{name}.examples"],
            arrays[f"{name}.values"],
            arrays[f"{name}.rank"],
            arrays[f"{name}.counts"],
        )
