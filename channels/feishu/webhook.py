"""One webhook call from Feishu: read, open, translate, fill in, put in the inbox, acknowledge within 3 seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.channel import Intake
from channels.feishu.envelope import Challenge, Envelope, Event
from channels.feishu.inbound import PressedCard, needs_bot_id, translate
from channels.feishu.people import People
from channels.feishu.presses import PressAnswers
from channels.feishu.recent import RecentMessages
from channels.feishu.settings import FeishuSettings
from channels.feishu.translation import Ignored, Terms
from conversation.errors import RefusedInput
from conversation.messages import Incoming, IncomingMessage

logger = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024


class FeishuWebhook:
    """The receiving end of one app. `bot_open_id` gives the bot's id, or raises `RefusedInput` (503)."""

    def __init__(
        self,
        settings: FeishuSettings,
        *,
        intake: Intake,
        presses: PressAnswers,
        people: People,
        recent: RecentMessages,
        bot_open_id: Callable[[], Awaitable[str]],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._envelope = Envelope(settings)
        self._intake = intake
        self._presses = presses
        self._people = people
        self._recent = recent
        self._bot_open_id = bot_open_id
        self._clock = clock

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`."""
        opened = self._envelope.open(dict(request.headers), await _body(request), self._clock())
        if isinstance(opened, Challenge):
            return JSONResponse({"challenge": opened.text})
        translated = translate(opened, await self._terms(opened))
        if isinstance(translated, PressedCard):
            return JSONResponse(await self._presses.answer(translated))
        if isinstance(translated, Ignored):
            logger.debug("feishu.ignored", event_id=opened.event_id, reason=translated.reason)
        else:
            await self._put(await self._people.fill_in(translated))
        return JSONResponse({})

    async def _put(self, incoming: Incoming) -> None:
        await self._intake.put([incoming])
        if isinstance(incoming, IncomingMessage):
            self._recent.remember(incoming.message_id, incoming.room, incoming.sender, incoming.text)

    async def _terms(self, event: Event) -> Terms:
        bot_open_id = self._settings.bot_open_id
        if not bot_open_id and needs_bot_id(event):
            bot_open_id = await self._bot_open_id()
        return Terms(
            account=self._settings.account,
            bot_open_id=bot_open_id,
            staff_chat_id=self._settings.staff_chat_id,
            now=self._clock(),
            place_of=self._recent.place_of,
        )


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BODY_LIMIT:
        raise RefusedInput("the body is too long", 413)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise RefusedInput("the body is too long", 413)
    return bytes(body)
