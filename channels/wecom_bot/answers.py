"""Answers over the long connection: into the bubble of a message, else, whenever, by an active send; once each.

Between the channel's `send` and the connection. Protocol: https://developer.work.weixin.qq.com/document/path/101463.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from sqlalchemy import Connection

from channels.channel import Receipt
from channels.text_parts import split_text
from channels.wecom_bot import outbound, pushes, streams
from channels.wecom_bot.account import BubbleWords, WecomBotSettings
from channels.wecom_bot.bubbles import OPEN_S, Bubbles
from channels.wecom_bot.connection import BotConnection
from channels.wecom_bot.frames import BUBBLE_GONE, RESPOND, SEND, STREAM_CLOSED, FrameRefused, push
from channels.wecom_bot.pushes import Asked, BySend, IntoBubble, read_asked
from channels.wecom_bot.streams import LastText
from conversation.errors import FateUnknown, GiveUp, HuiyingError, RetryLater
from conversation.identity import Room, RoomKind
from conversation.messages import OutgoingMessage
from store.database import Database

logger = structlog.get_logger(__name__)

_SOON_S = 3.0


class Answers:
    """The sending end of one bot on the long connection."""

    def __init__(
        self,
        settings: WecomBotSettings,
        line: BotConnection,
        *,
        database: Database,
        clock: Callable[[], float],
        words: BubbleWords,
        bubbles: Bubbles,
    ) -> None:
        self._settings = settings
        self._line = line
        self._database = database
        self._clock = clock
        self._words = words
        self._bubbles = bubbles

    async def send(self, message: OutgoingMessage, key: str) -> Receipt:
        """See `Channel.send`. What one message cannot hold follows in messages of its own, in order."""
        if problem := self._line.problem:
            # Nothing may be written down as sent before there is a way out.
            raise RetryLater(f"the long connection is down: {problem}", _SOON_S)
        if not message.text and message.card is None:
            await self.hush(message.handles)
            return Receipt()
        card = outbound.card_json(message.card, key, self._settings.bot_name)
        words = message.card.as_text() if message.card else message.text
        first, *rest = split_text(words, outbound.CONTENT_LIMIT) or [outbound.content_of(message)]
        asked = [read_asked(one) for one in message.handles]
        receipt = await self._answer(message.room, asked, LastText(first, card, key))
        for number, part in enumerate(rest, start=1):
            await self._answer(message.room, (), LastText(part, key=f"{key}#{number}"))
        return receipt

    async def hush(self, handles: Sequence[Mapping[str, str]]) -> int:
        """Closes the bubbles of messages that get no answer, on purpose; gives how many were open."""
        offered = {one.stream_id: one for one in map(read_asked, handles) if one.stream_id}
        return await self._ended(list(offered.values()), self._words.hushed)

    async def late(self, now: float) -> int:
        """Closes bubbles that the platform will soon let nobody write in, with a promise; gives how many."""
        overdue = self._bubbles.overdue(now)
        asked = [Asked(one.stream_id, one.opened_at, one.req_id) for one in overdue if one.req_id]
        return await self._ended(asked, self._words.late)

    async def _answer(self, room: Room, asked: Sequence[Asked], text: LastText) -> Receipt:
        account, elsewhere, now = self._settings.account, self._words.elsewhere, self._clock()
        way = await self._database.write(
            lambda connection: pushes.take(connection, asked, text, elsewhere=elsewhere, account=account, now=now)
        )
        if isinstance(way, BySend):
            return await self._sent(room, way, text)
        return await self._in_bubble(room, way, text)

    async def _in_bubble(self, room: Room, way: IntoBubble, text: LastText) -> Receipt:
        main = way.bubbles[0]
        for one in way.bubbles:
            self._bubbles.close(one.stream_id)
        if way.confirmed:
            return Receipt(main.stream_id)
        try:
            await self._write(main, text.content, card=text.card)
        except FrameRefused as refused:
            return await self._refused(room, way, text, refused)
        except RetryLater:
            if not way.again:
                await self._forget([one.stream_id for one in way.bubbles])
            raise
        except FateUnknown as lost:
            await self._hint(way)
            # The same text once more in the same bubble shows nothing twice.
            raise RetryLater(str(lost), _SOON_S) from None
        await self._confirm(main.stream_id)
        await self._hint(way)
        return Receipt(main.stream_id)

    async def _hint(self, way: IntoBubble) -> None:
        for one in way.bubbles[1:]:
            await self._try_write(one, self._words.elsewhere)

    async def _refused(self, room: Room, way: IntoBubble, text: LastText, refused: FrameRefused) -> Receipt:
        """The bubble does not take the text any more: it leaves by itself, unless an earlier try may have arrived."""
        main = way.bubbles[0]
        if way.again and refused.code == STREAM_CLOSED and self._clock() - main.opened_at < OPEN_S:
            # Nobody but us ends a young bubble: the earlier try did.
            await self._confirm(main.stream_id)
            return Receipt(main.stream_id)
        if way.again:
            raise FateUnknown(f"the answer of an earlier try was lost; now: {refused}") from None
        if refused.code not in BUBBLE_GONE:
            logger.warning("wecom_bot.bubble_refused", account=self._settings.account, reason=str(refused))
        await self._hint(way)
        account, now, bubble = self._settings.account, self._clock(), main.stream_id
        taken = await self._database.write(
            lambda connection: pushes.take_send(connection, text.key, account=account, now=now, instead_of=bubble)
        )
        return await self._sent(room, taken, text)

    async def _sent(self, room: Room, way: BySend, text: LastText) -> Receipt:
        if way.confirmed:
            return Receipt(way.row_id)
        if way.again:
            raise FateUnknown("an earlier try to send this got no answer")
        body = push(room.chat_id, group=room.kind is RoomKind.GROUP, content=text.content, card=text.card)
        try:
            await self._line.call(SEND, body)
        except (RetryLater, GiveUp):
            await self._forget([way.row_id])
            raise
        await self._confirm(way.row_id)
        return Receipt(way.row_id)

    async def _ended(self, asked: Sequence[Asked], words: str) -> int:
        """Ends bubbles with words that nobody misses; gives how many of them were open."""
        now, account, text = self._clock(), self._settings.account, LastText(words, expected=False)

        def end(connection: Connection) -> list[Asked]:
            return [
                one
                for one in asked
                if streams.finish(connection, one.stream_id, text, account=account, opened_at=one.opened_at, now=now)
            ]

        ended = await self._database.write(end) if asked else []
        for one in asked:
            self._bubbles.close(one.stream_id)
        for one in ended:
            await self._try_write(one, words)
        return len(ended)

    async def _write(self, bubble: Asked, content: str, *, card: str = "") -> None:
        body = outbound.stream(bubble.stream_id, content, finish=True, card=card)
        await self._line.call(RESPOND, body, bubble.req_id)

    async def _try_write(self, bubble: Asked, content: str) -> None:
        try:
            await self._write(bubble, content)
        except HuiyingError as failed:
            logger.info("wecom_bot.bubble_left", stream_id=bubble.stream_id, reason=str(failed))

    async def _confirm(self, row_id: str) -> None:
        await self._database.write(partial(pushes.confirm, row_id=row_id, now=self._clock()))

    async def _forget(self, row_ids: Sequence[str]) -> None:
        await self._database.write(partial(pushes.release, row_ids=row_ids))
