"""One webhook call from Feishu: read, open, hand to the reception, answer within 3 seconds."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.feishu.envelope import Challenge, Envelope
from channels.feishu.reception import Reception
from channels.feishu.settings import FeishuSettings
from conversation.errors import RefusedInput

BODY_LIMIT = 1024 * 1024


class FeishuWebhook:
    """The request URL of one app."""

    def __init__(self, settings: FeishuSettings, reception: Reception, clock: Callable[[], float]) -> None:
        self._envelope = Envelope(settings)
        self._reception = reception
        self._clock = clock

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`."""
        opened = self._envelope.open(dict(request.headers), await _body(request), self._clock())
        if isinstance(opened, Challenge):
            return JSONResponse({"challenge": opened.text})
        return JSONResponse(await self._reception.take(opened))


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
