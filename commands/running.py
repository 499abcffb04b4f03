"""Running one coroutine of a command on a loop of its own, with a built service that is always closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from settings import Settings
from settings_file import load_settings
from telemetry import configure_logging

if TYPE_CHECKING:
    from wiring import Service

Result = TypeVar("Result")


def with_service(work: Callable[[Service], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """Builds the service (without starting its workers), awaits `work` on it, and closes it again."""
    configure_logging(level="WARNING")
    chosen = settings or load_settings()

    # The whole product is imported only by the commands that need it.
    from wiring import build_service

    async def run() -> Result:
        service = await build_service(chosen)
        try:
            return await work(service)
        finally:
            await service.close()

    return asyncio.run(run())
