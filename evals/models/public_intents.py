"""Rows on intents that are learnt from a deployer's examples, on public sets of intents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from evals.few_shot import STRANGE, Trial, measure, trials
from evals.models.arithmetic import some
from evals.models.table import Figure, Row

MOST = 700
#: Trials by the beginning of their names, with what they must reach: right within scope, caught outside it.
CHOSEN = {"CLINC150": (0.93, 0.75), "Banking77": None, "xSID": None}
ALL = "all"


def intent_rows(folder: Path) -> Iterator[Row]:
    """The chosen trials: ten examples a label, and all; targets are for all."""
    for trial in trials(folder):
        for start, must in CHOSEN.items():
            if trial.name.startswith(start):
                yield _row(trial, must if trial.name.endswith(ALL) else None)


def _row(trial: Trial, must: tuple[float, float] | None) -> Row:
    # Of the few strangers all are asked.
    within = [row for row in trial.asked if row[1] != STRANGE]
    asked = some(within, MOST) + [row for row in trial.asked if row[1] == STRANGE]
    found = measure(replace(trial, asked=asked))
    right, caught = must or (None, None)
    figures = [Figure("right within scope", found.right, at_least=right)]
    if not np.isnan(found.caught):
        figures.append(Figure("caught outside", found.caught, at_least=caught))
    figures += [Figure("ECE", found.off), Figure("s to learn", found.learning_s, form=".1f")]
    bare = (Figure("majority", found.majority), Figure("nearest by letters", found.nearest))
    return Row("own intents", trial.name, len(asked), tuple(figures), bare)
