"""Reads a long text only where something may stand: around the anchors that one cheap scan finds. Used by the rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

Place = tuple[int, int]


def windows(anchor: re.Pattern[str], text: str, before: int, behind: int) -> list[Place]:
    """The stretches of `text` around each match of `anchor`, with so many characters on both sides; those that
    touch are one. In order."""
    return widened([match.span() for match in anchor.finditer(text)], before, behind)


def widened(places: Iterable[Place], before: int, behind: int) -> list[Place]:
    """Places in order, each with so many characters more on both sides; those that touch are one."""
    found: list[Place] = []
    last = -1
    for start, end in places:
        if found and start - before <= last:
            found[-1] = (found[-1][0], end + behind)
        else:
            found.append((max(0, start - before), end + behind))
        last = end + behind
    return found


def within(pattern: re.Pattern[str], text: str, places: Sequence[Place]) -> Iterator[re.Match[str]]:
    """The matches of `pattern` in the windows. They are those of the whole text if every match holds an anchor, and if
    it and what it looks ahead at are no longer than the windows reach; looking behind sees all of the text."""
    for start, end in places:
        yield from pattern.finditer(text, start, end)
