"""One callback of the platform: opened, translated, kept, answered. No thinking happens before the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.wecom_bot.account import WecomBotSettings
from channels.wecom_bot.envelope import Envelope
from channels.wecom_bot.inbound import translate
from channels.wecom_bot.reception import Reception
from conversation.errors import HuiyingError, RefusedInput

logger = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024


class WecomBotWebhook:
    """The callback URL of one bot."""

    def __init__(self, settings: WecomBotSettings, *, reception: Reception, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._reception = reception
        self._clock = clock
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
        try:
            answer = await self._reception.answer(said, now)
        except HuiyingError:
            self._envelope.forgive(opened)
            raise
        if answer is None:
            return Response()
        return Response(self._envelope.seal(orjson.dumps(answer), opened), media_type="application/json")


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
