"""Runs one prediction task over a file: every row judged, or nothing written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from conversation.errors import HuiyingError
from evals.predict.options import Judge, PredictOptions, Prepare
from evals.predict.row_files import BadRows, Row, read_rows, write_rows


@dataclass(frozen=True, slots=True)
class PredictTask:
    """A task: how it is made ready, and the options that it cannot do without."""

    prepare: Prepare
    needs: tuple[str, ...] = ()


def _in(module: str, function: str) -> Prepare:
    """A task by its place; the module is imported when the task is run, since the graph takes long to load."""

    def prepare(options: PredictOptions, stack: ExitStack) -> Judge:
        judge: Judge = getattr(import_module(f"evals.predict.{module}"), function)(options, stack)
        return judge

    return prepare


TASKS: Mapping[str, PredictTask] = {
    "retrieve": PredictTask(_in("retrieval_tasks", "retrieve"), ("kb",)),
    "gate": PredictTask(_in("retrieval_tasks", "gate"), ("kb",)),
    "triage": PredictTask(_in("text_tasks", "triage")),
    "emotion": PredictTask(_in("text_tasks", "emotion")),
    "flags": PredictTask(_in("text_tasks", "flags")),
    "redact": PredictTask(_in("text_tasks", "redact")),
    "similar": PredictTask(_in("text_tasks", "similar")),
    "topics": PredictTask(_in("room_tasks", "topics")),
    "mention": PredictTask(_in("room_tasks", "mention")),
    "brief": PredictTask(_in("briefs", "brief")),
    "dialogue": PredictTask(_in("dialogue", "dialogue"), ("kb",)),
}


def run_predict(task: str, input_path: Path, output_path: Path, options: PredictOptions | None = None) -> int:
    """Judges every row of `input_path` and writes one row each, in order, with the same `id` (or `qid`).

    Gives the exit status: 0, or 1 after a sentence on stderr; then the output is as it was before.
    """
    try:
        predict(task, input_path, output_path, options or PredictOptions())
    except HuiyingError as error:
        print(f"huiying predict {task}: {error}", file=sys.stderr)
        return 1
    return 0


def predict(task: str, input_path: Path, output_path: Path, options: PredictOptions) -> None:
    """`run_predict`, raising `HuiyingError`."""
    if task not in TASKS:
        raise BadRows(f"there is no such task; there are: {', '.join(TASKS)}")
    for name in TASKS[task].needs:
        if getattr(options, name) is None:
            raise BadRows(f"this task needs --{name}")
    rows = read_rows(input_path)
    keys = [_key(row, input_path, number) for number, row in enumerate(rows, start=1)]
    with ExitStack() as stack:
        judge = TASKS[task].prepare(options, stack)
        write_rows(output_path, _judged(rows, keys, judge, input_path))


def _judged(rows: list[Row], keys: list[str], judge: Judge, source: Path) -> Iterator[dict[str, Any]]:
    for number, (row, key) in enumerate(zip(rows, keys, strict=True), start=1):
        try:
            yield {key: row[key], **judge(row)}
        except BadRows as error:
            raise BadRows(f"{source}, row {number} ({key} {row[key]}): {error}") from None


def _key(row: Row, source: Path, number: int) -> str:
    for key in ("id", "qid"):
        if key in row:
            return key
    raise BadRows(f"{source}, row {number}: has neither `id` nor `qid`")
