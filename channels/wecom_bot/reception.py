"""What the bot makes of something that came in, over either way: kept, shown as a bubble, answered at once.

Between `inbound` and the inbox; `webhook` and `long_connection` carry the answer to the platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from channels.channel import CardPress, CardPresses, Intake
from channels.wecom_bot import outbound, streams
from channels.wecom_bot.account import BubbleWords, WecomBotSettings
from channels.wecom_bot.bubbles import OPEN_S, Bubble, Bubbles
from channels.wecom_bot.inbound import StreamRefresh, Translated, is_cut
from channels.wecom_bot.streams import LastText, Stream
from conversation.errors import HuiyingError
from conversation.identity import RoomKind
from conversation.messages import EventKind, IncomingMessage, RoomEvent
from store.database import Database

logger = structlog.get_logger(__name__)


class Reception:
    """The receiving end of one bot."""

    def __init__(
        self,
        settings: WecomBotSettings,
        *,
        intake: Intake,
        presses: CardPresses,
        database: Database,
        words: BubbleWords,
        bubbles: Bubbles,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._presses = presses
        self._database = database
        self._words = words
        self._bubbles = bubbles

    async def answer(self, said: Translated, now: float) -> outbound.Json | None:
        """What to answer at once; None is nothing. Raises `RetryLater` when what came cannot be kept now."""
        if isinstance(said, StreamRefresh):
            return await self._refreshed(said.stream_id, now)
        if isinstance(said, IncomingMessage):
            return await self._acknowledged(said, now)
        if isinstance(said, RoomEvent):
            return await self._noted(said)
        if isinstance(said, CardPress):
            return await self._pressed(said)
        logger.info("wecom_bot.ignored", account=self._settings.account, reason=said.reason)
        return None

    async def _acknowledged(self, message: IncomingMessage, now: float) -> outbound.Json | None:
        """Keeps the message, and shows a bubble where it is for the bot and its lane has none open."""
        stream_id = message.reply_handle["stream_id"]
        known = self._bubbles.knows(stream_id)
        bubble = await self._bubble_for(message, stream_id, now)
        if bubble is None or bubble.stream_id != stream_id:
            message = replace(message, reply_handle=_answered_in(message.reply_handle, bubble))
        message = replace(message, awaits=bubble is not None)
        try:
            fresh = (await self._intake.put([message]))[0]
        except HuiyingError:
            self._bubbles.close(stream_id)
            raise
        self._remark(message)
        if bubble is None or bubble.stream_id != stream_id:
            self._bubbles.join(stream_id, now)
            return None
        if not fresh:
            return await self._repeated(stream_id, now, known=known)
        return outbound.stream(stream_id, self._words.looking, finish=False, feedback=True)

    async def _repeated(self, stream_id: str, now: float, *, known: bool) -> outbound.Json | None:
        """The bubble of a message that was kept before, as it is now.

        Hours later, or after a restart, nobody may know it any more: a new one would never end, so none is opened.
        On the long connection nobody polls: a bubble that is there stays as it is.
        """
        if self._settings.mode == "long_connection":
            return None
        if not known and await self._database.read(lambda connection: streams.find(connection, stream_id)) is None:
            self._bubbles.close(stream_id)
            return None
        return await self._refreshed(stream_id, now, first=True)

    async def _bubble_for(self, message: IncomingMessage, stream_id: str, now: float) -> Bubble | None:
        """The bubble that a message's answer goes to: its own, or the lane's open one; None where it has none."""
        if message.room.kind is RoomKind.GROUP and not message.mentions_bot:
            return None
        open_one = self._bubbles.in_lane(message.lane, now)
        if open_one and open_one.stream_id != stream_id and await self._has_ended(open_one, now):
            open_one = self._bubbles.in_lane(message.lane, now)
        if open_one is None and self._bubbles.has_joined(stream_id):
            return None
        return open_one or self._bubbles.open(stream_id, message.lane, now, message.reply_handle.get("req_id", ""))

    async def _has_ended(self, bubble: Bubble, now: float) -> bool:
        """Whether another process gave the bubble its last text."""
        if now < bubble.sure_until:
            return False
        if await self._database.read(lambda connection: streams.find(connection, bubble.stream_id)) is None:
            bubble.seen_open(now)
            return False
        self._bubbles.close(bubble.stream_id)
        return True

    async def _refreshed(self, stream_id: str, now: float, *, first: bool = False) -> outbound.Json:
        opened_at = self._bubbles.opened_at(stream_id, now)
        stream = await self._database.read(lambda connection: streams.find(connection, stream_id))
        if stream is None and now - opened_at >= OPEN_S:
            stream = await self._database.write(
                lambda connection: self._end_late(connection, stream_id, opened_at, now)
            )
        if stream is None:
            return outbound.stream(stream_id, self._words.looking, finish=False, feedback=first)
        if not stream.picked_up:
            await self._database.write(lambda connection: streams.pick_up(connection, stream_id, now))
        self._bubbles.close(stream_id)
        return outbound.stream(stream_id, stream.content, finish=True, feedback=first, card=stream.card)

    def _end_late(self, connection: Connection, stream_id: str, opened_at: float, now: float) -> Stream | None:
        late, account = LastText(self._words.late, expected=False), self._settings.account
        streams.finish(connection, stream_id, late, account=account, opened_at=opened_at, now=now)
        return streams.find(connection, stream_id)

    def _remark(self, message: IncomingMessage) -> None:
        if is_cut(message):
            logger.warning("wecom_bot.text_cut", dedup_key=message.key, kept=len(message.raw_text))
        if message.room.kind is RoomKind.GROUP and not message.mentions_bot:
            # The platform delivers group lines only when the bot is mentioned: its name must have changed there.
            logger.warning("wecom_bot.not_our_name", dedup_key=message.key, bot_name=self._settings.bot_name)

    async def _noted(self, event: RoomEvent) -> outbound.Json | None:
        await self._intake.put([event])
        if event.kind is EventKind.ENTERED and self._settings.greeting:
            return outbound.welcome(self._settings.greeting)
        return None

    async def _pressed(self, press: CardPress) -> outbound.Json:
        answer = await self._presses.pressed(press)
        return outbound.card_update(answer, press.card_message_id, self._settings.bot_name)


def _answered_in(handle: Mapping[str, str], bubble: Bubble | None) -> Mapping[str, str]:
    """The handle of a message whose answer goes to another message's bubble, or to none."""
    found = {"stream_id": bubble.stream_id, "opened_at": str(bubble.opened_at)} if bubble else {"stream_id": ""}
    if bubble and bubble.req_id:
        found["req_id"] = bubble.req_id
    return {**handle, **found}
