"""Speaks through the signed webhooks and waits for the turn that comes of it: what suites ask by."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from evals.rig.beside import Scene
from evals.rig.turns_seen import TurnSeen, turns_of

LOOK_S = 0.02
TURN_LIMIT_S = 30.0


@dataclass(slots=True)
class Asking:
    """One conversation partner of a scene, or many at once."""

    scene: Scene
    _waiting: dict[str, asyncio.Future[TurnSeen]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def newcomer(self) -> str:
        """Somebody who never wrote before; the id is good on either platform."""
        return f"ou_asker_{next(self._numbers):06}"

    async def in_wecom(self, text: str) -> TurnSeen | None:
        """Asks in a WeCom chat with the bot, as somebody new; None when no turn came of it in time."""
        message_id = await self.scene.platforms.wecom.say(chat_id=None, user_id=self.newcomer(), text=text)
        return await self._turn(message_id)

    async def in_feishu(self, text: str, who: str, group: str = "", mention: bool = True) -> TurnSeen | None:
        """Says a line in Feishu, alone with the bot or in a group; None when no turn came of it in time."""
        message_id = await self.scene.platforms.feishu.say(
            chat_id=group or f"oc_p2p_{who}",
            user_open_id=who,
            user_name="顾客",
            text=text,
            chat_type="group" if group else "p2p",
            mention_bot=bool(group) and mention,
        )
        return await self._turn(message_id)

    async def look(self) -> None:
        """Looks for finished turns until it is cancelled: one query for everybody who waits."""
        while True:
            await asyncio.sleep(LOOK_S)
            wanted = tuple(self._waiting)
            if not wanted:
                continue
            seen = await self.scene.service.database.read(partial(turns_of, message_ids=wanted))
            for message_id, turn in seen.items():
                waiting = self._waiting.pop(message_id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(turn)

    async def _turn(self, message_id: str) -> TurnSeen | None:
        waiting: asyncio.Future[TurnSeen] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = waiting
        try:
            async with asyncio.timeout(TURN_LIMIT_S):
                return await waiting
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(message_id, None)


@asynccontextmanager
async def asking(scene: Scene) -> AsyncIterator[Asking]:
    """An `Asking` that looks for turns for as long as the block runs."""
    own = Asking(scene)
    looking = asyncio.create_task(own.look())
    try:
        yield own
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
