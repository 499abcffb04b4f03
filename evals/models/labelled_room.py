"""A public technical group with marked lines and its documents: read, parted in blocks, weighed; also trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.retrieval_sets import read_rows
from retrieval.models.logistic import Logistic, fit_logistic

FOLDER = "huixiangdou_rejection"
#: Neighbouring lines of the labelled room come from one talk: so many stand and fall together.
BLOCK = 25
FOLDS = 5
RIDGE = 3.0

Numbers = NDArray[np.float64]


def labelled_room(folder: Path) -> list[dict[str, Any]]:
    """The lines with `answerable`, each with the block that it belongs to; `folder` holds the public sets."""
    rows = read_rows(folder / FOLDER / "queries.dev.jsonl")
    return [{**row, "block": f"{row['id'][:5]}{int(row['id'][5:]) // BLOCK}"} for row in rows]


def room_base(folder: Path) -> list[str]:
    """The documents that this group's lines are held against."""
    rows = [row for part in range(2) for row in read_rows(folder / FOLDER / f"kb_docs.{part}.jsonl.gz")]
    return [f"{row['title']}\n{row['text']}" for row in rows]


def weigh(marks: Numbers, wanted: Numbers) -> Logistic:
    """How the marks of a base are weighed."""
    return fit_logistic(marks, wanted, np.ones(len(wanted)), RIDGE)


def folds(rows: list[dict[str, Any]], shuffle: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows to judge, whole blocks together, both kinds of blocks in each part."""
    blocks = np.array([row["block"] for row in rows])
    part = np.zeros(len(rows), np.int64)
    chance = np.random.default_rng(shuffle)
    for answerable in (0, 1):
        mine = np.array([row["answerable"] == answerable for row in rows])
        for place, block in enumerate(chance.permutation(np.unique(blocks[mine]))):
            part[blocks == block] = place % FOLDS
    for turn in range(FOLDS):
        yield np.flatnonzero(part != turn), np.flatnonzero(part == turn)
