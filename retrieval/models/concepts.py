"""Finds the ideas a text speaks of, by a list of words that mean nearly the same; read by the n-gram features."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_DENIALS = frozenset("不没未无别")
_FILE = Path(__file__).with_name("concepts.txt")


@cache
def _ideas() -> tuple[dict[str, tuple[str, ...]], tuple[int, ...]]:
    found: dict[str, set[str]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        idea, colon, words = line.partition(":")
        if colon and not idea.startswith("#"):
            for word in words.split():
                found.setdefault(word.replace("_", " "), set()).add(idea.strip())
    table = {word: tuple(sorted(ideas)) for word, ideas in found.items()}
    return table, tuple(sorted({len(word) for word in table}, reverse=True))


def ideas_of(plain: str) -> list[str]:
    """The ideas of a folded text in the order of their first words, each once.

    The longest word wins (没收到 is not 收到); a word after a denial gives "not idea"; Latin words must stand alone.
    """
    table, lengths = _ideas()
    found: dict[str, None] = {}
    start = 0
    while start < len(plain):
        step = 1
        for length in lengths:
            word = plain[start : start + length]
            if word in table and _stands(plain, start, start + len(word)):
                denied = "not " if start and plain[start - 1] in _DENIALS else ""
                found.update(dict.fromkeys(denied + idea for idea in table[word]))
                step = len(word)
                break
        start += step
    return list(found)


def _stands(plain: str, start: int, end: int) -> bool:
    first, last = plain[start], plain[end - 1]
    if not (first.isascii() and first.isalnum()):
        return True
    before, after = plain[start - 1 : start], plain[end : end + 1]
    return not (before.isascii() and before.isalnum()) and not (last.isascii() and after.isascii() and after.isalnum())
