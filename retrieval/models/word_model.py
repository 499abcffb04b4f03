"""How likely a line is in a kind of language: smoothed counts of words in their order; learnt in seconds by numpy.

A model of a base's texts beside a model of everyday talk says which of a line's words belong to the base.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.tokens import normalise

#: Runs of words that are looked at.
LONGEST_RUN = 3
#: How many different words are reckoned with: those never seen share what is left over.
WORDS_IN_ALL = 30_000
_WORD = re.compile("[a-z]+|[0-9]+|[\u3400-\u9fff]")
_STICKER = re.compile("\\[[\u4e00-\u9fff]{1,4}\\]")
_STIR = np.uint64(0x9E3779B97F4A7C15)
_ORDER = (np.uint64(31), np.uint64(37))
_ALL_BITS = 64
#: Counts are shipped as steps of their logarithm.
_STEPS = 2.0

Keys = NDArray[np.uint64]
Numbers = NDArray[np.float64]


class WordReader:
    """Reads texts as numbers of words: Han characters, Latin words, and one word for all numbers."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def words(self, text: str) -> list[int]:
        """The words of a text in order, as 64-bit keys; names of stickers are no words."""
        return [self._key(word) for word in _WORD.findall(normalise(_STICKER.sub(" ", text)))]

    def runs(self, text: str) -> list[Keys]:
        """The keys of all runs of one, two and three words of a text."""
        return _runs(np.array(self.words(text), np.uint64))

    def _key(self, word: str) -> int:
        plain = "0" if word[0].isdigit() else word
        key = self._known.get(plain)
        if key is None:
            key = 0xCBF29CE484222325  # FNV-1a
            for byte in plain.encode():
                key = ((key ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
            if len(self._known) < WORDS_IN_ALL:
                self._known[plain] = key
        return key


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """The runs of one length, sorted by key: how often each occurs and how many different words follow it."""

    keys: Keys
    counts: Numbers
    followers: Numbers

    def find(self, keys: Keys) -> tuple[Numbers, Numbers]:
        """Counts and followers of `keys`; 0 for a run that was never seen."""
        if not len(self.keys):
            return np.zeros(len(keys)), np.zeros(len(keys))
        places = np.searchsorted(self.keys, keys)
        places[places == len(self.keys)] = 0
        seen = self.keys[places] == keys
        return np.where(seen, self.counts[places], 0.0), np.where(seen, self.followers[places], 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class WordModel:
    """Counts of runs, shortest first. A longer run leans on the shorter one by how many words may follow it
    (Witten and Bell 1991, "The zero-frequency problem"). `total` counts all words, `kinds` the different ones."""

    runs: tuple[Runs, ...]
    total: float
    kinds: float
    bits: int = _ALL_BITS

    @classmethod
    def learn(cls, texts: Iterable[str], reader: WordReader, longest: int = LONGEST_RUN) -> WordModel:
        """A model of some texts. A million words take about four seconds."""
        lines = [reader.words(text) for text in texts]
        lengths = [len(line) for line in lines]
        words = np.fromiter((word for line in lines for word in line), np.uint64, sum(lengths))
        owners = np.repeat(np.arange(len(lines)), lengths)
        found = _runs(words)[:longest]
        whole = [owners[length:] == owners[: len(owners) - length] for length in range(len(found))]
        counted = [np.unique(keys[kept], return_counts=True) for keys, kept in zip(found, whole, strict=True)]
        runs: list[Runs] = []
        for length, (keys, counts) in enumerate(counted):
            followers = np.zeros(len(keys))
            if length + 1 < len(found):
                longer, kept = found[length + 1], whole[length + 1]
                _, first = np.unique(longer[kept], return_index=True)
                places = np.searchsorted(keys, found[length][:-1][kept][first])
                followers = np.bincount(places, minlength=len(keys)).astype(np.float64)
            runs.append(Runs(keys, counts.astype(np.float64), followers))
        return cls(tuple(runs), float(len(words)), float(len(runs[0].keys)) if runs else 0.0)

    def log_chances(self, runs: Sequence[Keys]) -> Numbers:
        """The logarithm of each word's chance after the words before it; `runs` as `WordReader.runs` gives them."""
        mask = np.uint64((1 << self.bits) - 1)
        chances = np.empty(0)
        before = before_followers = np.empty(0)
        for length, (known, keys) in enumerate(zip(self.runs, runs, strict=False)):
            counts, followers = known.find(keys & mask)
            if length == 0:
                chances = (counts + self.kinds / WORDS_IN_ALL) / max(1.0, self.total + self.kinds)
            else:
                times, ways = before[:-1], before_followers[:-1]
                longer = (counts + ways * chances[length:]) / np.maximum(times + ways, 1e-9)
                chances[length:] = np.where((times > 0) & (ways > 0), longer, chances[length:])
            before, before_followers = counts, followers
        logs: Numbers = np.log(np.maximum(chances, 1e-12))
        return logs

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The model as small arrays: gaps between the sorted keys, counts as steps of their logarithm.

        Only for a model of at most 32 bits.
        """
        arrays: dict[str, NDArray[Any]] = {f"{name}.tail": np.array([self.total, self.kinds, self.bits])}
        for length, runs in enumerate(self.runs):
            gaps = np.diff(runs.keys, prepend=np.uint64(0)).astype(np.uint32)
            for place in range(3):
                arrays[f"{name}.{length}.gaps{place}"] = (gaps >> np.uint32(8 * place)).astype(np.uint8)
            arrays[f"{name}.{length}.counts"] = _steps(runs.counts)
            arrays[f"{name}.{length}.followers"] = _steps(runs.followers)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> WordModel:
        """The model that `to_arrays` wrote. Raises KeyError when there is none of that name."""
        total, kinds, bits = arrays[f"{name}.tail"].tolist()
        runs: list[Runs] = []
        while f"{name}.{len(runs)}.counts" in arrays:
            own = f"{name}.{len(runs)}"
            gaps = sum(arrays[f"{own}.gaps{place}"].astype(np.uint64) << np.uint64(8 * place) for place in range(3))
            counts, followers = _amounts(arrays[f"{own}.counts"]), _amounts(arrays[f"{own}.followers"])
            runs.append(Runs(np.cumsum(gaps, dtype=np.uint64), counts, followers))
        return cls(tuple(runs), total, kinds, int(bits))


def _runs(words: Keys) -> list[Keys]:
    runs = [_stirred(words)]
    for order in _ORDER[: LONGEST_RUN - 1]:
        shorter = runs[-1]
        runs.append(_stirred(shorter[:-1] * order + words[len(runs) :]) if len(shorter) > 1 else shorter[:0])
    return runs


def _stirred(keys: Keys) -> Keys:
    mixed: Keys = keys * _STIR
    return mixed ^ (mixed >> np.uint64(29))


def _steps(amounts: Numbers) -> NDArray[np.uint8]:
    stepped: NDArray[np.uint8] = np.rint(np.log2(1 + amounts) * _STEPS).astype(np.uint8)
    return stepped


def _amounts(steps: NDArray[np.uint8]) -> Numbers:
    amounts: Numbers = 2.0 ** (steps / _STEPS) - 1
    return amounts
