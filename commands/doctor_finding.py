"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; only BAD makes the command fail."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, and the sentence about it."""

    level: Level
    subject: str
    words: str


def good(subject: str, words: str) -> Finding:
    """It works."""
    return Finding(Level.GOOD, subject, words)


def doubtful(subject: str, words: str) -> Finding:
    """It works, but probably not as wanted."""
    return Finding(Level.DOUBTFUL, subject, words)


def bad(subject: str, words: str) -> Finding:
    """It cannot work; the words say how to mend it."""
    return Finding(Level.BAD, subject, words)
