"""Finds lines that judge a model among those that it learnt from: equal ones, and nearly equal ones. Pure."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrieval.models.folding import fold

#: From this share of common runs of three letters on (Jaccard) two lines are nearly the same.
NEAR = 0.8
RUN = 3
#: 谢谢 and 我也是 are said by everybody: equal lines of fewer letters give nothing away, and are only counted.
SHORTEST = 5


@dataclass(frozen=True, slots=True)
class Told:
    """A line and where it stands."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A judging line and the line it was learnt from; `likeness` is 1 for equal ones."""

    judged: Told
    learnt: Told
    likeness: float


@dataclass(frozen=True, slots=True)
class Leaks:
    """What was found between `judged` and `learnt` lines (numbers). `short` counts equal lines too short to tell."""

    judged: int
    learnt: int
    exact: tuple[Leak, ...]
    near: tuple[Leak, ...]
    short: int


def letters(text: str) -> str:
    """A text without case, width, blanks, punctuation and other signs."""
    return "".join(sign for sign in fold(text) if unicodedata.category(sign)[0] in "LN")


def find_leaks(judged: Iterable[Told], learnt: Iterable[Told]) -> Leaks:
    """Every judged line that was learnt, or nearly: the most alike learnt line of each."""
    asked = {plain: told for told in judged if (plain := letters(told.text))}
    known = {plain: told for told in learnt if (plain := letters(told.text))}
    equal = [plain for plain in asked if plain in known]
    exact = tuple(Leak(asked[plain], known[plain], 1.0) for plain in equal if len(plain) >= SHORTEST)
    rest = {plain: asked[plain] for plain in asked.keys() - known.keys() if len(plain) >= SHORTEST}
    near = tuple(Leak(rest[a], known[b], likeness) for a, b, likeness in _near(sorted(rest), sorted(known)))
    return Leaks(len(asked), len(known), exact, near, len(equal) - len(exact))


def _near(asked: Sequence[str], known: Sequence[str]) -> list[tuple[str, str, float]]:
    """Nearly equal pairs, by an index of the rarest runs of each line: those a pair this alike must share one of."""
    runs = {plain: _runs(plain) for plain in {*asked, *known}}
    met = Counter(run for own in runs.values() for run in own)
    index: dict[str, list[str]] = defaultdict(list)
    for plain in known:
        for run in _telling(runs[plain], met):
            index[run].append(plain)
    found = []
    for plain in asked:
        others = {other for run in _telling(runs[plain], met) for other in index.get(run, ())}
        likeness, nearest = max(((_alike(runs[plain], runs[other]), other) for other in others), default=(0.0, ""))
        if likeness >= NEAR:
            found.append((plain, nearest, likeness))
    return found


def _runs(plain: str) -> frozenset[str]:
    return frozenset(plain[at : at + RUN] for at in range(len(plain) - RUN + 1))


def _telling(runs: frozenset[str], met: Counter[str]) -> list[str]:
    """The rarest runs, so many that a set at least `NEAR` alike has one of them, too."""
    ordered = sorted(runs, key=lambda run: (met[run], run))
    return ordered[: len(ordered) - math.ceil(NEAR * len(ordered)) + 1]


def _alike(own: frozenset[str], other: frozenset[str]) -> float:
    shared = len(own & other)
    return shared / (len(own) + len(other) - shared)
