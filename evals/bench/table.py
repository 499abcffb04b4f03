"""Plain tables for the terminal; Chinese characters count as two columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def clip(text: str, columns: int) -> str:
    """`text` on one line, cut to so many columns."""
    line, taken = "", 0
    for sign in " ".join(text.split()):
        taken += width(sign)
        if taken > columns - 1:
            return f"{line}…"
        line += sign
    return line


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under a head, each column as wide as its widest cell."""
    columns = [max(width(row[place]) for row in (head, *rows)) for place in range(len(head))]
    ruled = [head, ["-" * columns[place] for place in range(len(head))], *rows]
    lines = [
        "  ".join(cell + " " * (columns[place] - width(cell)) for place, cell in enumerate(row)).rstrip()
        for row in ruled
    ]
    return "\n".join(lines)


def mark(good: bool) -> str:
    """Whether a target is met."""
    return "ok" if good else "MISSED"
