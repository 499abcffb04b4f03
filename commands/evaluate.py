"""`huiying eval`: runs offline suites, compares two of their reports, and measures the local models."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer

application = typer.Typer(no_args_is_help=True)


@application.command("run")
def run(
    suites: Annotated[
        list[str] | None, typer.Argument(help="Names of suites or paths of files; all by default.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="A folder for report.json and report.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON.")] = False,
) -> None:
    """Runs suites on a fresh service with the sample knowledge base; exit code 1 when a gate fails."""
    from evals.suites.run import run_suites
    from evals.suites.suite import find_suite, known_suites
    from telemetry import configure_logging

    configure_logging(level="CRITICAL")
    result = asyncio.run(run_suites([find_suite(name) for name in suites or known_suites()]))
    if report is not None:
        result.write(report)
    typer.echo(orjson.dumps(result.as_json()).decode() if as_json else result.in_words())
    raise typer.Exit(0 if result.passed else 1)


@application.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(help="report.json, or the folder that holds it.")],
    after: Annotated[Path, typer.Argument(help="The report to compare with it.")],
    as_json: Annotated[bool, typer.Option("--json", help="The comparison as JSON.")] = False,
) -> None:
    """Says which cases were fixed and which were broken between two reports."""
    from evals.suites.compare import compare as compared
    from evals.suites.compare import read_report

    comparison = compared(read_report(before), read_report(after))
    typer.echo(orjson.dumps(comparison.as_json()).decode() if as_json else comparison.in_words())


@application.command("models")
def models(
    sets: Annotated[
        Path | None, typer.Option("--data", help="A folder with public sets, to measure on them too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON.")] = False,
) -> None:
    """Measures the shipped models in one table; exit code 1 when a line that judges them was learnt from."""
    from evals.models.run import measure_models
    from telemetry import configure_logging

    configure_logging(level="CRITICAL")
    report = measure_models(sets, lambda part: typer.echo(f"measuring: {part}", err=True))
    typer.echo(orjson.dumps(report.as_json()).decode() if as_json else report.in_words())
    raise typer.Exit(0 if report.clean else 1)
