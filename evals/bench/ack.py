"""How fast a webhook is acknowledged after the durable write, against a bare FastAPI endpoint in the same job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from evals.bench.bodies import FEISHU_PATH, feishu_people, feishu_posts, wecom_posts
from evals.bench.figures import median
from evals.bench.load import Load, closed_loop
from evals.bench.process import Measured, measured, measured_service
from evals.bench.table import mark, table
from evals.rig.loopback import listening, port_of, url_of
from evals.rig.platforms import platforms_at, settings_for
from evals.rig.scratch_folder import scratch_folder

TARGET_RATIO = 0.4


@dataclass(frozen=True, slots=True)
class AckTerms:
    """How much is sent: requests a run over so many connections."""

    requests: int = 5000
    connections: int = 64
    runs: int = 3
    warm: int = 1000


@dataclass(frozen=True, slots=True)
class AckReport:
    """The runs of each endpoint, in the order in which they took turns, and the CPU of its process a request."""

    runs: dict[str, list[Load]]
    cpu_us: dict[str, list[float]]

    def ratio(self, name: str) -> float:
        """Requests per second against the bare endpoint: the median of the rounds' own ratios."""
        pairs = zip(self.runs[name], self.runs["bare"], strict=True)
        return median(own.per_second / bare.per_second for own, bare in pairs)

    @property
    def passed(self) -> bool:
        """True when both platforms reach the target and nothing was refused."""
        refused = sum(load.refused for runs in self.runs.values() for load in runs)
        return not refused and all(self.ratio(name) >= TARGET_RATIO for name in self.runs)

    def as_json(self) -> dict[str, Any]:
        """Medians for `--json`."""
        return {
            name: {
                "req_s": round(median(load.per_second for load in runs)),
                "req_s_runs": [round(load.per_second) for load in runs],
                "p50_ms": round(median(load.p50_ms for load in runs), 2),
                "p99_ms": round(median(load.p99_ms for load in runs), 2),
                "ratio": round(self.ratio(name), 3),
                "cpu_us": round(median(self.cpu_us[name])),
                "refused": sum(load.refused for load in runs),
            }
            for name, runs in self.runs.items()
        } | {"target_ratio": TARGET_RATIO, "passed": self.passed}

    def in_words(self) -> str:
        """The table for people."""
        figures = self.as_json()
        rows = []
        for name in self.runs:
            own = figures[name]
            spread = f"{min(own['req_s_runs'])}–{max(own['req_s_runs'])}"
            shown = [name, f"{own['req_s']} ({spread})", f"{own['p50_ms']:.1f}", f"{own['p99_ms']:.1f}"]
            verdict = "" if name == "bare" else mark(own["ratio"] >= TARGET_RATIO)
            rows.append([*shown, f"{own['ratio']:.2f}", str(own["cpu_us"]), str(own["refused"]), verdict])
        return table(
            ["endpoint", "req/s", "p50 ms", "p99 ms", "ratio", "CPU µs", "refused", f"target ≥ {TARGET_RATIO}"], rows
        )


async def measure_ack(terms: AckTerms | None = None) -> AckReport:
    """Lets the three endpoints take turns under the same load; the service runs no turns (role `web`)."""
    terms = terms or AckTerms()
    async with _endpoints() as (ports, children, own_url):
        makers: dict[str, Callable[[int], list[bytes]]] = {
            "bare": feishu_posts,
            "feishu": feishu_posts,
            "wecom": lambda number: wecom_posts(number, own_url),
        }
        for name, make in makers.items():
            await closed_loop(ports[name], make(terms.warm), 4)
        runs: dict[str, list[Load]] = {name: [] for name in makers}
        cpu_us: dict[str, list[float]] = {name: [] for name in makers}
        for _ in range(terms.runs):
            for name, make in makers.items():
                posts, before = make(terms.requests), await children[name].used()
                runs[name].append(await closed_loop(ports[name], posts, terms.connections))
                after = await children[name].used()
                cpu_us[name].append((after.cpu_s - before.cpu_s) * 1e6 / terms.requests)
    return AckReport(runs, cpu_us)


@asynccontextmanager
async def _endpoints() -> AsyncIterator[tuple[dict[str, int], dict[str, Measured], str]]:
    bare, opened = listening(), listening()
    ports = {"bare": port_of(bare), "feishu": port_of(opened), "wecom": port_of(opened)}
    with scratch_folder() as folder:
        async with platforms_at(url_of(opened)) as platforms:
            for open_id in feishu_people():
                platforms.feishu.rooms.person(open_id, "顾客")
            settings = settings_for(platforms, folder, port_of(opened))
            async with (
                measured("evals.bench.bare_child", {"path": FEISHU_PATH}, bare) as yardstick,
                measured_service(settings, "web", opened) as service,
            ):
                children = {"bare": yardstick, "feishu": service, "wecom": service}
                yield ports, children, platforms.own_url
