"""`huiying bench`: measured figures of acknowledgement, turns, model calls and growth."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Protocol

import orjson
import typer

from conversation.errors import BadSettings

if TYPE_CHECKING:
    from evals.rig.model_relay import ModelEndpoint


class Report(Protocol):
    """What every measurement gives."""

    @property
    def passed(self) -> bool: ...

    def as_json(self) -> dict[str, object]: ...

    def in_words(self) -> str: ...


def bench(
    what: Annotated[str, typer.Argument(help="ack, turn, calls, growth or all.")] = "all",
    llm_url: Annotated[str, typer.Option(help="An OpenAI-compatible endpoint instead of the model's double.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Measures on this machine; medians of three runs. Exit code 1 when a target is missed."""
    from evals.rig.loopback import loop_factory
    from telemetry import configure_logging

    configure_logging(level="CRITICAL")
    chosen = _measurements(what, _endpoint(llm_url))
    reports: dict[str, Report] = {}
    for name, measure in chosen.items():
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            reports[name] = runner.run(_awaited(measure))
        if not as_json:
            typer.echo(f"== {name}\n{reports[name].in_words()}\n")
    if as_json:
        typer.echo(orjson.dumps({name: report.as_json() for name, report in reports.items()}).decode())
    raise typer.Exit(0 if all(report.passed for report in reports.values()) else 1)


async def _awaited(measure: Callable[[], Awaitable[Report]]) -> Report:
    return await measure()


def _measurements(what: str, endpoint: ModelEndpoint | None) -> dict[str, Callable[[], Awaitable[Report]]]:
    from evals.bench.ack import measure_ack
    from evals.bench.calls import measure_calls
    from evals.bench.growth import measure_growth
    from evals.bench.turn import measure_turn

    known: dict[str, Callable[[], Awaitable[Report]]] = {
        "ack": measure_ack,
        "turn": lambda: measure_turn(endpoint),
        "calls": lambda: measure_calls(endpoint),
        "growth": lambda: measure_growth(endpoint),
    }
    if what != "all" and what not in known:
        raise BadSettings(f"there is no measurement {what}: choose {', '.join(known)} or all")
    return known if what == "all" else {what: known[what]}


def _endpoint(llm_url: str) -> ModelEndpoint | None:
    """The endpoint of `--llm-url`; its model and key come from the environment, as for the service itself."""
    if not llm_url:
        return None
    from evals.rig.model_relay import ModelEndpoint

    key = os.environ.get("HUIYING_LLM_API_KEY", "")
    return ModelEndpoint(llm_url, os.environ.get("HUIYING_LLM_MODEL", "double"), key)
