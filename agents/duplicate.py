"""Says whether two customers ask the same thing, so that one answer serves both; used by the topic board and evals.

A logistic model and small trees over what two questions share and lack; `training/duplicate.py` makes the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agents.duplicate_features import LONGEST, Asked, asked
from agents.duplicate_marks import WIDTH, Numbers, Scale, SignWeight, compare
from retrieval.models.folding import fold
from retrieval.models.logistic import Logistic, sigmoid
from retrieval.models.weights_folder import SHIPPED, Arrays, DamagedModel, read_arrays
from retrieval.static_encoder import StaticEncoder

WEIGHTS = "duplicate.npz"
#: Every tree asks three questions.
DEPTH = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Boosted trees of depth `DEPTH`: of each tree 7 marks and 7 limits in order of level, and 8 leaves."""

    marks: NDArray[np.intp]
    limits: Numbers
    leaves: Numbers

    def logit(self, marks: Numbers) -> float:
        """The sum of the leaves that a row of marks falls to."""
        above = (marks.take(self.marks) > self.limits).ravel()
        starts = np.arange(0, above.size, 2**DEPTH - 1)
        node = np.zeros(len(starts), np.intp)
        for _ in range(DEPTH):
            node = 2 * node + 1 + above.take(starts + node)
        leaves = self.leaves.ravel().take(np.arange(1, len(starts) + 1) * 2**DEPTH + node - 2 ** (DEPTH + 1) + 1)
        return float(leaves.sum(dtype=np.float64))


class LocalDuplicate:
    """Reads pairs of questions. `blend` weighs the logit of the slopes, that of the trees, and a constant."""

    def __init__(self, scale: Scale, slopes: Logistic, trees: Trees, blend: NDArray[np.float64]) -> None:
        self._scale = scale
        self._slopes = slopes
        self._trees = trees
        self._blend = blend

    @classmethod
    def shipped(cls) -> LocalDuplicate:
        """The built-in model, read once. Raises `DamagedModel`."""
        return _shipped()

    @classmethod
    def of(cls, arrays: Arrays, encoder: StaticEncoder) -> LocalDuplicate:
        """The model in `arrays`, trained with `encoder`. Raises `KeyError` and `ValueError` for other arrays."""
        trees = Trees(arrays["tree_marks"].astype(np.intp), arrays["tree_limits"], arrays["tree_leaves"])
        if len(arrays["slopes"]) != WIDTH + 1 or trees.marks.max(initial=0) >= WIDTH:
            raise ValueError(f"it was trained on other marks than the {WIDTH} of this release")
        return cls(Scale(encoder, signs_of(arrays)), Logistic(arrays["slopes"]), trees, arrays["blend"])

    def asked(self, text: str) -> Asked:
        """A question read once, for many comparisons."""
        return asked(text, self._scale.encoder.pieces([fold(text)[:LONGEST]])[0])

    def chance(self, a: str, b: str) -> float:
        """The chance (0–1) that one answer serves both texts; 0 when either says nothing."""
        return self.chance_of(self.asked(a), self.asked(b)) if fold(a) and fold(b) else 0.0

    def chance_of(self, a: Asked, b: Asked) -> float:
        """`chance` for questions already read."""
        marks = compare(a, b, self._scale)
        parts = self._slopes.logits(marks[None, :].astype(np.float64))[0], self._trees.logit(marks), 1.0
        return float(sigmoid(np.array([self._blend @ parts]))[0])


def signs_of(arrays: Arrays) -> dict[str, SignWeight]:
    """The learnt weights of signs."""
    columns = (arrays[name].tolist() for name in ("signs", "rarity", "odd", "shared"))
    return {chr(sign): SignWeight(*weights) for sign, *weights in zip(*columns, strict=True)}


@lru_cache(maxsize=1)
def _shipped() -> LocalDuplicate:
    arrays = read_arrays(WEIGHTS)
    try:
        return LocalDuplicate.of(arrays, StaticEncoder.shipped())
    except (KeyError, ValueError) as problem:
        raise DamagedModel(SHIPPED / WEIGHTS, str(problem)) from problem
