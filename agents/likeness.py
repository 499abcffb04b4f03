"""How alike two texts are by their characters: cheap arithmetic for "nearly the asked question" and "rests on"."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Words that make a question polite but not another question.
POLITE = re.compile(
    r"请问一下|请问|您好|你好|哈喽|麻烦(您|你)?|谢谢(您|你)?|(问|想问|咨询)一下|我想(问|知道|了解|咨询)|我要问|一下子?|亲|hello|hi\b"
)
OUTSIDE_WORDS = re.compile(r"[\W_]+")
#: Particles at the end of a Chinese question that say nothing.
TRAILING = re.compile(r"(吗|呢|啊|呀|吧|嘛|哦|哈|啦|了|的)+$")


def plain(text: str) -> str:
    """`text` folded for comparison: full-width to half-width, lower case, without punctuation and white space."""
    return OUTSIDE_WORDS.sub("", unicodedata.normalize("NFKC", text).lower())


def gist(question: str) -> str:
    """`plain` without politeness and closing particles."""
    bare = plain(POLITE.sub("", unicodedata.normalize("NFKC", question).lower()))
    return TRAILING.sub("", bare) or bare


@lru_cache(maxsize=1024)
def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset(text)


def likeness(left: str, right: str) -> float:
    """How nearly two questions are the same words, 0–1 (Dice over character pairs)."""
    a, b = _pairs(gist(left)), _pairs(gist(right))
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def covered(text: str, by: str) -> float:
    """The share of `text`'s character pairs that occur in `by`, 0–1; 1 for empty text."""
    a = _pairs(plain(text))
    return len(a & _pairs(plain(by))) / len(a) if a else 1.0
