"""What the words of a line say beside the language of a base and the language of everyday talk; read by `gate.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from retrieval.models.word_model import Keys, WordModel, WordReader

#: How many numbers `LibraryMarks.of` and `LibraryMarks.leaning` give.
WIDTH, LEANING = 11, 7
#: A single word must not decide by being unheard of.
_FARTHEST = 6.0
#: A pair of words that the base has this often is at home there.
_AT_HOME = 20
_BEST = 3
#: Words of a base that stand together: the fewer, the more it means that a line's words are all among them. 30 to 60
#: did best on the labelled room, 15 and 120 were worse, whole documents said nothing.
_PLACE = 60
#: Words of a line that are sought in one place: a pasted log must not take long.
_SOUGHT = 200

Numbers = NDArray[np.float64]
#: Two logarithms of chances, in the base and in talk, made from words and those two.
Adapted = Callable[[Keys, Numbers, Numbers], tuple[Numbers, Numbers]]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A line's words, the logarithms of their chances in the base and in talk, after the words before them
    (`in_order`) and alone, how often the base has its pairs, and the best `Places` have for it."""

    words: Keys
    in_order: tuple[Numbers, Numbers]
    alone: tuple[Numbers, Numbers]
    pairs: Numbers
    together: float


class Places:
    """Which words and pairs stand in which places of a base, each a run of neighbouring words."""

    def __init__(self, keys: Keys, places: NDArray[np.int32], count: int) -> None:
        self._keys = keys
        self._places = places
        self._count = count

    @classmethod
    def learn(cls, texts: Iterable[str], reader: WordReader) -> Places:
        """The places of some texts. A million words take about three seconds and 20 MB."""
        keys: list[Keys] = []
        places: list[NDArray[np.int32]] = []
        count = 0
        for text in texts:
            for run in reader.runs(text)[:2]:
                keys.append(run)
                places.append((count + np.arange(len(run)) // _PLACE).astype(np.int32))
            count = int(places[-2][-1]) + 1 if len(keys[-2]) else count
        if not count:
            return cls(np.empty(0, np.uint64), np.empty(0, np.int32), 0)
        flat, where = np.concatenate(keys), np.concatenate(places)
        order = np.lexsort((where, flat))
        flat, where = flat[order], where[order]
        first = np.append(True, (flat[1:] != flat[:-1]) | (where[1:] != where[:-1]))
        return cls(flat[first], where[first], count)

    def best(self, runs: list[Keys]) -> float:
        """The summed rarity (natural logarithms) of a line's words and pairs that the best place has."""
        sought = np.unique(np.concatenate([run[:_SOUGHT] for run in runs[:2]]))
        starts, ends = np.searchsorted(self._keys, sought), np.searchsorted(self._keys, sought, side="right")
        scores = np.zeros(self._count)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            scores[self._places[start:end]] += np.log((self._count + 1) / (end - start + 0.5))
        return float(scores.max(initial=0.0))


class LibraryMarks:
    """Compares lines with a base of texts. `size` is how many words the base has."""

    def __init__(self, base: WordModel, talk: WordModel, reader: WordReader, places: Places) -> None:
        self._base = base
        self._talk = talk
        self._reader = reader
        self._places = places
        self.size = base.total
        # The gate, and a room that learns its history and corrects it, read the same lines.
        self.read = lru_cache(maxsize=1024)(self._read)

    @classmethod
    def learn(cls, texts: Iterable[str], talk: WordModel) -> LibraryMarks:
        """Learns the language of a base; a million words take about five seconds."""
        reader, kept = WordReader(), list(texts)
        return cls(WordModel.learn(kept, reader), talk, reader, Places.learn(kept, reader))

    def of(self, text: str) -> Numbers:
        """`WIDTH` numbers: how much more its words belong to the base than to talk, in order, one by one, together."""
        line = self.read(text)
        if not len(line.words):
            return np.zeros(WIDTH)
        pairs = line.pairs
        leaning = self.leaning(line)
        return np.array(
            [
                *leaning[:5],
                np.log1p(len(line.words)),
                *leaning[5:],
                (pairs > 0).mean() if len(pairs) else 0.0,
                (pairs > _AT_HOME).mean() if len(pairs) else 0.0,
                line.together,
            ]
        )

    def leaning(self, line: Reading, adapted: Adapted | None = None) -> Numbers:
        """The first `LEANING` of the marks, by the chances as they are or as a room's history changes them."""
        if not len(line.words):
            return np.zeros(LEANING)
        base, talk = adapted(line.words, *line.in_order) if adapted else line.in_order
        lean = np.clip(base - talk, -_FARTHEST, _FARTHEST)
        base, talk = adapted(line.words, *line.alone) if adapted else line.alone
        alone = base - talk
        most, least = np.maximum(lean, 0).mean(), np.minimum(lean, 0).mean()
        return np.array([lean.mean(), _best(lean), lean.max(), most, least, _best(alone), np.minimum(alone, 0).mean()])

    def _read(self, text: str) -> Reading:
        runs = self._reader.runs(text)
        none = np.zeros(0)
        if not len(runs[0]):
            return Reading(runs[0], (none, none), (none, none), none, 0.0)
        return Reading(
            runs[0],
            (self._base.log_chances(runs), self._talk.log_chances(runs)),
            (_alone(self._base, runs[0]), _alone(self._talk, runs[0])),
            self._base.runs[1].find(runs[1])[0] if len(self._base.runs) > 1 else none,
            self._places.best(runs),
        )


def _alone(model: WordModel, words: Keys) -> Numbers:
    counts = model.runs[0].find(words & np.uint64((1 << model.bits) - 1))[0]
    logs: Numbers = np.log((counts + 0.5) / max(1.0, model.total))
    return logs


def _best(values: Numbers) -> float:
    """The sum of the best three by three: a short line has less to show."""
    return float(np.sort(values)[-_BEST:].sum() / _BEST)
