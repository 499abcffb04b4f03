"""`huiying ask`: one question to the bot, answered by the same graph, without any platform."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from conversation.errors import BadSettings


def ask(
    question: Annotated[str, typer.Argument(help="What the customer says.")],
    room: Annotated[str | None, typer.Option(help="A room id such as feishu:main:oc_1: ask as in that room.")] = None,
    customer: Annotated[str | None, typer.Option(help="A person's id on the platform; needs --room.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything the turn concluded, as JSON.")] = False,
) -> None:
    """Asks once; nothing is sent and nothing is kept."""
    if customer and not room:
        raise BadSettings("--customer says who asks within a room: give --room too")
    from commands.asking import ask_once
    from commands.running import with_service

    answer = with_service(lambda service: ask_once(service, question, room=room, customer=customer))
    if as_json:
        typer.echo(orjson.dumps(answer).decode())
        return
    typer.echo(answer["reply"] or "（不说话）")
    typer.echo(f"— {answer['outcome']} · {answer['reason']} · {answer['llm_calls']} 次模型", err=True)
