"""What has to be done every now and then, by any process: forgetting, and looking after what nobody picked up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from delivery.guard import caught

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done every `every_s` seconds. `do` takes the time (Unix seconds); it may run in several processes at
    once, so it takes its work from the database row by row. What it raises is logged, and it is done again."""

    name: str
    every_s: float
    do: Callable[[float], Awaitable[object]]


async def repeat(chore: Chore, clock: Callable[[], float]) -> None:
    """Does the chore until cancelled."""
    while True:
        outcome = await caught(chore.do(clock()))
        if isinstance(outcome, Exception):
            logger.error("chore.failed", chore=chore.name, error=repr(outcome))
        await asyncio.sleep(chore.every_s)
