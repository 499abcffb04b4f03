"""BM25 in memory: how much of a question's words each text holds, as a share that compares across questions."""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from retrieval.tokens import kind_weight, tokens

Counts = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

#: BM25's saturation of repeats and its correction for length; flat around these values on development data.
K1 = 1.2
B = 0.75
#: Tokens of a question that are looked up, the weightiest; only very long messages have more.
MOST_LOOKED_UP = 200


class Vocabulary:
    """Numbers for tokens. It only grows, so that a text once read keeps its numbers. Any thread may use it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._kinds: list[float] = []
        self._growing = threading.Lock()

    def read(self, text: str) -> TextWords:
        """The words of `text`, new ones added."""
        counted = Counter(tokens(text))
        with self._growing:
            numbers = [self._number(token) for token in counted]
        return TextWords(np.array(numbers, np.int32), np.fromiter(counted.values(), np.float32, len(counted)))

    def known(self, token: str) -> int | None:
        """The number of `token`, or None when no text has it."""
        return self._numbers.get(token)

    def worth(self, statistics: Statistics) -> Counts:
        """What each token counts by its kind and its rarity among the texts that `statistics` are of."""
        kinds = np.array(self._kinds, np.float32)
        rarities = np.full(len(kinds), statistics.unknown, np.float32)
        known = np.array(statistics.rarities[: len(kinds)], np.float32)
        rarities[: len(known)] = np.where(known > 0, known, statistics.unknown)
        return kinds * rarities

    def __len__(self) -> int:
        return len(self._numbers)

    def _number(self, token: str) -> int:
        number = self._numbers.get(token)
        if number is None:
            number = self._numbers[token] = len(self._numbers)
            self._kinds.append(kind_weight(token))
        return number


@dataclass(frozen=True, slots=True)
class TextWords:
    """The tokens of one text, by number, and how often each occurs."""

    numbers: Numbers
    counts: Counts


@dataclass(frozen=True, slots=True)
class Statistics:
    """How rare each token is among some texts (BM25's inverse document frequency), and their average length.

    `rarities` are by the token's number, 0 for a token that no text has; `unknown` is the rarity of such a token.
    """

    rarities: list[float]
    unknown: float
    average_length: float

    @classmethod
    def of(cls, texts: Sequence[TextWords], vocabulary_size: int) -> Statistics:
        """The statistics of these texts."""
        if not texts:
            return cls([], 0.0, 1.0)
        holding = np.bincount(np.concatenate([text.numbers for text in texts]), minlength=vocabulary_size)
        rarities = np.where(holding > 0, np.log1p((len(texts) - holding + 0.5) / (holding + 0.5)), 0.0)
        length = float(sum(text.counts.sum() for text in texts)) / len(texts)
        return cls(rarities.tolist(), float(np.log1p((len(texts) + 0.5) / 0.5)), max(length, 1.0))

    def rarity(self, number: int | None) -> float:
        """The rarity of a token; one that no text has is the rarest of all."""
        known = self.rarities[number] if number is not None and number < len(self.rarities) else 0.0
        return known or self.unknown


class LexicalIndex:
    """The postings of a fixed list of texts."""

    def __init__(
        self, texts: Sequence[TextWords], vocabulary: Vocabulary, statistics: Statistics | None = None
    ) -> None:
        self._vocabulary = vocabulary
        self._size = len(texts)
        self.statistics = statistics or Statistics.of(texts, len(vocabulary))
        numbers = np.concatenate([text.numbers for text in texts]) if texts else np.zeros(0, np.int32)
        owners = np.repeat(np.arange(self._size, dtype=np.int32), [len(text.numbers) for text in texts])
        order = np.argsort(numbers, kind="stable")
        self._owners = owners[order]
        self._weights = self._saturated(texts)[order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(vocabulary)))]).tolist()

    def coverage(self, query: Mapping[str, float]) -> tuple[Counts, float]:
        """For each text the share of the query's weight that it holds (0 for none, about 1 for all of it).

        And the share (0–1) of that weight in tokens which any text holds.
        """
        worth = self._worth(query)
        total, known = sum(weight for weight, _ in worth), 0.0
        owners, weights, shares, lengths = [], [], [], []
        for weight, number in worth:
            if number is None or number >= len(self._starts) - 1 or not total:
                continue
            start, end = self._starts[number], self._starts[number + 1]
            if number < len(self.statistics.rarities) and self.statistics.rarities[number]:
                known += weight
            owners.append(self._owners[start:end])
            weights.append(self._weights[start:end])
            shares.append(weight / total)
            lengths.append(end - start)
        if not owners:
            return np.zeros(self._size, np.float32), 0.0
        each = np.concatenate(weights) * np.repeat(shares, lengths)
        return np.bincount(np.concatenate(owners), each, self._size).astype(np.float32), known / total

    def _worth(self, query: Mapping[str, float]) -> list[tuple[float, int | None]]:
        """What each token counts, with its number; the weightiest tokens of a very long question."""
        known, rarity = self._vocabulary.known, self.statistics.rarity
        worth = []
        for token, weight in query.items():
            number = known(token)
            worth.append((weight * rarity(number), number))
        return heapq.nlargest(MOST_LOOKED_UP, worth, key=itemgetter(0)) if len(worth) > MOST_LOOKED_UP else worth

    def _saturated(self, texts: Sequence[TextWords]) -> Counts:
        if not texts:
            return np.zeros(0, np.float32)
        lengths = np.array([text.counts.sum() for text in texts]) / self.statistics.average_length
        each = np.repeat(K1 * (1 - B + B * lengths), [len(text.numbers) for text in texts])
        counts = np.concatenate([text.counts for text in texts])
        return (counts * (K1 + 1) / (counts + each)).astype(np.float32)
