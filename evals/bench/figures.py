"""The arithmetic of measuring; pure. Times are in seconds unless a name says otherwise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

Interval = tuple[float, float]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0–1) of the values do not exceed; 0.0 for none."""
    if not values:
        return 0.0
    place = max(0, math.ceil(share * len(values)) - 1)
    return sorted(values)[place]


def median(values: Iterable[float]) -> float:
    """The middle value; 0.0 for none."""
    known = list(values)
    return statistics.median(known) if known else 0.0


def covered_s(intervals: Iterable[Interval]) -> float:
    """How long at least one of the intervals lasts."""
    total, until = 0.0, -math.inf
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def chain_length(intervals: Iterable[Interval]) -> int:
    """The longest chain of intervals that do not overlap: calls that had to wait for each other."""
    length, until = 0, -math.inf
    for start, end in sorted(intervals, key=lambda one: one[1]):
        if start >= until:
            length, until = length + 1, end
    return length


def clipped(intervals: Iterable[Interval], start: float, end: float) -> list[Interval]:
    """The parts of the intervals that lie between `start` and `end`."""
    return [(max(a, start), min(b, end)) for a, b in intervals if b > start and a < end]
