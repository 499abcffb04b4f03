"""The second ranking of a question's candidates: a small network over what the second look saw. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]

#: Candidates that are all alike in a feature are told apart by others.
EVEN = 1e-2


@dataclass(frozen=True, slots=True)
class Reranker:
    """A sum and a hidden layer; both read every feature as it is and as it stands among the question's candidates.

    `middle` and `spread` bring features to one scale. `direct` has one column for entries with a question and one for
    entries without; so has the hidden layer an input that tells them apart.
    """

    middle: Numbers
    spread: Numbers
    direct: Numbers
    inward: Numbers
    inward_bias: Numbers
    outward: Numbers

    def scores(self, rows: Numbers, has_question: npt.NDArray[np.bool_]) -> Numbers:
        """One score per row; a difference of 1 makes an entry e times as likely to be the right one."""
        if not len(rows):
            return np.zeros(0, np.float32)
        inputs = prepared(rows, self.middle, self.spread)
        has = has_question.astype(np.float32)[:, None]
        sums = inputs @ self.direct
        hidden = np.tanh(np.hstack([inputs, has]) @ self.inward + self.inward_bias)
        found: Numbers = (np.where(has_question, sums[:, 0], sums[:, 1]) + hidden @ self.outward).astype(np.float32)
        return found


def prepared(rows: Numbers, middle: Numbers, spread: Numbers) -> Numbers:
    """The inputs of the network: features on one scale, and each in units of its spread among the candidates."""
    scaled = (rows - middle) / spread
    among = (scaled - scaled.mean(axis=0)) / (scaled.std(axis=0) + EVEN)
    return np.hstack([scaled, among]).astype(np.float32)
