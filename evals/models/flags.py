"""Rows on the four flags of a message."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agents.local_classifier import FLAGS, LocalFlags
from evals.models.arithmetic import calibration_error, f1
from evals.models.own_rows import JUDGED, CorpusRow, messages
from evals.models.surface import LetterPairs
from evals.models.table import Figure, Row, not_run

MUST = {"injection": 0.95, "offensive": 0.80}
#: Of fewer lines that bear a flag, no share can be told.
FEWEST = 10
#: Angry writers may well have called somebody names, without the corpus saying so.
HEATED = ("angry", "disappointed")


def flag_rows() -> Iterator[Row]:
    """A row per flag and split."""
    reader = LocalFlags.shipped()
    for flag in FLAGS:
        learnt = _known(flag, messages("train"))
        trivial = LetterPairs([row["text"] for row in learnt], [str(row[flag]) for row in learnt])
        for split in JUDGED:
            asked = _known(flag, messages(split))
            wanted = np.array([bool(row[flag]) for row in asked])
            if wanted.sum() < FEWEST:
                yield not_run(flag, f"messages {split}", f"{wanted.sum()} lines bear it")
                continue
            chances = np.array([float(getattr(reader.read(row["text"]), flag)) for row in asked])
            figures = (
                Figure("F1", f1(wanted, chances >= 0.5), at_least=MUST.get(flag)),
                Figure("ECE", calibration_error(wanted.astype(float), chances)),
            )
            plain = [trivial.read(row["text"]) == "1" for row in asked]
            bare = (Figure("always", f1(wanted, np.ones(len(wanted), bool))), Figure("bigrams", f1(wanted, plain)))
            yield Row(flag, f"messages {split}, {wanted.sum()} bear it", len(asked), figures, bare)


def _known(flag: str, found: list[CorpusRow]) -> list[CorpusRow]:
    if flag != "offensive":
        return found
    return [row for row in found if row["kind"] == "flags" or row["emotion"] not in HEATED or row[flag]]
