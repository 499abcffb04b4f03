"""`huiying serve`: starts the service, says what to open, and stops cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated

import typer

from conversation.errors import BadSettings
from settings import Settings
from settings_file import load_settings
from telemetry import configure_logging

if TYPE_CHECKING:
    from wiring import Service

SAMPLE = Path(__file__).resolve().parents[1] / "knowledge" / "sample"
ROLES = ("all", "web", "worker")


def serve(
    role: Annotated[str, typer.Option(help="all, web (webhooks and console) or worker (turns and sends).")] = "all",
    demo: Annotated[bool, typer.Option("--demo", help="Import the sample shop's knowledge base first.")] = False,
) -> None:
    """Starts the service."""
    configure_logging()
    settings = _checked(load_settings(), role)
    if demo:
        paths = (*settings.knowledge.import_paths, SAMPLE)
        knowledge = settings.knowledge.model_copy(update={"import_paths": paths})
        settings = settings.model_copy(update={"knowledge": knowledge})
    # The loop that uvicorn would choose: uvloop where it is installed.
    from uvicorn.loops.auto import auto_loop_factory

    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(settings, role))


def _checked(settings: Settings, role: str) -> Settings:
    if role not in ROLES:
        raise BadSettings(f"--role {role} is unknown: choose {', '.join(ROLES)}")
    if role != "all" and settings.database.startswith("sqlite"):
        raise BadSettings(
            f"--role {role} needs a database that several processes share: set HUIYING_DATABASE_URL to a "
            "postgresql:// address, or run with --role all"
        )
    return settings


async def _serve(settings: Settings, role: str) -> None:
    # Imported here so that every other command starts without the web stack.
    from commands.listening import listening

    with listening(settings.host, settings.port) as opened:
        from app import settle_memory
        from wiring import build_service

        # Port 0 asks for any free port: from here on its number is known.
        settings = settings.model_copy(update={"port": opened.getsockname()[1]})
        service = await build_service(settings)
        settle_memory()
        await _run(service, role, opened, lambda: typer.echo(_welcome(settings), err=True))


async def _run(service: Service, role: str, opened: socket, on_ready: Callable[[], None]) -> None:
    """Serves until a signal asks for the end. The workers stop before anything is closed."""
    import uvicorn

    from app import build_app
    from commands.listening import StoppableServer

    config = uvicorn.Config(
        build_app(service), lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=10
    )
    server = StoppableServer(config, leaving=service.screens.leaving, on_ready=on_ready)
    with server.heeding_signals():
        try:
            await service.start(role)
            await server.serve(sockets=[opened])
        finally:
            try:
                await service.stop()
            finally:
                await service.close()


def _welcome(settings: Settings) -> str:
    address = f"http://{settings.host}:{settings.port}"
    model = settings.llm.model if settings.llm.configured else "本地模型（没有配置大模型 / no LLM configured）"
    rows = [
        ("演练场 playground", f"{address}/console/playground" if settings.plays else "关 off"),
        ("控制台 console", f"{address}/console/"),
        ("健康   health", f"{address}/readyz  {address}/metrics"),
        ("模型   model", model),
    ]
    return "\n".join([f"汇应 Huiying → {address}", *(f"  {name:<14} {value}" for name, value in rows)])
