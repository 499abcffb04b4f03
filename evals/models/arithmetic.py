"""The arithmetic of judging labels, chances and clusters; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
BINS = 10


def f1(wanted: Sequence[bool] | NDArray[Any], said: Sequence[bool] | NDArray[Any]) -> float:
    """The F1 of saying yes; 0 when nothing is wanted and something is said."""
    a, b = np.asarray(wanted, bool), np.asarray(said, bool)
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def macro_f1(wanted: Sequence[str], said: Sequence[str]) -> float:
    """The mean F1 over the labels that are wanted somewhere."""
    a, b = np.array(wanted), np.array(said)
    return float(np.mean([f1(a == label, b == label) for label in sorted(set(wanted))])) if len(a) else 0.0


def set_f1(wanted: set[Any], said: set[Any]) -> float:
    """The F1 of finding just these things; 1 where there is nothing to find and nothing found."""
    return 2 * len(wanted & said) / (len(wanted) + len(said)) if wanted or said else 1.0


def area(same: Numbers, scores: Numbers, weights: Numbers) -> float:
    """The chance that a row that is wanted scores above one that is not (AUC); ties count half."""
    order = np.argsort(scores, kind="stable")
    same, scores, weights = same[order], scores[order], weights[order]
    _, places = np.unique(scores, return_inverse=True)
    good = np.bincount(places, weights * same)
    bad = np.bincount(places, weights * (1 - same))
    below = np.cumsum(bad) - bad
    return float((good * (below + bad / 2)).sum() / max(1e-12, good.sum() * bad.sum()))


def calibration_error(same: Numbers, chances: Numbers, weights: Numbers | None = None) -> float:
    """How far chances are from shares, on average over ten equal steps (ECE)."""
    weighed = np.ones(len(same)) if weights is None else weights
    steps = np.minimum((chances * BINS).astype(int), BINS - 1)
    gaps = np.bincount(steps, weighed * (chances - same), BINS)
    return float(np.abs(gaps).sum() / max(1e-12, weighed.sum()))


def rand_index(wanted: Sequence[Hashable], said: Sequence[Hashable]) -> float:
    """How alike two sortings into groups are: 1 for the same, 0 for chance (ARI, Hubert and Arabie 1985)."""
    both = _pairs(list(zip(wanted, said, strict=True)))
    a, b, every = _pairs(wanted), _pairs(said), comb(len(wanted), 2)
    chance = a * b / max(1, every)
    most = (a + b) / 2
    return (both - chance) / (most - chance) if most != chance else 1.0


def _pairs(groups: Sequence[Hashable]) -> int:
    return sum(comb(size, 2) for size in Counter(groups).values())


def some(rows: Sequence[Any], most: int) -> list[Any]:
    """At most `most` rows, spread evenly."""
    return list(rows[:: max(1, -(-len(rows) // most))])
