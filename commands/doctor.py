"""`huiying doctor`: looks at every setting and credential and says in words what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
import typer

from commands.doctor_finding import Level
from settings_file import load_settings
from telemetry import configure_logging

MARKS = {Level.GOOD: "✓", Level.DOUBTFUL: "!", Level.BAD: "✗"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False) -> None:
    """Checks settings, database, Redis, Chroma, the embedder, the model, every channel and the helpdesk."""
    from commands.doctor_checks import examine

    configure_logging(level="WARNING")
    findings = asyncio.run(examine(load_settings()))
    if as_json:
        rows = [{"level": one.level, "subject": one.subject, "words": one.words} for one in findings]
        typer.echo(orjson.dumps(rows).decode())
    else:
        for one in findings:
            typer.echo(f"{MARKS[one.level]} {one.subject:<28} {one.words}")
    if any(one.level is Level.BAD for one in findings):
        raise typer.Exit(1)
