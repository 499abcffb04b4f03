"""Waits until nothing moves any more, and leaps through time without skipping what would happen on the way."""

from __future__ import annotations

import asyncio

from evals.rig.beside import Scene
from evals.rig.turns_seen import pending

LOOK_S = 0.1
#: So many looks in a row must find nothing before it counts as quiet: longer than a bubble takes to be refreshed.
STILL = 5
#: What is due later than this is brought here by the clock instead of being waited for.
LEAP_S = 1.5
#: Time leaps in hops of this many seconds, shorter ones while a bubble is open, so that neither its last refreshes nor
#: what the service does every half minute is skipped; after seven minutes nothing of the kind is left to be done.
HOP_S, CHORE_S, HOPS_S = 20.0, 35.0, 420.0
#: Real seconds in which the service surely looks for work once.
PAUSE_S = 1.5


async def until_quiet(scene: Scene, limit_s: float = 120.0) -> bool:
    """Waits for quiet, leaping over retry pauses with the scene's clock; False when `limit_s` real seconds pass.

    Quiet: every message has its turn, every reply has left and stands in the chat. A bubble may stay open for staff.
    """
    still, seen = 0, (0, 0, 0)
    try:
        async with asyncio.timeout(limit_s):
            while still < STILL:
                await asyncio.sleep(LOOK_S)
                left = await scene.service.database.read(lambda connection: pending(connection, scene.clock()))
                if left.next_at is not None and left.next_at - scene.clock() > LEAP_S:
                    scene.clock.advance(left.next_at - scene.clock())
                shown = _shown(scene)
                still = still + 1 if left.nothing and shown == seen else 0
                seen = shown
    except TimeoutError:
        return False
    return True


async def leap(scene: Scene, seconds: float) -> None:
    """Lets `seconds` pass, so slowly at first that platform and service do what they do in the first minutes."""
    left = seconds
    while left > max(0.0, seconds - HOPS_S):
        hop = min(HOP_S if _open_bubbles(scene) else CHORE_S, left)
        scene.clock.advance(hop)
        left -= hop
        await asyncio.sleep(scene.platforms.refresh_s * 2)
    if left > 0:
        # An answer that nobody picked up leaves another way now, before its one way out is too old.
        await asyncio.sleep(PAUSE_S)
        scene.clock.advance(left)


def _open_bubbles(scene: Scene) -> bool:
    return any(one.kind == "stream" and not one.extra.get("finish") for one in scene.platforms.ledger.messages)


def _shown(scene: Scene) -> tuple[int, int, int]:
    """What the chats show and what was called; webhooks do not count, for bubbles are refreshed all the time."""
    ledger = scene.platforms.ledger
    return len(ledger.messages), len(ledger.calls), max((one.seq for one in ledger.messages), default=0)
