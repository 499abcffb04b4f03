"""Rows on what the shipped models cost: time on one core, memory, size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from conversation.errors import HuiyingError
from evals.models.arithmetic import some
from evals.models.own_rows import messages
from evals.models.table import Figure, Row
from retrieval.models.weights_folder import SHIPPED

ROOT = Path(__file__).resolve().parents[2]
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
MESSAGES = 400
LIMIT_S = 120.0


def speed_rows() -> Iterator[Row]:
    """Times are processor time, so that what else the machine does counts little. Raises `HuiyingError`."""
    texts = [row["text"] for row in some(messages("dev", "service"), MESSAGES)]
    took = _in_a_child(texts)
    on = "messages dev, service"

    def cost(what: str, figure: Figure, set_name: str = on) -> Row:
        return Row(what, set_name, len(texts) if set_name == on else 0, (figure,))

    yield cost("encode one message", Figure("ms", took["encode_ms"], at_most=0.3))
    yield cost("all heads on one message", Figure("ms", took["heads_ms"], at_most=2.0))
    yield cost("encode in batches", Figure("per second", took["encode_each_s"], at_least=5000, form=".0f"))
    odd = {name: ms for name, ms in took.items() if name.startswith("odd: ")}
    worst = max(odd, key=lambda name: odd[name])
    yield cost("every model on the worst odd text", Figure("ms", odd[worst], at_most=5.0), worst)
    memory = Figure("MB", took["memory_mb"], at_most=120, form=".0f")
    yield cost("memory added by loading all", memory, "fresh process")
    loading = (
        Figure("s", took["load_s"], at_most=1.0, form=".2f"),
        Figure("s of imports", took["import_s"], form=".2f"),
    )
    yield Row("load all", "fresh process", 0, loading)
    size = sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) / 1e6
    yield cost("shipped size", Figure("MB", size, at_most=12, form=".1f"), "weights")


def _in_a_child(texts: list[str]) -> dict[str, float]:
    asked = subprocess.run(
        [sys.executable, "-m", "evals.models.speed_child"],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ONE_CORE},
        timeout=LIMIT_S,
        check=False,
    )
    if asked.returncode:
        raise HuiyingError(f"the process that measures speed failed: {asked.stderr.strip()[-500:]}")
    found: dict[str, float] = json.loads(asked.stdout)
    return found
