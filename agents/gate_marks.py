"""What the words of a line say beside the language of a base and the language of everyday talk; read by `gate.py`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.models.word_model import Keys, WordModel, WordReader

#: How many numbers `LibraryMarks.of` gives.
WIDTH = 10
#: A single word must not decide by being unheard of.
_FARTHEST = 6.0
#: A pair of words that the base has this often is at home there.
_AT_HOME = 20
_BEST = 3

Numbers = NDArray[np.float64]


class LibraryMarks:
    """Compares lines with a base of texts. `size` is how many words the base has."""

    def __init__(self, base: WordModel, talk: WordModel, reader: WordReader) -> None:
        self._base = base
        self._talk = talk
        self._reader = reader
        self.size = base.total
        # A room's correction reads the same line again.
        self.of = lru_cache(maxsize=256)(self._of)

    @classmethod
    def learn(cls, texts: Iterable[str], talk: WordModel) -> LibraryMarks:
        """Learns the language of a base; a million words take about four seconds."""
        reader = WordReader()
        return cls(WordModel.learn(texts, reader), talk, reader)

    def _of(self, text: str) -> Numbers:
        """`WIDTH` numbers: how much more its words belong to the base than to talk, in order and one by one."""
        runs = self._reader.runs(text)
        if not len(runs[0]):
            return np.zeros(WIDTH)
        lean = np.clip(self._base.log_chances(runs) - self._talk.log_chances(runs), -_FARTHEST, _FARTHEST)
        alone = self._alone(runs[0])
        pairs = self._base.runs[1].find(runs[1])[0] if len(self._base.runs) > 1 else np.zeros(0)
        return np.array(
            [
                lean.mean(),
                _best(lean),
                lean.max(),
                np.maximum(lean, 0).mean(),
                np.minimum(lean, 0).mean(),
                np.log1p(len(lean)),
                _best(alone),
                np.minimum(alone, 0).mean(),
                (pairs > 0).mean() if len(pairs) else 0.0,
                (pairs > _AT_HOME).mean() if len(pairs) else 0.0,
            ]
        )

    def _alone(self, words: Keys) -> Numbers:
        """How much more often the base has each word than talk has."""
        mask = np.uint64((1 << self._talk.bits) - 1)
        base, talk = self._base.runs[0].find(words)[0], self._talk.runs[0].find(words & mask)[0]
        return np.log((base + 0.5) / max(1.0, self._base.total)) - np.log((talk + 0.5) / self._talk.total)


def _best(values: Numbers) -> float:
    """The sum of the best three by three: a short line has less to show."""
    return float(np.sort(values)[-_BEST:].sum() / _BEST)
