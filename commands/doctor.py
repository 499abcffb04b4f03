"""`huiying doctor`: looks at every setting and credential and says in words what is wrong and how to mend it."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from commands.doctor_checks import Finding, Level, examine
from commands.running import with_service

MARKS = {Level.GOOD: "✓", Level.DOUBTFUL: "!", Level.BAD: "✗"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False) -> None:
    """Checks settings, database, Redis, Chroma, the model, every channel and the helpdesk."""
    findings = with_service(examine)
    if as_json:
        rows = [{"level": one.level, "subject": one.subject, "words": one.words} for one in findings]
        typer.echo(orjson.dumps(rows).decode())
    else:
        for one in findings:
            typer.echo(f"{MARKS[one.level]} {one.subject:<28} {one.words}")
    if any(one.level is Level.BAD for one in findings):
        raise typer.Exit(1)


__all__ = ["Finding", "doctor"]
