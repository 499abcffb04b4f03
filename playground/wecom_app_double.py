"""The WeCom platform around one self-built app: members write, press and enter; callbacks come up to three times.

Protocol: https://developer.work.weixin.qq.com/document/path/90238 (callbacks), /90241 (answers).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette

from playground.courier import Courier
from playground.faults import Faults
from playground.ledger import DoubleLedger
from playground.wecom_app_api import WecomAppApi
from playground.wecom_app_gate import WecomAppGate
from playground.wecom_app_xml import fields_of, to_xml
from playground.wecom_envelope import BrokenEnvelope, WecomEnvelope

DELIVERIES = 3  # in all, while the service does not answer 200 in time: document/path/90238
PASSIVE_TEXT_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """What the admin console shows of a company and its app."""

    corp_id: str
    agent_id: int
    secret: str
    token: str
    encoding_aes_key: str
    name: str = "售后助手"


class WecomAppDouble:
    """One app on the platform; the ledger's chat id is the member's userid, or the id of a group that the app made.

    `answer_s` is the platform's patience in real seconds; everything else goes by `clock`.
    """

    def __init__(
        self,
        identity: AppIdentity,
        callback_url: str,
        client: httpx.AsyncClient,
        *,
        clock: Callable[[], float] = time.time,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
        answer_s: float = 5.0,
    ) -> None:
        self.identity = identity
        self.callback_url = callback_url
        self.ledger = ledger or DoubleLedger()
        self.faults = faults or Faults()
        self.gave_up: list[str] = []
        self._client = client
        self._clock = clock
        self._envelope = WecomEnvelope(identity.token, identity.encoding_aes_key, identity.corp_id)
        self._courier = Courier("wecom_app", client, self.ledger, self.faults, clock, answer_s)
        self._gate = WecomAppGate(identity.corp_id, identity.secret, self.ledger, self.faults, clock)
        self.api = WecomAppApi(self._gate, identity.agent_id, identity.name, self.ledger, clock)
        self._sent: dict[str, str] = {}

    @property
    def app(self) -> Starlette:
        """The platform's own HTTP surface, as an ASGI application."""
        return self.api.app

    @property
    def violations(self) -> list[str]:
        """Protocol rules that the service broke, in words."""
        return self.ledger.violations

    def expire_tokens(self) -> None:
        """Kill every token issued so far."""
        self._gate.expire_tokens()

    async def say(self, user_id: str, text: str, *, message_id: str | None = None) -> str:
        """A member writes; gives the MsgId once the callback was answered or given up."""
        return await self.send_in(user_id, "text", {"Content": text}, text, message_id=message_id)

    async def send_in(
        self,
        user_id: str,
        msgtype: str,
        fields: Mapping[str, object],
        shown: str = "",
        *,
        message_id: str | None = None,
    ) -> str:
        """A member sends anything, e.g. `("image", {"PicUrl": …, "MediaId": double.add_media(…)})`; gives the MsgId."""
        message_id = message_id or str(7 * 10**18 + secrets.randbelow(10**18))
        self.ledger.add(
            platform="wecom_app",
            chat_id=user_id,
            message_id=message_id,
            sender=user_id,
            sender_name=user_id,
            sender_role="customer",
            kind=msgtype,
            text=shown,
            at=self._clock(),
        )
        plain = self.plain(user_id, msgtype, {**fields, "MsgId": int(message_id)})
        await self._deliver(message_id, msgtype, plain)
        return message_id

    async def redeliver(self, message_id: str) -> int | None:
        """Post a message's or an event's callback once more, with a new nonce; gives the status, if there was one."""
        return await self._post(message_id, "again", self._sent[message_id])

    async def event(self, user_id: str, event: str, key: str = "", **fields: object) -> str:
        """Something happens: subscribe, unsubscribe, enter_agent, click, view…; gives an id for `redeliver`."""
        event_id = f"event-{secrets.token_hex(8)}"
        plain = self.plain(user_id, "event", {"Event": event, "EventKey": key, **fields})
        await self._deliver(event_id, event, plain)
        return event_id

    async def press(self, message_id: str, user_id: str, label: str) -> str:
        """Press the button of a card whose label contains `label`; gives an id for `redeliver`."""
        card = self.ledger.message(message_id).card or {}
        keys = [one["key"] for one in card.get("button_list", []) if label in one.get("text", "")]
        if not keys:
            raise KeyError(f"no button {label!r} on {message_id}")
        return await self.event(
            user_id,
            "template_card_event",
            keys[0],
            TaskId=card.get("task_id", ""),
            CardType=card["card_type"],
            ResponseCode=self.api.response_code(message_id),
        )

    def add_media(self, content: bytes, media_type: str = "image/png", name: str = "photo.png") -> str:
        """Keep a file for three days; gives its media id."""
        return self.api.add_media(content, media_type, name)

    def plain(self, user_id: str, msgtype: str, fields: Mapping[str, object]) -> str:
        """Give the XML of a callback before encryption."""
        head = {"ToUserName": self.identity.corp_id, "FromUserName": user_id, "CreateTime": int(self._clock())}
        return to_xml({**head, "MsgType": msgtype, **fields, "AgentID": self.identity.agent_id})

    def seal(self, plaintext: str | bytes) -> tuple[bytes, dict[str, str]]:
        """Give (body, query) of a signed callback around any text or bytes, for `deliver_raw`."""
        timestamp, nonce = str(int(self._clock())), str(secrets.randbelow(10**10))
        encrypt, signature = self._envelope.seal(plaintext, timestamp, nonce)
        body = to_xml({"ToUserName": self.identity.corp_id, "AgentID": str(self.identity.agent_id), "Encrypt": encrypt})
        return body.encode(), {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}

    async def deliver_raw(self, body: bytes | str, query: dict[str, str]) -> httpx.Response:
        """Post anything to the callback, for hostile tests; nothing is recorded or repeated."""
        return await self._client.post(self.callback_url, content=body, params=query)

    async def verify_url(self) -> bool:
        """Do the URL check that saving the callback in the admin console does."""
        echo, at, nonce = str(secrets.randbelow(10**18)), str(int(self._clock())), str(secrets.randbelow(10**10))
        encrypt, signature = self._envelope.seal(echo, at, nonce)
        query = {"msg_signature": signature, "timestamp": at, "nonce": nonce, "echostr": encrypt}
        response = await self._client.get(self.callback_url, params=query)
        return response.status_code == 200 and response.content == echo.encode()

    async def aclose(self) -> None:
        """Stop waiting for late answers."""
        await self._courier.aclose()

    async def _deliver(self, key: str, kind: str, plain: str) -> None:
        self._sent[key] = plain
        for _ in range(DELIVERIES):
            if await self._post(key, kind, plain) == 200:
                return
        self.gave_up.append(key)

    async def _post(self, key: str, kind: str, plain: str) -> int | None:
        body, query = self.seal(plain)
        headers = {"Content-Type": "text/xml"}
        response = await self._courier.post(self.callback_url, key, kind, content=body, params=query, headers=headers)
        if response is not None and response.status_code == 200 and response.content.strip():
            self._answered(plain, response.text, query["nonce"])
        return response.status_code if response is not None else None

    def _answered(self, plain: str, body: str, nonce: str) -> None:
        """Show the encrypted answer to a callback."""
        asked, sealed = fields_of(plain), fields_of(body)
        try:
            if sealed["Nonce"] != nonce:
                raise BrokenEnvelope("the nonce is not the callback's")
            answer = fields_of(
                self._envelope.open(sealed["Encrypt"], sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"])
            )
        except (BrokenEnvelope, KeyError) as broken:
            self.ledger.violation(f"wecom_app: an answer is not an encrypted reply: {broken!r}")
            return
        if answer.get("ToUserName") != asked["FromUserName"] or answer.get("FromUserName") != asked["ToUserName"]:
            self.ledger.violation("wecom_app: an answer is addressed to somebody else")
        elif answer.get("MsgType") == "text":
            self._show(asked["FromUserName"], answer.get("Content", ""))
        elif answer.get("MsgType") == "update_button" and answer.get("ReplaceName"):
            self._replace(asked.get("TaskId", ""), answer["ReplaceName"])
        else:
            self.ledger.violation(f"wecom_app: no answer of type {answer.get('MsgType')!r}")

    def _show(self, user_id: str, text: str) -> None:
        if len(text.encode()) > PASSIVE_TEXT_LIMIT:
            self.ledger.violation("wecom_app: a passive text is over its bytes")
        self.ledger.add(
            platform="wecom_app",
            chat_id=user_id,
            message_id=f"passive-{secrets.token_hex(8)}",
            sender=str(self.identity.agent_id),
            sender_name=self.identity.name,
            sender_role="bot",
            kind="text",
            text=text.encode()[:PASSIVE_TEXT_LIMIT].decode("utf-8", "ignore"),
            at=self._clock(),
        )

    def _replace(self, task_id: str, name: str) -> None:
        for message in self.ledger.of(kind="card"):
            if (message.card or {}).get("task_id") == task_id:
                self.api.replace_button(message.message_id, name)
