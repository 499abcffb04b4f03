"""Runs prediction tasks over rows in a folder of their own, with one cache of models for all tests."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from evals.predict import PredictOptions, run_predict
from settings import Settings

TEXTS = [
    "你们什么时候发货",
    "",
    "😂😂",
    "我要退款!!!",
    "a" * 10_000,
    "转人工",
    "謝謝",
    "订单号2026031800１号到哪了\u200b",
]
KB = [
    {
        "doc_id": "k1",
        "question": "怎么申请退款",
        "answer": "在订单页点申请退款，1-3 个工作日到账。",
        "similar": ["退款流程"],
    },
    {"doc_id": "k2", "title": "发票", "text": "电子发票在订单完成后可在订单页下载。"},
    {"doc_id": "k3", "question": "多久发货"},
]


@cache
def settings() -> Settings:
    """Settings whose models are trained once per test run."""
    return Settings(data_dir=Path(tempfile.mkdtemp(prefix="huiying-predict-")))


def options(**given: Any) -> PredictOptions:
    """Options with the settings of the tests."""
    return PredictOptions(**{"settings": settings(), **given})


def write(path: Path, rows: list[Any]) -> Path:
    """Rows as a JSON-lines file."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def judged(folder: Path, task: str, rows: list[Any], **given: Any) -> list[dict[str, Any]]:
    """The output rows of a task that must succeed."""
    source, target = write(folder / "in.jsonl", rows), folder / "out.jsonl"
    assert run_predict(task, source, target, options(**given)) == 0
    return read(target)


def text_rows(key: str = "id") -> list[dict[str, Any]]:
    """One row per odd text, with a field that no task knows."""
    return [{key: f"t{place}", "text": text, "unknown_field": 1} for place, text in enumerate(TEXTS)]


def is_chance(value: object) -> bool:
    """True for a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
