"""One callback of the platform: opened, translated, kept, answered. No thinking happens before the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.channel import Intake
from channels.request_body import read_body
from channels.wechat_xml import read_xml, write_xml
from channels.wecom_app.account import WecomAppSettings
from channels.wecom_app.inbound import Ignored, PressedCard, translate
from channels.wecom_app.presses import PressAnswers
from channels.wxbiz import Opened, WxBizEnvelope
from conversation.errors import HuiyingError, RefusedInput
from conversation.messages import RoomEvent

logger = structlog.get_logger(__name__)


class WecomAppWebhook:
    """The callback URL of one app."""

    def __init__(
        self, settings: WecomAppSettings, *, intake: Intake, presses: PressAnswers, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._presses = presses
        self._clock = clock
        self._envelope = WxBizEnvelope(
            settings.token, settings.encoding_aes_key, settings.corp_id, settings.previous_key, clock=clock
        )

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when the message cannot be kept now."""
        if request.method == "GET":
            # The URL check wants the bare plaintext within a second: document/path/90238.
            echo = self._envelope.open(request.query_params, request.query_params.get("echostr", ""))
            return PlainTextResponse(echo.plain)
        encrypt = read_xml(await read_body(request)).get("Encrypt")
        if not isinstance(encrypt, str):
            raise RefusedInput("the body has no encrypted content")
        opened = self._envelope.open(request.query_params, encrypt)
        fields = read_xml(opened.plain)
        try:
            answer = await self._answer(fields)
        except HuiyingError:
            # The platform sends it again, maybe byte for byte.
            self._envelope.forgive(opened)
            raise
        return Response() if answer is None else self._sealed(answer, fields, opened)

    async def _answer(self, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What to answer at once; None is an empty body."""
        settings = self._settings
        if fields.get("AgentID", str(settings.agent_id)) != str(settings.agent_id):
            logger.warning("wecom_app.other_app", account=settings.account, hint="two apps share this callback URL")
        said = translate(fields, account=settings.account, menu=settings.menu, now=self._clock())
        if isinstance(said, Ignored):
            logger.info("wecom_app.event_unsupported", account=settings.account, reason=said.reason)
            return None
        if isinstance(said, PressedCard):
            return await self._presses.answer(said)
        fresh = (await self._intake.put([said]))[0]
        joined = isinstance(said, RoomEvent) and said.detail.get("event") == "subscribe"
        if joined and fresh and settings.greeting:
            return {"MsgType": "text", "Content": settings.greeting}
        return None

    def _sealed(self, answer: Mapping[str, Any], fields: Mapping[str, Any], opened: Opened) -> Response:
        plain = write_xml(
            {
                "ToUserName": fields.get("FromUserName", ""),
                "FromUserName": fields.get("ToUserName", ""),
                "CreateTime": int(self._clock()),
                **answer,
            }
        )
        sealed = self._envelope.seal(plain, opened)
        body = write_xml(
            {
                "Encrypt": sealed.encrypt,
                "MsgSignature": sealed.signature,
                "TimeStamp": sealed.timestamp,
                "Nonce": sealed.nonce,
            }
        )
        return Response(body, media_type="application/xml")
