"""The sign that an answer is being worked on: an emoji on the message, taken off when the answer is there.

A courtesy: it never delays a message, and what goes wrong with it is only logged.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from channels.feishu.client import FeishuClient
from conversation.errors import HuiyingError
from conversation.identity import RoomKind, Speaker
from conversation.messages import IncomingMessage

logger = structlog.get_logger(__name__)

#: The name under which a message's handle says that it wears the sign.
_HANDLE = "working"
KEPT = 4096
#: In another process the sign may still be on its way when the answer is out already.
ONCE_MORE_AFTER_S = 2.0


class WorkingSign:
    """One app's sign; without an `emoji` there is none."""

    def __init__(
        self,
        client: FeishuClient,
        emoji: str,
        app_id: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._emoji = emoji
        self._app_id = app_id
        self._sleep = sleep
        self._put: OrderedDict[str, tuple[str, asyncio.Task[str]]] = OrderedDict()
        self._off: OrderedDict[str, None] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    def announce(self, message: IncomingMessage) -> IncomingMessage:
        """The message with the promise of a sign, where it asks the bot: then even silence is sent, and takes it off.

        Nothing is put on yet.
        """
        asks = message.mentions_bot or message.room.kind is RoomKind.DIRECT
        if not self._emoji or not asks or message.sender.speaker is not Speaker.CUSTOMER:
            return message
        handle = {**message.reply_handle, _HANDLE: message.message_id}
        return replace(message, awaits=True, reply_handle=handle)

    def put_on(self, message: IncomingMessage) -> None:
        """Puts the promised sign on a message, beside everything else."""
        message_id = message.reply_handle.get(_HANDLE, "")
        if message_id and message_id not in self._put:
            self._put[message_id] = (message.lane, asyncio.create_task(self._react(message_id)))
            if len(self._put) > KEPT:
                self._put.popitem(last=False)

    def take_off(self, handles: Sequence[Mapping[str, str]]) -> None:
        """Takes the signs off the messages of these handles, beside everything else; once.

        Signs of earlier messages of the same people go with them: what staff answered at last answers all of it.
        """
        named = {handle[_HANDLE] for handle in handles if handle.get(_HANDLE)}
        lanes = {self._put[message_id][0] for message_id in named if message_id in self._put}
        earlier = {message_id for message_id, (lane, _) in self._put.items() if lane in lanes}
        for message_id in named | earlier:
            if message_id not in self._off:
                self._off[message_id] = None
                if len(self._off) > KEPT:
                    self._off.popitem(last=False)
                task = asyncio.create_task(self._unreact(message_id))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = [*self._running, *(task for _, task in self._put.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _react(self, message_id: str) -> str:
        try:
            return await self._client.react(message_id, self._emoji)
        except HuiyingError as refused:
            logger.info("feishu.sign_not_put", message_id=message_id, reason=str(refused))
            return ""

    async def _unreact(self, message_id: str) -> None:
        try:
            for reaction_id in await self._signs(message_id):
                await self._client.unreact(message_id, reaction_id)
        except HuiyingError as refused:
            logger.info("feishu.sign_left", message_id=message_id, reason=str(refused))

    async def _signs(self, message_id: str) -> list[str]:
        ours = self._put.pop(message_id, None)
        if ours is not None:
            reaction_id = await ours[1]
            return [reaction_id] if reaction_id else []
        found = await self._client.reactions(message_id, self._emoji, self._app_id)
        if not found:
            await self._sleep(ONCE_MORE_AFTER_S)
            found = await self._client.reactions(message_id, self._emoji, self._app_id)
        return found
