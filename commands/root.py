"""The `huiying` command and its exit codes: 0 only on success, a sentence on stderr otherwise."""

from __future__ import annotations

import sys

import typer

from commands import ask, bench, doctor, evaluate, knowledge, predict, replay, serve
from conversation.errors import HuiyingError

application = typer.Typer(
    name="huiying",
    help="汇应 Huiying: an open customer-service orchestrator for WeChat and Feishu.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
application.command("serve")(serve.serve)
application.command("ask")(ask.ask)
application.add_typer(knowledge.application, name="kb", help="Import and search the knowledge base.")
application.command("predict")(predict.predict)
application.add_typer(evaluate.application, name="eval", help="Offline suites.")
application.command("replay")(replay.replay)
application.command("bench")(bench.bench)
application.command("doctor")(doctor.doctor)


def command_line() -> None:
    """Runs the command; our own errors become one sentence on stderr and exit code 1."""
    try:
        application()
    except HuiyingError as error:
        sys.stderr.write(f"huiying: {error}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
