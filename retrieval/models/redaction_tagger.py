"""The trained tagger of personal details: hashed features, int8 weights, the best chain of spans. Used by redaction."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversation.personal_spans import PersonalKind, PersonalSpan
from retrieval.models.redaction_features import BITS, KINDS, PAIR_BITS, line_features
from retrieval.models.weights_folder import DamagedModel, checked

SHIPPED = Path(__file__).parent / "weights" / "redaction.npz"
#: No detail, then the beginning of each kind, then its inside.
TAGS = 1 + 2 * len(KINDS)
#: The tagger reads so many characters of a text; behind them the rules stand alone.
READS = 400

#: A name must win by so much: between a shop and a person the shop is met more often.
NAME_DOUBT = 60
_NAME_BEGINS = 1 + KINDS.index(PersonalKind.NAME)

Weights = NDArray[np.int16]


class RedactionTagger:
    """Tells the personal details of a line. `weights` has a row per hashed feature and a column per tag, `pairs` says
    how common each hashed pair of characters is (0–3)."""

    def __init__(self, weights: Weights, pairs: NDArray[np.uint8]) -> None:
        self._weights = weights
        self._pairs = pairs

    @classmethod
    def shipped(cls) -> RedactionTagger:
        """The tagger of the shipped weights, as the manifest has them. Raises `DamagedModel`."""
        checked(SHIPPED.name)
        return cls.load(SHIPPED)

    @classmethod
    def load(cls, path: Path) -> RedactionTagger:
        """The tagger of a file of weights. Raises `DamagedModel` if it is missing, torn or of another shape."""
        try:
            with np.load(path, allow_pickle=False) as file:
                weights, pairs = file["weights"], file["pairs"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DamagedModel(path, str(error) or type(error).__name__) from error
        for array, kind, shape in ((weights, np.int8, (2**BITS, TAGS)), (pairs, np.uint8, (2**PAIR_BITS,))):
            if array.dtype != kind or array.shape != shape:
                raise DamagedModel(path, f"holds {array.dtype} {array.shape} in place of {kind.__name__} {shape}")
        return cls(weights.astype(np.int16), pairs)

    def tag(self, text: str, told: Sequence[PersonalSpan]) -> tuple[PersonalSpan, ...]:
        """The details of the first `READS` characters, in order; `told` is what the rules found in the same text."""
        line = text[:READS]
        if not line:
            return ()
        inside = [span for span in told if span.end <= len(line)]
        scores = self._weights[line_features(line, inside, self._pairs)].sum(axis=0, dtype=np.int16)
        scores[:, _NAME_BEGINS] -= NAME_DOUBT
        return best_spans(scores)


def best_spans(scores: NDArray[Any]) -> tuple[PersonalSpan, ...]:
    """The chain of spans with the highest sum of scores; `scores` has a row per character and a column per tag."""
    gains = scores[:, 1:] - scores[:, :1]
    kinds = len(KINDS)
    # A kind that gains nowhere can be in no best chain.
    active = np.flatnonzero((gains > 0).any(axis=0).reshape(2, kinds).any(axis=0)).tolist()
    if not active:
        return ()
    begins = gains[:, active].tolist()
    insides = gains[:, [kinds + kind for kind in active]].tolist()
    best = 0
    opened = [-(1 << 30)] * len(active)
    starts = [0] * len(active)
    ended: list[tuple[int, int] | None] = []
    numbers = range(len(active))
    for at, (begin, inside) in enumerate(zip(begins, insides, strict=True)):
        before, chosen = best, None
        for number in numbers:
            gain, fresh = opened[number] + inside[number], before + begin[number]
            if fresh > gain:
                gain, starts[number] = fresh, at
            opened[number] = gain
            if gain > best:
                best, chosen = gain, (number, starts[number])
        ended.append(chosen)
    return _chain(ended, active)


def _chain(ended: Sequence[tuple[int, int] | None], active: Sequence[int]) -> tuple[PersonalSpan, ...]:
    spans: list[PersonalSpan] = []
    at = len(ended) - 1
    while at >= 0:
        if (chosen := ended[at]) is None:
            at -= 1
            continue
        number, start = chosen
        spans.append(PersonalSpan(start, at + 1, KINDS[active[number]]))
        at = start - 1
    return tuple(reversed(spans))
