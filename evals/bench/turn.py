"""What a turn costs besides the model: time from the webhook to the platform call, and CPU of the service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from evals.bench.beside_child import Bench, bench_service
from evals.bench.driver import Exchange
from evals.bench.figures import median, percentile
from evals.bench.table import mark, table
from evals.rig.model_relay import ModelEndpoint
from playground.llm_brain import MESSAGES
from playground.llm_double import Mood

LATENCY_S = 0.05
TARGET_OVERHEAD_MS, TARGET_CPU_MS = 10.0, 6.0
RUNS, CONVERSATIONS, TURNS_A_CONVERSATION = 3, 16, 20
#: A message that got no reply within this time in the warm-up is silent on purpose and left out.
SILENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Busy:
    """One run at many conversations: CPU of the service a turn, turns a second, turns that got no reply in time."""

    cpu_ms: float
    per_second: float
    p50_ms: float
    unanswered: int


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """One row of the table: with the model, or without."""

    name: str
    alone: list[list[Exchange]]
    busy: list[Busy]
    rss_mb: float

    @property
    def p50_ms(self) -> float:
        """Overhead in the middle: the median of the runs' medians."""
        return median(percentile([one.overhead_s for one in run], 0.5) for run in self.alone) * 1000

    @property
    def p95_ms(self) -> float:
        """Overhead of nearly all, the median of the runs."""
        return median(percentile([one.overhead_s for one in run], 0.95) for run in self.alone) * 1000

    @property
    def cpu_ms(self) -> float:
        """CPU of a turn at many conversations."""
        return median(run.cpu_ms for run in self.busy)

    @property
    def passed(self) -> bool:
        """True when both targets are met and every turn was answered."""
        unanswered = sum(run.unanswered for run in self.busy)
        return not unanswered and self.p50_ms <= TARGET_OVERHEAD_MS and self.cpu_ms <= TARGET_CPU_MS

    def as_json(self) -> dict[str, Any]:
        """The row for `--json`."""
        runs = [round(percentile([one.overhead_s for one in run], 0.5) * 1000, 2) for run in self.alone]
        return {
            "name": self.name,
            "overhead_p50_ms": round(self.p50_ms, 2),
            "overhead_p50_ms_runs": runs,
            "overhead_p95_ms": round(self.p95_ms, 2),
            "wall_p50_ms": round(median(one.wall_s for run in self.alone for one in run) * 1000, 2),
            "cpu_ms_per_turn": round(self.cpu_ms, 2),
            "cpu_ms_per_turn_runs": [round(run.cpu_ms, 2) for run in self.busy],
            "turns_per_s": round(median(run.per_second for run in self.busy), 1),
            "busy_p50_ms": round(median(run.p50_ms for run in self.busy), 1),
            "unanswered": sum(run.unanswered for run in self.busy),
            "rss_mb": round(self.rss_mb, 1),
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class TurnReport:
    """With the model at 50 ms a call, and without one."""

    rows: list[TurnFigures]

    @property
    def passed(self) -> bool:
        """True when every row meets its targets."""
        return all(row.passed for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The report for `--json`."""
        targets = {"overhead_p50_ms": TARGET_OVERHEAD_MS, "cpu_ms_per_turn": TARGET_CPU_MS}
        return {"rows": [row.as_json() for row in self.rows], "targets": targets, "passed": self.passed}

    def in_words(self) -> str:
        """The table for people."""
        head = ["turn", "overhead p50 / p95 ms", "wall p50 ms", f"CPU ms (c={CONVERSATIONS})", "turns/s", "p50 ms"]
        head += ["RSS MB", "unanswered", f"≤ {TARGET_OVERHEAD_MS:.0f} ms, ≤ {TARGET_CPU_MS:.0f} ms CPU"]
        rows = []
        for row in (one.as_json() for one in self.rows):
            cells = [row["name"], f"{row['overhead_p50_ms']} / {row['overhead_p95_ms']}", str(row["wall_p50_ms"])]
            cells += [f"{row['cpu_ms_per_turn']} {row['cpu_ms_per_turn_runs']}", str(row["turns_per_s"])]
            cells += [str(row["busy_p50_ms"]), str(row["rss_mb"]), str(row["unanswered"]), mark(row["passed"])]
            rows.append(cells)
        return table(head, rows)


async def measure_turn(endpoint: ModelEndpoint | None = None) -> TurnReport:
    """Measures a service with the model double at 50 ms (or `endpoint`), then one without a model."""
    rows = []
    for name, with_model in ((f"model at {LATENCY_S * 1000:.0f} ms", True), ("no model", False)):
        async with bench_service(with_model=with_model, endpoint=endpoint if with_model else None) as bench:
            bench.platforms.llm.reset(Mood(latency_s=LATENCY_S))
            rows.append(await _row(name, bench))
    return TurnReport(rows)


async def _row(name: str, bench: Bench) -> TurnFigures:
    spoken = [text for _, text in MESSAGES]
    warm = [await bench.driver.exchange(text, limit_s=SILENCE_S) for text in spoken]
    spoken = [one.text for one in warm if one.reply is not None]
    alone = [await _alone(bench, spoken) for _ in range(RUNS)]
    busy = [await _busy(bench, spoken) for _ in range(RUNS)]
    return TurnFigures(name, alone, busy, (await bench.child.used()).rss_mb)


async def _alone(bench: Bench, spoken: list[str]) -> list[Exchange]:
    exchanges = []
    for text in spoken:
        exchanges.append(await bench.driver.exchange(text))
        # What a turn leaves to be done off the path must not be charged to the next one.
        await asyncio.sleep(0.02)
    return exchanges


async def _busy(bench: Bench, spoken: list[str]) -> Busy:
    exchanges: list[Exchange] = []

    async def converse(number: int) -> None:
        for turn in range(TURNS_A_CONVERSATION):
            exchanges.append(await bench.driver.exchange(spoken[(number * 7 + turn) % len(spoken)], limit_s=20.0))

    before = await bench.child.used()
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*(converse(number) for number in range(CONVERSATIONS)))
    took = asyncio.get_running_loop().time() - started
    after = await bench.child.used()
    answered = [one for one in exchanges if one.reply is not None]
    cpu_ms = (after.cpu_s - before.cpu_s) * 1000 / max(1, len(answered))
    wall = percentile([one.wall_s for one in answered], 0.5) * 1000
    return Busy(cpu_ms, len(answered) / took, wall, len(exchanges) - len(answered))
