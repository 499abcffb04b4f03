"""`huiying kb`: import files into the knowledge base, search it, make its vectors again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

if TYPE_CHECKING:
    from retrieval.index_keeper import Reindexed

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


@application.command("reindex")
def reindex(
    again: Annotated[bool, typer.Option("--again", help="Also those that are there: the model was changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Makes the vectors of all entries with the configured embedder; may be stopped, and goes on next time."""
    from commands.running import with_service

    seen = sys.stderr.isatty() and not as_json
    with typer.progressbar(length=0, label="向量", file=sys.stderr, hidden=not seen) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        report = with_service(lambda service: service.reindex(again=again, progress=show))
    typer.echo(orjson.dumps(report).decode() if as_json else _in_words(report))


def _in_words(report: Reindexed) -> str:
    lines = [f"{report.embedder}：共 {report.texts} 段文字，本次生成向量 {report.made} 个。"]
    if report.removed:
        lines.append(f"已删除其他模型的向量：{'、'.join(report.removed)}")
    if report.busy:
        lines.append("向量已存入数据库，但索引正由运行中的服务占用：请重启服务，它启动后会自行用上新向量，")
        lines.append("之后再运行一次 huiying kb reindex 可清理旧向量。")
    return "\n".join(lines)


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
