"""The embedder that needs no model file: character n-grams, hashed. It sees spelling, not meaning."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from retrieval.embedder import Vectors
from retrieval.fillers import FILLERS
from retrieval.tokens import ends, normalise

Hashes = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.float64]

#: Each n-gram lands on this many of the dimensions: more of them spread the noise of collisions evenly.
SPREAD = 4
#: Characters of a text that are read.
LONGEST = 600
_WORD = re.compile(r"[a-z0-9]{1,40}")
#: How much an n-gram counts by its length in Han characters, and the pieces of Latin words.
_BY_LENGTH = {1: 0.4, 2: 1.0, 3: 0.8}
_WORD_WEIGHT = 1.6
_WORD_PIECE_WEIGHT = 0.4
_FILLER_WEIGHT = 0.35
#: Bits of a code point: three of them fit into one hash.
_POINT_BITS = np.uint64(21)
_HAN_RANGES = ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7AF))


class NgramEmbedder:
    """Hashed n-grams of 1–3 Han characters, Latin words and their three-letter pieces."""

    name = "ngram-1"

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for at, text in enumerate(texts):
            grams, weights = _grams(normalise(ends(text, LONGEST)))
            if len(grams):
                rows[at] = _spread(grams, weights, self.dimensions)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
        return rows


def _grams(plain: str) -> tuple[Hashes, Weights]:
    """The distinct n-grams of a text, and what each counts."""
    parts = [*_han_grams(plain), _word_grams(plain)]
    grams = np.concatenate([part for part, _ in parts])
    kinds = np.concatenate([weights for _, weights in parts])
    distinct, first, times = np.unique(grams, return_index=True, return_counts=True)
    return distinct, (1.0 + np.log(times)) * kinds[first]


def _han_grams(plain: str) -> Iterator[tuple[Hashes, Weights]]:
    points = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    bare = FILLERS.sub(lambda found: " " * len(found.group()), plain)
    is_filler = np.fromiter((a != b for a, b in zip(plain, bare, strict=True)), np.bool_, len(plain))
    is_han = np.zeros(len(points), np.bool_)
    for low, high in _HAN_RANGES:
        is_han |= (points >= low) & (points <= high)
    grams, whole, filler = points, is_han, is_filler
    for size, weight in _BY_LENGTH.items():
        if size > 1:
            grams = (grams[:-1] << _POINT_BITS) | points[size - 1 :]
            whole = whole[:-1] & is_han[size - 1 :]
            filler = filler[:-1] | is_filler[size - 1 :]
        if not len(grams):
            return
        yield grams[whole], np.where(filler[whole], weight * _FILLER_WEIGHT, weight)


def _word_grams(plain: str) -> tuple[Hashes, Weights]:
    found: list[tuple[str, float]] = []
    for word in _WORD.findall(plain):
        edged = f"^{word}$"
        found.append((word, _WORD_WEIGHT))
        found.extend((f"#{edged[i : i + 3]}", _WORD_PIECE_WEIGHT) for i in range(len(edged) - 2))
    # The highest bit keeps them apart from the Han n-grams.
    hashes = [zlib.crc32(gram.encode()) | 1 << 63 for gram, _ in found]
    return np.array(hashes, np.uint64), np.array([weight for _, weight in found], np.float64)


def _spread(grams: Hashes, weights: Weights, dimensions: int) -> Weights:
    """The weights, each on `SPREAD` dimensions with a sign, by fixed mixing of the gram's bits (splitmix64)."""
    row = np.zeros(dimensions)
    for turn in range(1, SPREAD + 1):
        mixed = grams + np.uint64(turn * 0x9E3779B97F4A7C15 % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        places = (mixed >> np.uint64(33)) % np.uint64(dimensions)
        signs = np.where(mixed & np.uint64(1), 1.0, -1.0)
        row += np.bincount(places.astype(np.int64), signs * weights, dimensions)
    return row
