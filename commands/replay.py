"""`huiying replay`: plays traffic under a fault ladder and counts what was lost, doubled or reordered."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

if TYPE_CHECKING:
    from evals.replay.run import ReplayReport


def replay(
    traffic: Annotated[Path | None, typer.Argument(help="JSON lines; without it traffic is made from --seed.")] = None,
    messages: Annotated[int, typer.Option(min=1, max=100_000, help="How many messages to make.")] = 200,
    database: Annotated[str, typer.Option(help="sqlite:/// or postgresql:// URL of an empty database.")] = "",
    seed: Annotated[int, typer.Option(help="The seed of the traffic and of the faults.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The counts as JSON.")] = False,
) -> None:
    """Plays traffic through the real webhooks with faults; exit code 1 when one was lost, doubled or reordered."""
    from evals.replay.run import replay as play
    from evals.replay.traffic import made_traffic, read_traffic
    from telemetry import configure_logging

    configure_logging(level="CRITICAL")
    lines = read_traffic(traffic) if traffic else made_traffic(messages, seed)
    report = asyncio.run(play(lines, seed=seed, database_url=database))
    typer.echo(orjson.dumps(report.as_json()).decode() if as_json else _in_words(report))
    raise typer.Exit(0 if report.passed else 1)


def _in_words(report: ReplayReport) -> str:
    counts = report.counts
    rows = [
        ("messages", f"{counts.messages} heard, {counts.unheard} not delivered by the platform's own rules"),
        ("answered", f"{counts.answered}"),
        ("silent on purpose", f"{counts.silent}"),
        ("lost", f"{counts.lost}"),
        ("duplicate replies", f"{counts.duplicates}"),
        ("reordered replies", f"{counts.reordered}"),
        ("protocol violations", f"{counts.violations}"),
        ("unprompted messages", f"{counts.unprompted}"),
        ("what was done", ", ".join(f"{what} {number}" for what, number in report.fates.items())),
        ("API faults", f"{report.faults}"),
        ("outcomes", ", ".join(f"{what} {number}" for what, number in sorted(report.outcomes.items()))),
        ("time", f"{report.seconds:.1f} s, {report.unsettled} waits ran out"),
    ]
    lines = [f"{name:<22}{value}" for name, value in rows]
    return "\n".join([*lines, *(f"  {detail}" for detail in counts.details), "clean" if report.passed else "NOT CLEAN"])
