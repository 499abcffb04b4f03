"""How sure a second ranking is: what it looks like, and the fitted chances that follow. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.second_look import FEATURES

Numbers = npt.NDArray[np.float32]

#: What is seen of a ranking besides the features of its first entry.
OF_RANKING = (
    "score",
    "margin",
    "share",
    "spread",
    "first_by_words",
    "first_by_vectors",
    "first_by_fit",
    "behind_best_fit",
    "margin_words_back",
    "known",
    "length",
)
SIGNS = (*FEATURES, *OF_RANKING)
#: The margin of an entry that has no rival.
ALONE = 3.0
_AT = {name: place for place, name in enumerate(FEATURES)}


def signs(rows: Numbers, scores: Numbers, known: float, length: int) -> Numbers:
    """`SIGNS` of a ranking: candidates best first, `known` the share of the words known, `length` the content."""
    shares = np.exp(scores - scores[0])
    shares /= shares.sum()
    words = rows[:, _AT["asks"]] + 0.7 * rows[:, _AT["answers"]]
    vectors = rows[:, _AT["asks_dense"]] + rows[:, _AT["answers_dense"]]
    fits, back = rows[:, _AT["fits_entry"]], rows[:, _AT["words_back"]]
    seen = (
        scores[0],
        min(float(scores[0] - scores[1]), ALONE) if len(scores) > 1 else ALONE,
        shares[0],
        -(shares * np.log(shares + 1e-9)).sum(),
        words.argmax() == 0,
        vectors.argmax() == 0,
        fits.argmax() == 0,
        fits.max() - fits[0],
        back[0] - np.partition(back, -2)[-2] if len(back) > 1 else 0.0,
        known,
        math.log1p(length),
    )
    return np.concatenate([rows[0], np.array(seen, np.float32)])


@dataclass(frozen=True, slots=True)
class Certainty:
    """A logistic model over `SIGNS`, one column of weights for first entries with a question, one for those without."""

    middle: Numbers
    spread: Numbers
    weights: Numbers
    bias: Numbers

    def chance(self, seen: Numbers, has_question: bool) -> float:
        """The chance (0–1)."""
        side = 0 if has_question else 1
        logit = float((seen - self.middle) / self.spread @ self.weights[:, side] + self.bias[side])
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
