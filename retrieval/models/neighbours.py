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
    places: NDArray[np.int32]
    labels: int

    @classmethod
    def learn(cls, vocabulary: Vocabulary, keys: Sequence[Keys], places: NDArray[np.int32], labels: int) -> Neighbours:
        """An index of examples (rows of keys) and the places of their labels; of no examples, an empty one."""
        rows = vocabulary.rows(keys)
        lengths = np.diff(rows.starts)
        order = np.argsort(rows.columns, kind="stable")
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
        starts = np.searchsorted(rows.columns[order], np.arange(len(vocabulary.keys) + 1)).astype(np.int64)
        return cls(vocabulary, starts, owners[order], rows.values[order], places[: len(rows)], labels)

    def nearest(self, keys: Keys, without: int = -1) -> Matrix:
        """Per label, the mean cosine of its three nearest examples (`without` leaves one example out); empty without
        examples."""
        if not len(self.places):
            return np.empty(0, np.float32)
        columns, values = self.vocabulary.row(keys)
        lengths = self.starts[columns + 1] - self.starts[columns]
        first = np.repeat(self.starts[columns] - np.cumsum(lengths) + lengths, lengths)
        picked = first + np.arange(len(first))
        cosines = np.bincount(
            self.examples[picked], self.values[picked] * np.repeat(values, lengths), minlength=len(self.places)
        )
        if without >= 0:
            cosines[without] = 0.0
        return self._by_label(cosines)

    def _by_label(self, cosines: NDArray[np.float64]) -> Matrix:
        order = np.lexsort((-cosines, self.places))
        sorted_places = self.places[order]
        first = np.searchsorted(sorted_places, np.arange(self.labels))
        ranks = np.arange(len(order)) - first[sorted_places]
        kept = ranks < NEAREST
        sums = np.bincount(sorted_places[kept], cosines[order][kept], minlength=self.labels)
        counts = np.bincount(sorted_places[kept], minlength=self.labels)
        means: Matrix = (sums / np.maximum(counts, 1)).astype(np.float32)
        return means

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The index as arrays for `numpy.savez`."""
        return {
            f"{name}.keys": self.vocabulary.keys,
            f"{name}.rarity": self.vocabulary.weights,
            f"{name}.starts": self.starts,
            f"{name}.examples": self.examples,
            f"{name}.values": self.values,
            f"{name}.places": self.places,
            f"{name}.labels": np.array([self.labels]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> Neighbours:
        """The index that `to_arrays` wrote. Raises KeyError when there is none of that name."""
        return cls(
            Vocabulary(arrays[f"{name}.keys"], arrays[f"{name}.rarity"]),
            arrays[f"{name}.starts"],
            arrays[f"{name}.examples"],
            arrays[f"{name}.values"],
            arrays[f"{name}.places"],
            int(arrays[f"{name}.labels"][0]),
        )
