"""A WeChat 公众号 or a 小程序's customer service: people write and tap, the account's answers appear in their chat.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
from starlette.applications import Starlette

from playground.courier import Courier
from playground.faults import Faults
from playground.ledger import DoubleLedger
from playground.mp_endpoints import Followers, Kind, MpEndpoints
from playground.mp_gateway import StableTokens
from playground.mp_windows import Windows
from playground.mp_wire import Fields, Form, Mode, MpWire
from playground.wecom_envelope import WecomEnvelope

GH_ID = "gh_9f8e7d6c5b4a"
#: What a service may answer in the HTTP response.
PASSIVE: dict[str, tuple[str, ...]] = {
    "official_account": ("text", "image", "voice", "video", "music", "news", "transfer_customer_service"),
    "mini_program": ("transfer_customer_service",),
}


class MpDouble:
    """One account on the platform. The ledger's chat id is the customer's openid.

    `mode` and `form` are what the console is set to. `answer_s` (the platform's patience with a callback) is real
    seconds; everything else goes by `clock`.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        app_id: str,
        secret: str,
        token: str,
        encoding_aes_key: str,
        callback_url: str,
        client: httpx.AsyncClient,
        mode: Mode = "aes",
        form: Form = "xml",
        clock: Callable[[], float] = time.time,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
        answer_s: float = 5.0,
    ) -> None:
        self.kind: Kind = kind
        self.ledger = ledger or DoubleLedger()
        self.faults = faults or Faults()
        self.followers = Followers()
        self.tokens = StableTokens(app_id, secret, clock)
        self.windows = Windows(clock)
        self._client = client
        self._clock = clock
        self._sent: dict[str, tuple[str, Fields]] = {}
        self._endpoints = MpEndpoints(
            kind, self.tokens, self.windows, self.followers, ledger=self.ledger, faults=self.faults, clock=clock
        )
        envelope = WecomEnvelope(token, encoding_aes_key, app_id) if encoding_aes_key else None
        courier = Courier(kind, client, self.ledger, self.faults, clock, answer_s)
        self.wire = MpWire(callback_url, token, envelope, courier, self.ledger, mode=mode, form=form, clock=clock)

    @property
    def app(self) -> Starlette:
        """The platform's own HTTP surface, as an ASGI application."""
        return self._endpoints.app

    @property
    def violations(self) -> list[str]:
        """Protocol rules that the service broke, in words."""
        return self.ledger.violations

    def follow(self, openid: str, unionid: str = "") -> None:
        """Make somebody known to the account without an event."""
        self.followers.unionids.setdefault(openid, unionid)

    def shown(self, openid: str) -> list[str]:
        """What the account's messages in a customer's chat say, oldest first."""
        return self.ledger.texts(openid, "bot")

    async def say(
        self,
        openid: str,
        text: str = "",
        *,
        msgtype: str = "text",
        msgid: int = 0,
        at: float | None = None,
        **fields: Any,
    ) -> str:
        """A customer writes; gives the MsgId once the callback was answered or given up.

        `fields` are the message's own fields for other types (`MediaId=double.add_file(…)`).
        """
        content = {"Content": text} if msgtype == "text" else {}
        number = msgid or 24_567_890_000_000_000 + secrets.randbelow(10**12)
        body = {**self.head(openid, msgtype, at), **content, **fields, "MsgId": number}
        self.follow(openid)
        self.windows.acted(openid, "message")
        self._show_customer(openid, str(number), msgtype, text)
        await self._ask(openid, str(number), msgtype, body)
        return str(number)

    async def act(self, openid: str, event: str, key: str = "", **fields: Any) -> str:
        """A customer does something (subscribe, SCAN, CLICK, VIEW, user_enter_tempsession…); gives a key."""
        self.follow(openid)
        self.windows.acted(openid, event.lower())
        if event == "unsubscribe":
            self.windows.close(openid)
        keyed = {"EventKey": key} if key else {}
        number = f"event-{secrets.token_hex(6)}"
        await self._ask(openid, number, event, {**self.head(openid, "event"), "Event": event, **keyed, **fields})
        return number

    async def redeliver(self, key: str) -> None:
        """Post what `say` or `act` posted again, with a new nonce and timestamp. Unknown key: KeyError."""
        openid, body = self._sent[key]
        await self._ask(openid, key, str(body["MsgType"]), body)

    def add_file(
        self, content: bytes, media_type: str = "image/jpeg", name: str = "file.jpg", media_id: str = ""
    ) -> str:
        """Give the media id of a file that lies at the platform from now on."""
        return self._endpoints.add_file(content, media_type, name, media_id)

    def sealed(self, fields: Fields | str) -> tuple[str, dict[str, str]]:
        """Give (body, query) of a signed callback around fields or any text, for `deliver_raw`."""
        return self.wire.sealed(fields if isinstance(fields, str) else self.wire.written(fields))

    async def deliver_raw(self, body: str | bytes, query: dict[str, str]) -> httpx.Response:
        """Post anything to the callback, for hostile tests; the answer is not interpreted."""
        return await self._client.post(self.wire.callback_url, content=body, params=query)

    async def verify_url(self) -> bool:
        """Do the URL check that saving the callback in the console does."""
        echo = str(secrets.randbelow(10**19))
        query = {**self.wire.signed(), "echostr": echo}
        response = await self._client.get(self.wire.callback_url, params=query)
        return response.status_code == httpx.codes.OK and response.text == echo

    async def aclose(self) -> None:
        """Stop waiting for late answers."""
        await self.wire.aclose()

    def head(self, openid: str, msgtype: str, at: float | None = None) -> Fields:
        """Give the fields that every callback has."""
        created = int(self._clock() if at is None else at)
        return {"ToUserName": GH_ID, "FromUserName": openid, "CreateTime": created, "MsgType": msgtype}

    async def _ask(self, openid: str, key: str, kind: str, body: Fields) -> None:
        self._sent[key] = (openid, body)
        reply = await self.wire.exchange(key, kind, self.wire.written(body), openid)
        if reply is not None:
            self._passive(openid, key, reply)

    def _passive(self, openid: str, key: str, reply: Fields) -> None:
        kind = str(reply.get("MsgType", ""))
        if (reply.get("ToUserName"), reply.get("FromUserName")) != (openid, GH_ID):
            self.ledger.violation(f"the passive reply to {key} is addressed to {reply.get('ToUserName')!r}")
        elif kind not in PASSIVE[self.kind]:
            self.ledger.violation(f"{self.kind} knows no passive reply of type {kind!r}")
        elif kind == "transfer_customer_service":
            self.followers.at_desk[openid] = str((reply.get("TransInfo") or {}).get("KfAccount", ""))
        else:
            text = str(reply.get("Content", ""))
            if kind == "text" and not 0 < len(text.encode()) <= 2048:
                self.ledger.violation(f"the passive reply to {key} has {len(text.encode())} bytes")
            self._endpoints.show(openid, kind, text, "passive", answers=key)

    def _show_customer(self, openid: str, msgid: str, kind: str, text: str) -> None:
        if self.ledger.knows(msgid):
            return
        self.ledger.add(
            platform=self.kind,
            chat_id=openid,
            message_id=msgid,
            sender=openid,
            sender_name=openid,
            sender_role="customer",
            kind=kind,
            text=text,
            at=self._clock(),
        )
