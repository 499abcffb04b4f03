"""Logistic regression by Newton's method, for the few features of a calibration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
STEPS = 30


def fit(x: Numbers, y: Numbers, weights: Numbers, *, ridge: float) -> tuple[float, list[float]]:
    """The intercept and slopes that make `y` (0 or 1) likeliest, rows weighted, slopes of unit features held small."""
    middle = np.average(x, axis=0, weights=weights)
    spread = np.sqrt(np.average((x - middle) ** 2, axis=0, weights=weights)) + 1e-6
    rows = np.c_[np.ones(len(x)), (x - middle) / spread]
    held = np.eye(rows.shape[1]) * ridge * weights.sum()
    held[0, 0] = 0.0
    slopes = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-rows @ slopes))
        curve = (rows * (weights * chance * (1 - chance))[:, None]).T @ rows + held
        slopes += np.linalg.solve(curve, rows.T @ (weights * (y - chance)) - held @ slopes)
    own = slopes[1:] / spread
    return float(slopes[0] - (own * middle).sum()), [float(one) for one in own]
