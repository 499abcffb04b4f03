"""Picks the sentences of a long text that answer a question: the extractive half of answering."""

from __future__ import annotations

import re

from agents.likeness import covered, gist

#: A sentence ends here; a line break ends one, too.
SENTENCE = re.compile(r"[^。！？!?；;\n]+[。！？!?；;]?|\n")
#: A line that belongs to a list, e.g. `1. …`, `- …`, `（2）…`.
LIST_ITEM = re.compile(r"\s*(?:[-*•·]|[(（]?\d{1,2}[.、)）])\s*\S")


def split_sentences(text: str) -> list[str]:
    """The sentences of `text` with their closing marks, without empty ones."""
    return [part.strip() for part in SENTENCE.findall(text) if part.strip()]


def best_sentences(question: str, text: str, most: int = 240) -> str:
    """The run of neighbouring sentences, at most about `most` characters, that speaks of the question.

    A text that fits is given whole; a list is kept with the line that leads into it.
    """
    text = text.strip()
    if len(text) <= most:
        return text
    lines = _pieces(text)
    asked = gist(question)
    weights = [covered(asked, line) for line in lines]
    best = max(range(len(lines)), key=lambda place: (weights[place], -place))
    return _grow(lines, best, most)


def _pieces(text: str) -> list[str]:
    """Sentences, but list items whole, each with the break that stood before it."""
    pieces: list[str] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        parts = [line.strip()] if LIST_ITEM.match(line) else split_sentences(line)
        pieces += [("\n" if place == 0 and pieces else "") + part for place, part in enumerate(parts)]
    return pieces


def _grow(pieces: list[str], start: int, most: int) -> str:
    """What follows the best piece belongs to it more often than what precedes it."""
    first, last, size = start, start + 1, len(pieces[start])
    if first and LIST_ITEM.match(pieces[start].lstrip("\n")):
        while first and LIST_ITEM.match(pieces[first].lstrip("\n")) and size + len(pieces[first - 1]) <= most:
            first -= 1
            size += len(pieces[first])
    while last < len(pieces) and size + len(pieces[last]) <= most:
        size += len(pieces[last])
        last += 1
    while first and size + len(pieces[first - 1]) <= most:
        first -= 1
        size += len(pieces[first])
    return "".join(pieces[first:last]).strip()[: most * 2]
