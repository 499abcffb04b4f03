"""`huiying kb`: import files into the knowledge base, and search it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

application = typer.Typer(no_args_is_help=True)


@application.command("import")
def import_files(
    paths: Annotated[list[Path], typer.Argument(help="JSONL, CSV or Markdown files, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Imports files; unchanged entries cost nothing, a file with an error changes nothing."""
    from commands.running import with_service

    report = with_service(lambda service: service.import_knowledge(paths))
    if as_json:
        typer.echo(orjson.dumps(report).decode())
    else:
        typer.echo(report.in_words())


@application.command("search")
def search(
    question: str,
    k: Annotated[int, typer.Option(min=1, max=50, help="How many entries to give.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Ranked entries as JSON.")] = False,
) -> None:
    """Finds the entries that answer a question, best first."""
    from commands.running import with_service

    found = with_service(lambda service: service.retriever.search(question, k=k))
    rows = [
        {"entry": p.entry_id, "score": round(p.score, 4), "question": p.question, "answer": p.answer}
        for p in found.passages
    ]
    if as_json:
        typer.echo(orjson.dumps(rows).decode())
        return
    if not rows:
        typer.echo("没有找到相关条目。先用 huiying kb import 导入知识库。")
    for row in rows:
        typer.echo(f"{row['score']:.3f}  {row['entry']}  {row['question']}\n        {row['answer']}")
