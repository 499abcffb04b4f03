"""The rows of the project's own corpus, by file, split and kind."""

from __future__ import annotations

from functools import cache
from typing import Any

from evals.practice_sets import CORPUS
from evals.retrieval_sets import read_rows

#: The parts that judge. Those of `train` (in pairs and the shop's questions `fit`) are learnt from.
JUDGED = ("dev", "test")
LEARNT = ("train", "fit")

CorpusRow = dict[str, Any]


@cache
def _all(name: str) -> tuple[CorpusRow, ...]:
    path = CORPUS / f"{name}.jsonl"
    return tuple(read_rows(path)) if path.exists() else ()


def rows(name: str, *splits: str) -> list[CorpusRow]:
    """The rows of one file that belong to `splits`; none where there is no such file."""
    return [row for row in _all(name) if row["split"] in splits]


def messages(split: str, *kinds: str) -> list[CorpusRow]:
    """The messages of one split and of these kinds (all without any)."""
    return [row for row in rows("messages", split) if not kinds or row["kind"] in kinds]
