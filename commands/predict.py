"""`huiying predict`: the shipped models and the retriever in batch, for outside scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def predict(
    task: Annotated[str, typer.Argument(help="retrieve, gate, triage, emotion, flags, redact, similar, topics, …")],
    source: Annotated[Path, typer.Option("--in", help="Input rows, JSON lines (.gz is read too).")],
    target: Annotated[Path, typer.Option("--out", help="Output rows, in the order of the input.")],
    kb: Annotated[Path | None, typer.Option(help="Knowledge base: JSON lines, or a folder of documents.")] = None,
    k: Annotated[int, typer.Option(min=1, max=1000, help="How many documents to rank.")] = 10,
    labels: Annotated[Path | None, typer.Option(help="A room's own history: rows text, answerable.")] = None,
    intents: Annotated[Path | None, typer.Option(help="Your own labelled intents: rows text, label.")] = None,
    oos: Annotated[str | None, typer.Option(help="The label that means out of scope.")] = None,
    tools: Annotated[Path | None, typer.Option(help="Business tools for the dialogue task.")] = None,
    llm: Annotated[bool, typer.Option("--llm", help="Let the configured language model take part.")] = False,
) -> None:
    """Reads rows, writes one row for each with the same id; nothing is written when a row cannot be read."""
    from evals.predict import PredictOptions, run_predict

    options = PredictOptions(kb=kb, k=k, labels=labels, intents=intents, oos=oos, tools=tools, llm=llm)
    raise typer.Exit(run_predict(task, source, target, options))
