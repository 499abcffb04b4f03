"""The texts of one side of the entries of a snapshot, with their words and vectors in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.embedder import Vectors
from retrieval.fusion import Scores
from retrieval.lexical import LexicalIndex, Statistics, TextWords, Vocabulary
from retrieval.pair_features import ComparedText, Numbers
from retrieval.search_texts import SearchText


@dataclass(frozen=True, slots=True)
class TextReading:
    """A search text with what was read from it; `pieces` are empty where nothing compares them."""

    text: SearchText
    words: TextWords
    vector: Vectors
    pieces: Numbers
    negative: bool = False

    @property
    def compared(self) -> ComparedText:
        """What of it is compared with a question."""
        return ComparedText(self.pieces, self.words, self.negative)


NO_TEXTS = range(0)
#: What a cosine counts beside a coverage where the best piece of an answer is chosen.
CLOSENESS = 0.5


@dataclass(frozen=True, slots=True)
class SideEvidence:
    """Per entry the best coverage of its texts, and their best cosine to the question.

    `known` is the share (0–1) of the question's weight in words that any text holds; `text_fit` is by text.
    """

    lexical: Scores
    dense: Scores
    known: float
    text_fit: Scores


class SideIndex:
    """The texts of one side of the entries."""

    def __init__(
        self,
        readings: Sequence[tuple[int, TextReading]],
        vocabulary: Vocabulary,
        dimensions: int,
        statistics: Statistics | None,
    ) -> None:
        self.readings = [reading for _, reading in readings]
        self.lexical = LexicalIndex([reading.words for reading in self.readings], vocabulary, statistics)
        vectors = [reading.vector for reading in self.readings]
        self._matrix = np.stack(vectors) if vectors else np.zeros((0, dimensions), np.float32)
        owners = np.array([owner for owner, _ in readings], np.int64)
        self._starts = np.flatnonzero(np.diff(owners, prepend=-1))
        self._owners = owners[self._starts]
        ends = [*self._starts[1:].tolist(), len(owners)]
        ranges = map(range, self._starts.tolist(), ends)
        self._ranges: dict[int, range] = dict(zip(self._owners.tolist(), ranges, strict=True))

    def evidence(self, words: dict[str, float], vector: Vectors, entries: int) -> SideEvidence:
        """What speaks for each of `entries` entries."""
        lexical, dense = np.zeros((2, entries), np.float32)
        covered, known = self.lexical.coverage(words)
        fit = covered
        if len(self._starts):
            alike = self._matrix @ vector
            lexical[self._owners] = np.maximum.reduceat(covered, self._starts)
            dense[self._owners] = np.maximum.reduceat(alike, self._starts)
            fit = covered + CLOSENESS * alike
        return SideEvidence(lexical, dense, known, fit)

    def alike(self, places: Sequence[int], vectors: Vectors) -> Scores:
        """For each of these texts its best cosine to any of `vectors`."""
        found: Scores = (self._matrix[places] @ vectors.T).max(axis=1)
        return found

    def has_text(self, entries: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """For each entry whether it has a text on this side."""
        marked = np.zeros(entries, np.bool_)
        marked[self._owners] = True
        return marked

    def texts_of(self, owner: int) -> range:
        """The places of the texts of one entry."""
        return self._ranges.get(owner, NO_TEXTS)
