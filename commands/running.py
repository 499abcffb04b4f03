"""Running one coroutine of a command on a loop of its own, with a built service that is always closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wiring import Service, build_service

from settings import Settings
from settings_file import load_settings
from telemetry import configure_logging

Result = TypeVar("Result")


def with_service(work: Callable[[Service], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """Builds the service (without starting its workers), awaits `work` on it, and closes it again."""
    configure_logging(level="WARNING")
    chosen = settings or load_settings()

    async def run() -> Result:
        service = await build_service(chosen)
        try:
            return await work(service)
        finally:
            await service.close()

    return asyncio.run(run())
