"""Rows on pairs of questions: does one answer serve both?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from agents.duplicate import LocalDuplicate
from evals.models.arithmetic import area, calibration_error
from evals.models.own_rows import rows
from evals.models.surface import letters_shared
from evals.models.table import Figure, Row

#: Of pairs written to mislead by their words, the share at which likeness by words does as well as on public sets.
NEAR_SHARE = 0.35
MUST = {"everyday": 0.89, "bank": 0.77}


def pair_weights(labelled: Sequence[dict[str, Any]]) -> list[float]:
    """What each written pair weighs: `NEAR_SHARE` of each trade's weight are those written to mislead."""
    kinds = [(row["domain"], bool(row["near"])) for row in labelled]
    shares = {kind: (NEAR_SHARE if kind[1] else 1 - NEAR_SHARE) / kinds.count(kind) for kind in kinds}
    return [shares[kind] for kind in kinds]


def pair_rows() -> Iterator[Row]:
    """A row per trade."""
    model = LocalDuplicate.shipped()
    for trade, must in MUST.items():
        own = [row for row in rows("pairs", "dev") if row["domain"] == trade]
        weights = np.array(pair_weights(own))
        same = np.array([float(row["same"]) for row in own])
        chances = np.array([model.chance(row["a"], row["b"]) for row in own])
        letters = np.array([letters_shared(row["a"], row["b"]) for row in own])
        figures = (
            Figure("AUC", area(same, chances, weights), at_least=must),
            Figure("ECE", calibration_error(same, chances, weights)),
            Figure("right at 0.5", float((weights * ((chances >= 0.5) == same)).sum() / weights.sum())),
        )
        bare = (Figure("Jaccard AUC", area(same, letters, weights)),)
        yield Row("same question", f"pairs dev, {trade}", len(own), figures, bare)
