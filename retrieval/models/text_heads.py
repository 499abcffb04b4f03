"""The trained heads over one reading of a text: its n-grams by a linear model, its meaning by the sentence encoder.

A text is read once for all heads. Weights are whole numbers with one scale a label (`training/heads.py` makes them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.models.linear import Matrix, chances_of
from retrieval.models.ngram_features import Vocabulary, keys_of
from retrieval.static_encoder import StaticEncoder

Numbers = NDArray[np.float64]
#: Chances further apart than this mean nothing: no head is right more often.
_SUREST = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class TextReading:
    """What heads see of a text: columns and weights of its n-grams, its encoded meaning; empty for no words."""

    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    meaning: NDArray[np.float32]


class TextReader:
    """Reads texts for the heads that share a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, encoder: StaticEncoder) -> None:
        self._vocabulary = vocabulary
        self._encoder = encoder
        # A turn's heads read the same words one after the other.
        self.read = lru_cache(maxsize=64)(self._read)

    def _read(self, text: str) -> TextReading:
        columns, values = self._vocabulary.row(keys_of(text))
        return TextReading(columns, values, self._encoder.embed([text])[0])


@dataclass(frozen=True, slots=True, eq=False)
class TextHead:
    """One question put to a text: which of `labels` holds, or (not `exclusive`) how likely each holds by itself.

    `words` is n-grams × labels in whole numbers, to be multiplied by `scales`; `slopes` and `offsets` calibrate each
    label's score. `unsure_below` is the chance below which the best label is not to be trusted.
    """

    labels: tuple[str, ...]
    words: NDArray[np.int8]
    scales: Matrix
    meanings: Matrix
    slopes: Matrix
    offsets: Matrix
    exclusive: bool
    unsure_below: float

    def scores(self, reading: TextReading) -> Numbers:
        """One uncalibrated score per label."""
        counted = reading.values @ self.words[reading.columns].astype(np.float32)
        summed: Numbers = (counted * self.scales + reading.meaning @ self.meanings).astype(np.float64)
        return summed

    def chances(self, reading: TextReading) -> dict[str, float]:
        """One calibrated chance (0–1) per label; they add up to 1 where labels exclude each other."""
        logits = np.clip(self.scores(reading) * self.slopes + self.offsets, -_SUREST, _SUREST)
        return dict(zip(self.labels, chances_of(logits, 1.0, self.exclusive).tolist(), strict=True))

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The head as arrays, each key beginning with `name`."""
        return {
            f"{name}.labels": np.array(self.labels, dtype=np.str_),
            f"{name}.words": self.words,
            f"{name}.scales": self.scales,
            f"{name}.meanings": self.meanings.astype(np.float16),
            f"{name}.slopes": self.slopes,
            f"{name}.offsets": self.offsets,
            f"{name}.tail": np.array([float(self.exclusive), self.unsure_below]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> TextHead:
        """The head that `to_arrays` wrote. Raises KeyError when there is none of that name."""
        exclusive, unsure_below = arrays[f"{name}.tail"].tolist()
        return cls(
            tuple(str(label) for label in arrays[f"{name}.labels"]),
            arrays[f"{name}.words"],
            arrays[f"{name}.scales"],
            arrays[f"{name}.meanings"].astype(np.float32),
            arrays[f"{name}.slopes"],
            arrays[f"{name}.offsets"],
            bool(exclusive),
            unsure_below,
        )


def vocabulary_to_arrays(vocabulary: Vocabulary) -> dict[str, NDArray[Any]]:
    """A vocabulary as arrays, its weights in half precision."""
    return {"keys": vocabulary.keys, "rarity": vocabulary.weights.astype(np.float16)}


def vocabulary_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Vocabulary:
    """The vocabulary that `vocabulary_to_arrays` wrote. Raises KeyError without one."""
    return Vocabulary(arrays["keys"], arrays["rarity"].astype(np.float32))
