"""Reads a question once for comparing it with others: its forms, words, sides, names and numbers.

Used by `duplicate.py`, which compares by `duplicate_marks.py`, and by the topic board.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.duplicate_words import amounts_of, kinds_of, plain_words
from agents.likeness import gist
from retrieval.fillers import FILLERS
from retrieval.models.concepts import ideas_of
from retrieval.models.folding import fold

#: What a question asks for; two questions about one thing may ask for different sides of it.
SIDES = tuple(
    re.compile(words)
    for words in (
        r"多久|几天|多长时间|几个?小时|几分钟|时长|几个月|几年|多少天|how long",
        r"什么时候|啥时候|何时|几点|几号|哪天|几月|什么时间|几时|星期几|周几|时间|when",
        r"多少钱|价|费用|收费|几块|贵|便宜|怎么收|运费|手续费|price|cost",
        r"怎么|如何|怎样|咋|方法|步骤|流程|做法|技巧|how",
        r"能不能|可以|能否|可否|能|支持|行不|允许|让不让|can",
        r"是不是|会不会|有没有|要不要|吗|不$|么$|难不难",
        r"哪里|哪儿|在哪|去哪|地址|位置|什么地方|哪查|where",
        r"为什么|为啥|为何|原因|怎么还|怎么没|怎么回事|咋回事|怎么就|why",
        r"什么|啥|哪些|哪个|哪种|what|which",
        r"多少|几个|几次|几张|几分|几期|数量|多大|多高|多重|how many",
        r"谁|找谁|作者|who",
        r"意思|含义|是什么|什么叫|啥叫|解释",
        r"推荐|哪个好|什么好|好用|求",
        r"怎么办|咋办|咋整|解决|处理",
    )
)
_DENIES = re.compile(r"不(?!同|错|了解)|没|无|未|别|非|拒")
#: 能不能, 有没有 and a closing 不 ask; they deny nothing.
_CHOICE = re.compile(r"(.)[不没]\1|是不是|有没有|要不要|不$|没$")
_LATIN = re.compile(r"[a-z]+\d*")
_NO_WORD = re.compile(r"[\W_]")
#: A longer question is compared by its beginning (folded characters).
LONGEST = 120

Grams = tuple[frozenset[str], frozenset[str], frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One question, read once. `words` has one sign for words that say the same; `pieces` are the encoder's."""

    plain: str
    gist: str
    words: str
    gist_grams: Grams
    word_grams: Grams
    ideas: frozenset[str]
    sides: frozenset[int]
    kinds: Mapping[int, frozenset[str]]
    amounts: frozenset[float]
    latin: frozenset[str]
    denies: bool
    content: frozenset[str]
    content_pairs: frozenset[str]
    pieces: NDArray[np.int32]


def asked(text: str, pieces: NDArray[np.int32]) -> Asked:
    """Reads a question; `pieces` are the numbers of its pieces in the encoder that the model was trained with."""
    plain = fold(text)[:LONGEST]
    content = FILLERS.sub(" ", plain)
    core = gist(plain) or plain
    words = plain_words(plain)
    return Asked(
        plain,
        core,
        words,
        _grams(core),
        _grams(words),
        frozenset(ideas_of(plain)),
        frozenset(side for side, pattern in enumerate(SIDES) if pattern.search(plain)),
        kinds_of(plain),
        amounts_of(plain),
        frozenset(_LATIN.findall(plain)),
        bool(len(_DENIES.findall(_CHOICE.sub("", plain))) % 2),
        frozenset(_NO_WORD.sub("", content)),
        frozenset(pair for word in content.split() for pair in _runs(word, 2)),
        pieces,
    )


def _grams(text: str) -> Grams:
    return frozenset(text), _runs(text, 2), _runs(text, 3)


def _runs(text: str, length: int) -> frozenset[str]:
    return frozenset(text[i : i + length] for i in range(len(text) - length + 1))
