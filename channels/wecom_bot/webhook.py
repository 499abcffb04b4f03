"""One callback of the platform: opened, translated, kept, answered. No thinking happens before the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.channel import CardPress, CardPresses, Intake
from channels.wecom_bot import outbound, streams
from channels.wecom_bot.account import BubbleWords, WecomBotSettings
from channels.wecom_bot.envelope import Envelope
from channels.wecom_bot.inbound import StreamRefresh, Translated, is_cut, translate
from channels.wecom_bot.openings import Openings
from channels.wecom_bot.streams import Opening, Stream
from conversation.errors import RefusedInput
from conversation.identity import RoomKind
from conversation.messages import EventKind, IncomingMessage, RoomEvent
from store.database import Database

logger = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024


class WecomBotWebhook:
    """The callback URL of one bot."""

    def __init__(
        self,
        settings: WecomBotSettings,
        *,
        intake: Intake,
        presses: CardPresses,
        database: Database,
        clock: Callable[[], float],
        words: BubbleWords,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._presses = presses
        self._database = database
        self._clock = clock
        self._words = words
        self._openings = Openings(database)
        self._envelope = Envelope(settings.token, settings.encoding_aes_key, settings.previous_key, clock=clock)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when the message cannot be kept now."""
        if request.method == "GET":
            # The URL check wants the bare plaintext within a second: document/path/101033.
            echo = self._envelope.open(request.query_params, request.query_params.get("echostr", ""))
            return PlainTextResponse(echo.plain)
        opened = self._envelope.open(request.query_params, _encrypted(await _body(request)))
        payload = _json_object(opened.plain)
        now, settings = self._clock(), self._settings
        if settings.bot_id and payload.get("aibotid", settings.bot_id) != settings.bot_id:
            logger.warning("wecom_bot.other_bot", account=settings.account, hint="two bots share this callback URL")
        said = translate(payload, account=settings.account, bot_name=settings.bot_name, now=now)
        answer = await self._answer(said, now)
        if answer is None:
            return Response()
        return Response(self._envelope.seal(orjson.dumps(answer), opened), media_type="application/json")

    async def _answer(self, said: Translated, now: float) -> outbound.Json | None:
        """What to answer at once; None is an empty body."""
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
        in_group = message.room.kind is RoomKind.GROUP
        handle = message.reply_handle
        opening = Opening(
            stream_id=handle["stream_id"],
            account=self._settings.account,
            lane=message.lane,
            response_url=handle["response_url"],
            at=now,
            bubble=message.mentions_bot or not in_group,
        )
        stream = await self._openings.open(opening)
        await self._intake.put([message])
        if is_cut(message):
            logger.warning("wecom_bot.text_cut", dedup_key=message.key, kept=len(message.raw_text))
        if in_group and not message.mentions_bot:
            # The platform delivers group lines only when the bot is mentioned: its name must have changed there.
            logger.warning("wecom_bot.not_our_name", dedup_key=message.key, bot_name=self._settings.bot_name)
        if not stream.is_bubble:
            return None
        if stream.needs_write(now):
            return await self._refreshed(stream.stream_id, now)
        return self._shown(stream, first=True)

    async def _refreshed(self, stream_id: str, now: float) -> outbound.Json:
        stream = await self._database.read(lambda connection: streams.find(connection, stream_id))
        if stream is not None and stream.needs_write(now):
            late = self._words.late
            stream = await self._database.write(
                lambda connection: streams.settle(connection, stream_id, late=late, now=now)
            )
        if stream is None:
            logger.warning("wecom_bot.unknown_stream", stream_id=stream_id)
            return outbound.stream(stream_id, self._words.lost, finish=True)
        return self._shown(stream)

    def _shown(self, stream: Stream, *, first: bool = False) -> outbound.Json:
        content = stream.content or self._words.looking
        return outbound.stream(stream.stream_id, content, finish=stream.finished, feedback=first, card=stream.card)

    async def _noted(self, event: RoomEvent) -> outbound.Json | None:
        await self._intake.put([event])
        if event.kind is EventKind.ENTERED and self._settings.greeting:
            return outbound.welcome(self._settings.greeting)
        return None

    async def _pressed(self, press: CardPress) -> outbound.Json:
        answer = await self._presses.pressed(press)
        return outbound.card_update(answer, press.card_message_id, self._settings.bot_name)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise RefusedInput(f"the body is larger than {BODY_LIMIT} bytes", 413)
        parts.append(part)
    return b"".join(parts)


def _encrypted(body: bytes) -> str:
    encrypt = _json_object(body).get("encrypt")
    if not isinstance(encrypt, str):
        raise RefusedInput("the body has no encrypted content")
    return encrypt


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as broken:
        raise RefusedInput(f"the body is no JSON: {broken.msg}") from None
    if not isinstance(found, dict):
        raise RefusedInput("the body is no JSON object")
    return found
