"""BM25 in memory: how much of a question's words each text holds, as a share that compares across questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.tokens import tokens

Counts = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

#: BM25's saturation of repeats and its correction for length; flat around these values on development data.
K1 = 1.2
B = 0.75


class Vocabulary:
    """Numbers for tokens. It only grows, so that a text once read keeps its numbers; one thread writes at a time."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def read(self, text: str) -> TextWords:
        """The words of `text`, new ones added."""
        counted = Counter(tokens(text))
        numbers = [self._numbers.setdefault(token, len(self._numbers)) for token in counted]
        return TextWords(np.array(numbers, np.int32), np.fromiter(counted.values(), np.float32, len(counted)))

    def known(self, token: str) -> int | None:
        """The number of `token`, or None when no text has it."""
        return self._numbers.get(token)

    def __len__(self) -> int:
        return len(self._numbers)


@dataclass(frozen=True, slots=True)
class TextWords:
    """The tokens of one text, by number, and how often each occurs."""

    numbers: Numbers
    counts: Counts


@dataclass(frozen=True, slots=True)
class Statistics:
    """How common each token is among `texts` texts, and how many tokens a text has on average."""

    texts: int
    holding: npt.NDArray[np.int64]
    average_length: float

    @classmethod
    def of(cls, texts: Sequence[TextWords], vocabulary_size: int) -> Statistics:
        """The statistics of these texts."""
        if not texts:
            return cls(0, np.zeros(vocabulary_size, np.int64), 1.0)
        holding = np.bincount(np.concatenate([text.numbers for text in texts]), minlength=vocabulary_size)
        length = float(sum(text.counts.sum() for text in texts)) / len(texts)
        return cls(len(texts), holding, max(length, 1.0))

    def rarity(self, number: int | None) -> float:
        """BM25's inverse document frequency; a token that no text has is the rarest of all."""
        holding = int(self.holding[number]) if number is not None and number < len(self.holding) else 0
        return float(np.log1p((self.texts - holding + 0.5) / (holding + 0.5)))


class LexicalIndex:
    """The postings of a fixed list of texts."""

    def __init__(self, texts: Sequence[TextWords], vocabulary: Vocabulary, statistics: Statistics | None = None) -> None:
        self._vocabulary = vocabulary
        self._size = len(texts)
        self.statistics = statistics or Statistics.of(texts, len(vocabulary))
        numbers = np.concatenate([text.numbers for text in texts]) if texts else np.zeros(0, np.int32)
        owners = np.repeat(np.arange(self._size, dtype=np.int32), [len(text.numbers) for text in texts])
        order = np.argsort(numbers, kind="stable")
        self._owners = owners[order]
        self._weights = self._saturated(texts)[order]
        self._ends = np.cumsum(np.bincount(numbers, minlength=len(vocabulary)))

    def coverage(self, query: Mapping[str, float]) -> tuple[Counts, float]:
        """For each text the share of the query's weight that it holds (0 for none, about 1 for all of it).

        And the share (0–1) of that weight in tokens which any text holds.
        """
        scores = np.zeros(self._size, np.float32)
        worth = [
            (number, weight * self.statistics.rarity(number))
            for number, weight in ((self._vocabulary.known(token), weight) for token, weight in query.items())
        ]
        total, known = sum(weight for _, weight in worth), 0.0
        for number, weight in worth:
            if number is None or number >= len(self._ends):
                continue
            start, end = self._ends[number - 1] if number else 0, self._ends[number]
            if self.statistics.holding[number]:
                known += weight
            scores[self._owners[start:end]] += self._weights[start:end] * np.float32(weight / total)
        return scores, known / total if total else 0.0

    def _saturated(self, texts: Sequence[TextWords]) -> Counts:
        if not texts:
            return np.zeros(0, np.float32)
        lengths = np.array([text.counts.sum() for text in texts]) / self.statistics.average_length
        each = np.repeat(K1 * (1 - B + B * lengths), [len(text.numbers) for text in texts])
        counts = np.concatenate([text.counts for text in texts])
        return (counts * (K1 + 1) / (counts + each)).astype(np.float32)
