"""The embedder that needs no model file: character n-grams, hashed. It sees spelling, not meaning."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrieval.embedder import Vectors
from retrieval.fillers import FILLERS
from retrieval.tokens import ends, normalise

#: Each n-gram lands on this many of the dimensions: more spread the noise of collisions evenly.
SPREAD = 4
#: Characters of a text that are read.
LONGEST = 600
_HAN_RUN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_WORD = re.compile(r"[a-z0-9]+")
#: How much an n-gram counts by its length in Han characters, and the pieces of Latin words.
_BY_LENGTH = {1: 0.4, 2: 1.0, 3: 0.8}
_WORD_WEIGHT = 1.6
_WORD_PIECE_WEIGHT = 0.4
_FILLER_WEIGHT = 0.35


class NgramEmbedder:
    """Hashed n-grams of 1–3 Han characters, Latin words and their three-letter pieces."""

    name = "ngram-1"

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(rows, texts, strict=True):
            self._fill(row, text)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.maximum(lengths, np.float32(1e-9))
        return rows

    def _fill(self, row: npt.NDArray[np.float32], text: str) -> None:
        plain = normalise(ends(text, LONGEST))
        whole, content = Counter(_grams(plain)), set(_grams(FILLERS.sub(" ", plain)))
        if not whole:
            return
        places = np.concatenate([_places(gram, self.dimensions)[0] for gram in whole])
        signs = np.concatenate([_places(gram, self.dimensions)[1] for gram in whole])
        weights = [_weight(gram, times, gram in content) for gram, times in whole.items()]
        row += np.bincount(places, signs * np.repeat(weights, SPREAD), self.dimensions)


def _grams(plain: str) -> list[str]:
    found: list[str] = []
    for run in _HAN_RUN.findall(plain):
        for size in _BY_LENGTH:
            found.extend(run[i : i + size] for i in range(len(run) - size + 1))
    for word in _WORD.findall(plain):
        edged = f"^{word[:40]}$"
        found.append(word[:40])
        found.extend(f"#{edged[i : i + 3]}" for i in range(len(edged) - 2))
    return found


def _weight(gram: str, times: int, is_content: bool) -> float:
    return (1.0 + math.log(times)) * _kind_weight(gram) * (1.0 if is_content else _FILLER_WEIGHT)


def _kind_weight(gram: str) -> float:
    if gram[0] >= "\u3040":
        return _BY_LENGTH[len(gram)]
    return _WORD_PIECE_WEIGHT if gram[0] == "#" else _WORD_WEIGHT


@lru_cache(maxsize=200_000)
def _places(gram: str, dimensions: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The dimensions of a gram and its sign in each: fixed for all time, drawn from the gram's own checksum."""
    numbers = [zlib.crc32(f"{turn}{gram}".encode()) for turn in range(SPREAD)]
    places = np.array([number % dimensions for number in numbers], np.int64)
    return places, np.array([1.0 if number & 0x4000_0000 else -1.0 for number in numbers])
