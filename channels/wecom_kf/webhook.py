"""One callback of the platform: opened, noted, acknowledged. It holds no words: a pull beside it fetches them.

Protocol: https://developer.work.weixin.qq.com/document/path/94670, /97712 (accounts given and taken)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.request_body import read_body
from channels.wechat_xml import read_xml
from channels.wecom_kf import pulls
from channels.wecom_kf.account import WecomKfSettings
from channels.wecom_kf.contents import words_at
from channels.wecom_kf.puller import Puller
from channels.wxbiz import WxBizEnvelope
from conversation.errors import HuiyingError, RefusedInput
from store.database import Database

logger = structlog.get_logger(__name__)

#: A callback names one account and one token.
BODY_LIMIT = 64 * 1024
_ID_LIMIT, _TOKEN_LIMIT = 128, 256


class WecomKfWebhook:
    """The callback URL of one app."""

    def __init__(
        self, settings: WecomKfSettings, *, puller: Puller, database: Database, clock: Callable[[], float]
    ) -> None:
        self._account = settings.account
        self._puller = puller
        self._database = database
        self._clock = clock
        self._envelope = WxBizEnvelope(
            settings.token, settings.encoding_aes_key, settings.corp_id, settings.previous_key, clock=clock
        )

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when the call cannot be noted now."""
        if request.method == "GET":
            # The URL check wants the bare plaintext within a second.
            echo = self._envelope.open(request.query_params, request.query_params.get("echostr", ""))
            return PlainTextResponse(echo.plain)
        encrypt = words_at(read_xml(await read_body(request, BODY_LIMIT)), "Encrypt")
        opened = self._envelope.open(request.query_params, encrypt)
        try:
            await self._note(read_xml(opened.plain))
        except HuiyingError:
            # Nothing was noted: the platform may come again with the very same bytes.
            self._envelope.forgive(opened)
            raise
        return PlainTextResponse("success")

    async def _note(self, callback: Mapping[str, Any]) -> None:
        event = words_at(callback, "Event")
        if event == "kf_msg_or_event":
            await self._called(words_at(callback, "OpenKfId"), words_at(callback, "Token"))
        elif event == "kf_account_auth_change":
            await self._accounts_changed(callback)
        else:
            logger.info("wecom_kf.callback_unsupported", account=self._account, callback=event[:64])

    async def _called(self, open_kfid: str, token: str) -> None:
        if not 0 < len(open_kfid) <= _ID_LIMIT or len(token) > _TOKEN_LIMIT:
            raise RefusedInput("the callback names no account")
        noted = partial(pulls.note_news, account=self._account, open_kfid=open_kfid, token=token, now=self._clock())
        await self._database.write(noted)
        logger.debug("wecom_kf.called", account=self._account, open_kfid=open_kfid)
        self._puller.pull_soon(open_kfid)

    async def _accounts_changed(self, callback: Mapping[str, Any]) -> None:
        given, taken = (_ids(callback.get(name)) for name in ("AuthAddOpenKfId", "AuthDelOpenKfId"))
        logger.info("wecom_kf.accounts_changed", account=self._account, given=given, taken=taken)
        await self._database.write(partial(pulls.know, account=self._account, open_kfids=given))
        await self._database.write(partial(pulls.forget, account=self._account, open_kfids=taken))
        for open_kfid in given:
            self._puller.pull_soon(open_kfid)


def _ids(value: object) -> list[str]:
    """One id or a list of them: the tag is repeated for several."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str) and 0 < len(one) <= _ID_LIMIT]
