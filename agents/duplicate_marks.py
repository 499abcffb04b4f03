"""What two questions have in common and what sets them apart, as numbers; used by `duplicate.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agents.duplicate_features import SIDES, Asked, Grams
from retrieval.static_encoder import StaticEncoder

#: Below this cosine a piece has nothing like it on the other side; above the second it is the same piece.
_STRANGE, _SAME = 0.4, 0.999
#: How many numbers `compare` gives.
WIDTH = 75 + len(SIDES)

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SignWeight:
    """How rare a sign is, and what it adds to the logit of "the same" when one side lacks it and when both have it."""

    rarity: float = 8.0
    odd: float = 0.0
    shared: float = 0.0


_UNKNOWN = SignWeight()


@dataclass(frozen=True, slots=True)
class Scale:
    """What pairs are weighed with: the vectors of pieces, and the learnt weights of signs."""

    encoder: StaticEncoder
    signs: Mapping[str, SignWeight]


def compare(a: Asked, b: Asked, scale: Scale) -> Numbers:
    """`WIDTH` numbers about a pair, the same in either order."""
    marks = [
        *_likeness(a.gist, b.gist, a.gist_grams, b.gist_grams),
        *_likeness(a.words, b.words, a.word_grams, b.word_grams),
        *_signs(a, b, scale.signs),
        *_meaning(a.pieces, b.pieces, scale.encoder),
        *_matter(a, b),
        *_asking(a, b),
        *_size(a, b),
    ]
    return np.array(marks, np.float32)


def _likeness(a: str, b: str, grams_a: Grams, grams_b: Grams) -> list[float]:
    marks: list[float] = []
    for one, two in zip(grams_a, grams_b, strict=True):
        marks += _overlap(one, two)
    short, long = sorted((len(a), len(b)))
    common = _common(a, b)
    ends = _same_start(a, b), _same_start(a[::-1], b[::-1])
    return [
        *marks,
        common / max(1, long),
        common / max(1, short),
        float(a == b),
        *(end / max(1, short) for end in ends),
    ]


def _signs(a: Asked, b: Asked, signs: Mapping[str, SignWeight]) -> list[float]:
    """How much is left over on each side, by how much each sign tells, and the order of what is shared."""
    own, other = a.word_grams[0], b.word_grams[0]
    # Sorted, so that sums do not depend on the order of a set.
    only_a, only_b, both = (
        [signs.get(sign, _UNKNOWN) for sign in sorted(some)] for some in (own - other, other - own, own & other)
    )
    left_a, left_b, shared = (sum(sign.rarity for sign in some) for some in (only_a, only_b, both))
    parts = sorted((left_a / max(1.0, left_a + shared), left_b / max(1.0, left_b + shared)))
    top = sorted(max((sign.rarity for sign in some), default=0.0) for some in (only_a, only_b))
    learnt = sorted((sum(sign.odd for sign in only_a), sum(sign.odd for sign in only_b)))
    kept = sum(sign.shared for sign in both)
    return [
        *(*parts, *top, *sorted((left_a, left_b)), *sorted((len(only_a), len(only_b)))),
        *(parts[0] * parts[1], _turns(a.words, b.words), float(len(both)), *learnt, kept, sum(learnt) + kept),
    ]


def _turns(a: str, b: str) -> float:
    """How often two neighbouring shared signs stand the other way round: 从甲到乙 is not 从乙到甲."""
    at_a, at_b = ({sign: place for place, sign in enumerate(text)} for text in (a, b))
    there = [at_b[sign] for sign in sorted(at_a.keys() & at_b.keys(), key=at_a.__getitem__)]
    back = [at_a[sign] for sign in sorted(at_a.keys() & at_b.keys(), key=at_b.__getitem__)]
    turned = sum(later < earlier for places in (there, back) for earlier, later in pairwise(places))
    return turned / max(1, 2 * len(there))


def _meaning(a: NDArray[np.int32], b: NDArray[np.int32], encoder: StaticEncoder) -> list[float]:
    """Each piece's nearest on the other side; what finds none, and how near the two remainders are."""
    if not len(a) or not len(b):
        return [0.0] * 15
    vectors_a, vectors_b = encoder.directions(a), encoder.directions(b)
    strong_a, strong_b = encoder.strengths[a], encoder.strengths[b]
    near = vectors_a @ vectors_b.T
    best_a, best_b = near.max(axis=1), near.max(axis=0)
    sides = _aligned(strong_a, best_a), _aligned(strong_b, best_b)
    paired = [value for pair in zip(*sides, strict=True) for value in sorted(pair)]
    rest_a, rest_b = _rest(vectors_a, strong_a, best_a), _rest(vectors_b, strong_b, best_b)
    size_a, size_b = _length(rest_a), _length(rest_b)
    odd = float(rest_a @ rest_b) / (size_a * size_b) if size_a and size_b else 0.0
    sum_a, sum_b = strong_a @ vectors_a, strong_b @ vectors_b
    cosine = float(sum_a @ sum_b) / max(1e-9, _length(sum_a) * _length(sum_b))
    return [cosine, *paired, *sorted((size_a, size_b)), odd, float(not size_a) + float(not size_b)]


def _aligned(strengths: Numbers, best: Numbers) -> tuple[float, ...]:
    whole = float(strengths.sum()) or 1.0
    lost = strengths * (1 - best)
    strange = float(strengths @ (best < _STRANGE)) / whole
    return float(strengths @ best) / whole, float(lost.max()), float(best.min()), float(lost.sum()), strange


def _rest(vectors: Numbers, strengths: Numbers, best: Numbers) -> Numbers:
    rest: Numbers = (strengths * (best < _SAME)) @ vectors
    return rest


def _length(vector: Numbers) -> float:
    return float(np.sqrt(vector @ vector))


def _matter(a: Asked, b: Asked) -> list[float]:
    """Ideas, names of one kind, numbers, Latin words: what only one side has, and what clashes."""
    both = a.kinds.keys() & b.kinds.keys()
    clash = sum(a.kinds[kind] != b.kinds[kind] for kind in both)
    apart = sum(not a.kinds[kind] & b.kinds[kind] for kind in both)
    kinds = [clash, apart, len(both) - clash, len(a.kinds.keys() ^ b.kinds.keys())]
    lacks = sorted((len(a.ideas - b.ideas), len(b.ideas - a.ideas)))
    ideas = [*_overlap(a.ideas, b.ideas), len(a.ideas & b.ideas), sum(lacks), *lacks]
    other_amounts = a.amounts != b.amounts
    amounts = [float(other_amounts), float(bool(a.amounts and b.amounts and other_amounts))]
    return [*kinds, *ideas, *amounts, float(a.latin != b.latin), float(bool(a.latin & b.latin))]


def _asking(a: Asked, b: Asked) -> Iterable[float]:
    odd = a.sides ^ b.sides
    yield from (*_overlap(a.sides, b.sides), len(odd), float(not a.sides or not b.sides))
    yield float(a.denies != b.denies)
    yield from (float(side in odd) for side in range(len(SIDES)))


def _size(a: Asked, b: Asked) -> list[float]:
    short, long = sorted((len(a.gist), len(b.gist)))
    few, many = sorted((len(a.words), len(b.words)))
    return [(long - short) / max(1, long), float(min(short, 60)), float(min(long, 60)), (many - few) / max(1, many)]


def _overlap(a: Set[object], b: Set[object]) -> tuple[float, float]:
    """What both have, as a share of all and as a share of the smaller."""
    both = len(a & b)
    return both / max(1, len(a) + len(b) - both), both / max(1, min(len(a), len(b)))


def _same_start(a: str, b: str) -> int:
    for place, (one, two) in enumerate(zip(a, b, strict=False)):
        if one != two:
            return place
    return min(len(a), len(b))


def _common(a: str, b: str) -> int:
    """Length of the longest common subsequence, by bits (H. Hyyrö, 2004)."""
    masks: dict[str, int] = {}
    for place, sign in enumerate(a):
        masks[sign] = masks.get(sign, 0) | 1 << place
    full = (1 << len(a)) - 1
    row = full
    for sign in b:
        met = row & masks.get(sign, 0)
        row = (row + met | row - met) & full
    return len(a) - row.bit_count()
