"""Brings questions to plain words for comparing: what says the same becomes one sign, what says nothing goes.

Reads `duplicate_words.txt`; used by `duplicate_features.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("duplicate_words.txt")
#: Signs that stand for a set of words: the private use area holds no writing.
_FIRST_SIGN = 0xE000
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2}
_SPOKEN = "一二两三四五六七八九十"
_AMOUNT = re.compile(
    rf"\d+(?:\.\d+)?[千万]?|[{_SPOKEN}百千万][零{_SPOKEN}百千万]+|[{_SPOKEN}](?=[个天年月期次块元岁斤级])"
)
_OUTSIDE_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Lexicon:
    signs: dict[str, str]
    kinds: dict[str, tuple[int, ...]]
    words: re.Pattern[str]
    members: re.Pattern[str]


@cache
def _lexicon() -> _Lexicon:
    signs: dict[str, str] = {}
    kinds: dict[str, tuple[int, ...]] = {}
    for number, line in enumerate(_FILE.read_text(encoding="utf-8").splitlines()):
        mark, *words = line.split() or ["#"]
        for word in words:
            if mark == "!":
                kinds[word] = (*kinds.get(word, ()), number)
            elif mark in {"=", "-"}:
                signs.setdefault(word, chr(_FIRST_SIGN + number) if mark == "=" else "")
    return _Lexicon(signs, kinds, _longest_first(signs), _longest_first(kinds))


def _longest_first(words: dict[str, str] | dict[str, tuple[int, ...]]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))


def plain_words(folded: str) -> str:
    """A folded question without blanks, marks and fillers, each set of words that say the same as one sign."""
    lexicon = _lexicon()
    return lexicon.words.sub(lambda found: lexicon.signs[found[0]], _OUTSIDE_WORDS.sub("", folded))


def kinds_of(folded: str) -> dict[int, frozenset[str]]:
    """The kinds (cities, meals, …) that a folded question names, each with its members there."""
    lexicon = _lexicon()
    found: dict[int, set[str]] = {}
    for word in lexicon.members.findall(folded):
        for kind in lexicon.kinds[word]:
            found.setdefault(kind, set()).add(word)
    return {kind: frozenset(members) for kind, members in found.items()}


def amounts_of(folded: str) -> frozenset[float]:
    """The numbers that a folded question names, 一万 and 10000 and 1万 alike."""
    return frozenset(_amount(found) for found in _AMOUNT.findall(folded))


def _amount(text: str) -> float:
    if text[0].isdigit():
        unit = _UNITS.get(text[-1], 1)
        return float(text.rstrip("千万")) * unit
    total, digit = 0, 0
    for sign in text:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign == "万":
            total, digit = (total + digit or 1) * 10000, 0
        else:
            total, digit = total + (digit or 1) * _UNITS[sign], 0
    return float(total + digit)
