"""Logistic regression over a few dense marks, by Newton's steps; for familiarity, duplicates, gates and topics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_STEPS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Logistic:
    """Slopes of the marks, and last the intercept."""

    slopes: Numbers

    def logits(self, marks: Numbers) -> Numbers:
        """One logit per row of marks."""
        found: Numbers = marks @ self.slopes[:-1] + self.slopes[-1]
        return found

    def chances(self, marks: Numbers) -> Numbers:
        """One chance (0–1) per row of marks."""
        return sigmoid(self.logits(marks))


def fit_logistic(
    marks: Numbers, wanted: Numbers, weights: Numbers, ridge: float = 1.0, *, known: Numbers | float = 0.0
) -> Logistic:
    """The slopes that make `wanted` (0–1) likeliest; `ridge` holds them small, in units of each mark's spread.

    `known` are logits believed beforehand; the slopes then say only how they should be corrected.
    """
    centre, spread = marks.mean(axis=0), marks.std(axis=0) + 1e-6
    rows = np.c_[(marks - centre) / spread, np.ones(len(marks))]
    penalty = np.append(np.full(marks.shape[1], ridge), 1e-3)
    solution = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        guess = sigmoid(rows @ solution + known)
        slope = rows.T @ (weights * (guess - wanted)) + penalty * solution
        bend = (rows.T * (weights * guess * (1 - guess))) @ rows + np.diag(penalty)
        solution = solution - np.linalg.solve(bend, slope)
    scale = solution[:-1] / spread
    return Logistic(np.append(scale, solution[-1] - float(centre @ scale)))


def sigmoid(value: Numbers) -> Numbers:
    """Logits as chances."""
    chances: Numbers = 1.0 / (1.0 + np.exp(-np.clip(value, -40, 40)))
    return chances
