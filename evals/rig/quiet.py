"""Waits until nothing moves any more: no message without a turn, no reply on its way, no bubble being written."""

from __future__ import annotations

import asyncio

from evals.rig.beside import Scene
from evals.rig.turns_seen import pending

LOOK_S = 0.1
#: So many looks in a row must find nothing before it counts as quiet.
STILL = 3
#: What is due later than this is brought here by the clock instead of being waited for.
LEAP_S = 1.5


async def until_quiet(scene: Scene, limit_s: float = 120.0) -> bool:
    """Waits for quiet, leaping over retry pauses with the scene's clock; False when `limit_s` real seconds pass."""
    still, seen = 0, -1
    try:
        async with asyncio.timeout(limit_s):
            while still < STILL:
                await asyncio.sleep(LOOK_S)
                left = await scene.service.database.read(lambda connection: pending(connection, scene.clock()))
                if left.next_at is not None and left.next_at - scene.clock() > LEAP_S:
                    scene.clock.advance(left.next_at - scene.clock())
                ledger = scene.platforms.ledger
                still = still + 1 if left.nothing and ledger.last_seq == seen else 0
                seen = ledger.last_seq
            await scene.platforms.wecom.settled(limit_s)
    except TimeoutError:
        return False
    return True
