"""What two questions have in common and what sets them apart, as numbers; read by `duplicate.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.likeness import gist
from retrieval.fillers import FILLERS
from retrieval.models.concepts import ideas_of
from retrieval.models.folding import fold
from retrieval.models.ngram_features import Keys, Vocabulary, keys_of

#: What a question asks for; two questions about one thing may ask for different sides of it.
_SIDES = tuple(
    re.compile(words)
    for words in (
        r"多久|几天|什么时候|啥时候|何时|几点|几号|时间|时长|几时|多长|when|how long",
        r"多少钱|价|费用|收费|几块|贵|便宜|怎么收|运费|优惠|price|cost",
        r"怎么|如何|怎样|咋|方法|步骤|流程|how",
        r"能不能|可以|能否|可否|能|支持|行不|允许|让不让|吗$|不$|can",
        r"哪|在哪|地址|位置|where",
        r"为什么|为啥|为何|原因|怎么还|怎么没|why",
        r"什么|啥|哪些|哪个|what|which",
        r"多少|几个|数量|几次|how many",
        r"谁|找谁|who",
    )
)
_DENIES = re.compile(r"不|没|无|未|别|非|拒")
_FIGURES = re.compile(r"\d+")
_NO_WORD = re.compile(r"[\W_]")
#: How many numbers `compare` gives.
WIDTH = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, read once: its forms, ideas, sides and what its intent may be."""

    plain: str
    gist: str
    keys: Keys
    ideas: frozenset[str]
    sides: frozenset[int]
    figures: tuple[str, ...]
    content: frozenset[str]
    content_pairs: frozenset[str]
    intents: Mapping[str, float]


def asked(text: str, intents: Mapping[str, float]) -> Asked:
    """Reads a question; `intents` are the chances of its intents."""
    plain = fold(text)
    content = FILLERS.sub(" ", plain)
    pairs = frozenset(pair for word in content.split() for pair in _pairs(word))
    return Asked(
        plain,
        gist(plain) or plain,
        keys_of(text),
        frozenset(ideas_of(plain)),
        frozenset(side for side, pattern in enumerate(_SIDES) if pattern.search(plain)),
        tuple(_FIGURES.findall(plain)),
        frozenset(_NO_WORD.sub("", content)),
        pairs,
        intents,
    )


def compare(a: Asked, b: Asked, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """`WIDTH` numbers about a pair, the same in either order."""
    cosine, agreement = _cosine(a, b, vocabulary), _agreement(a.intents, b.intents)
    pairs_a, pairs_b = _pairs(a.gist), _pairs(b.gist)
    letters_a, letters_b = frozenset(a.gist), frozenset(b.gist)
    only_a, only_b = _left_over(a.content, b.content), _left_over(b.content, a.content)
    held = _held(pairs_a, pairs_b)
    odd_sides, odd_ideas = len(a.sides ^ b.sides), len(a.ideas ^ b.ideas)
    denies = float(bool(_DENIES.search(a.gist)) != bool(_DENIES.search(b.gist)))
    short, long = sorted((len(a.gist), len(b.gist)))
    least = min(only_a, only_b)
    likeness = [cosine, _shared(letters_a, letters_b), _held(letters_a, letters_b), _shared(pairs_a, pairs_b), held]
    matter = [_shared(a.ideas, b.ideas), _held(a.ideas, b.ideas), len(a.ideas & b.ideas), odd_ideas]
    sides = [_shared(a.sides, b.sides), odd_sides, denies, float(a.figures != b.figures)]
    size = [(long - short) / max(1, long), short / 10, long / 10, float(a.gist == b.gist)]
    rest = [len(letters_a ^ letters_b) / 5, least, max(only_a, only_b), float(least == 0)]
    words = [_held(a.content_pairs, b.content_pairs), _shared(a.content_pairs, b.content_pairs)]
    intent = [agreement, float(_best(a.intents) == _best(b.intents))]
    mixed = [cosine * least, cosine * agreement, held * least, odd_sides * cosine, denies * cosine]
    return np.array([*likeness, *matter, *sides, *size, *rest, *words, *intent, *mixed], np.float64)


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1))


def _shared(a: frozenset[str] | frozenset[int], b: frozenset[str] | frozenset[int]) -> float:
    return len(a & b) / max(1, len(a | b))


def _held(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / max(1, min(len(a), len(b)))


def _left_over(own: frozenset[str], other: frozenset[str]) -> float:
    return len(own - other) / max(1, len(own))


def _cosine(a: Asked, b: Asked, vocabulary: Vocabulary) -> float:
    columns_a, values_a = vocabulary.row(a.keys)
    columns_b, values_b = vocabulary.row(b.keys)
    _, at_a, at_b = np.intersect1d(columns_a, columns_b, assume_unique=True, return_indices=True)
    return float(values_a[at_a] @ values_b[at_b])


def _agreement(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    shared = sum(chance * b.get(label, 0.0) for label, chance in a.items())
    norm = sum(c * c for c in a.values()) * sum(c * c for c in b.values())
    return float(shared / np.sqrt(norm)) if norm else 0.0


def _best(intents: Mapping[str, float]) -> str:
    return max(intents, key=lambda label: intents[label], default="")
