"""A gateway of somebody else that plays WeChat groups: people speak, recall, come and go; commands become bubbles."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette

from playground.bridge_gateway import BridgeGateway
from playground.bridge_wire import BridgeWire, packed
from playground.courier import Courier
from playground.faults import Faults
from playground.ledger import DoubleLedger

Json = dict[str, Any]


class BridgeDouble:
    """One gateway with one chat account. `public_base` is where `app` is reached: commands and files.

    `answer_s` is its real patience with an event; everything else goes by `clock`. It delivers an event again only
    when asked to (`redeliver`, `redeliver_missed`), always under the same event id.
    """

    def __init__(
        self,
        secret: str,
        bridge_id: str,
        callback_url: str,
        client: httpx.AsyncClient,
        *,
        public_base: str,
        bot: tuple[str, str] = ("bot-1", "售后助手"),
        clock: Callable[[], float] = time.time,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
        answer_s: float = 5.0,
    ) -> None:
        self.ledger = ledger or DoubleLedger()
        self.faults = faults or Faults()
        self.wire = BridgeWire(secret, bridge_id, clock)
        self._bot_id, self._bot_name = bot
        self._public_base = public_base.rstrip("/")
        self._callback_url = callback_url
        self._client = client
        self._clock = clock
        self._courier = Courier("bridge", client, self.ledger, self.faults, clock, answer_s)
        self.gateway = BridgeGateway(
            callback_url, client, self.wire, self._courier, self.ledger, self.faults, bot=bot, clock=clock
        )
        self._events: dict[str, Json] = {}
        self._missed: dict[str, Json] = {}
        self._numbers: Iterator[int] = itertools.count(1)

    @property
    def app(self) -> Starlette:
        """The gateway's own HTTP surface, as an ASGI application."""
        return self.gateway.app

    @property
    def violations(self) -> list[str]:
        """Rules of the contract that the service broke, in words."""
        return self.ledger.violations

    async def say(
        self, user_id: str, text: str = "", *, chat_id: str = "room-1", mention_bot: bool = False, **told: Any
    ) -> str:
        """Somebody speaks in a group, or in a 1:1 chat with `group=False`; gives the message's id.

        `told` may bring `group`, `user_name`, `kind`, `attachments`, `reply_to`, `is_staff`, `is_self`, `message_id`.
        """
        if mention_bot:
            text = f"@{self._bot_name}\u2005{text}"
        event = self.created(user_id, text, chat_id=chat_id, mention_bot=mention_bot, **told)
        message = event["message"]
        self.ledger.add(
            platform="bridge",
            chat_id=chat_id,
            message_id=message["id"],
            sender=user_id,
            sender_name=event["sender"]["display_name"],
            sender_role="staff" if event["sender"]["is_staff"] else "customer",
            kind=message["type"],
            text=text,
            at=self._clock(),
        )
        await self.happens(event)
        return str(message["id"])

    async def recall(self, message_id: str) -> None:
        """Whoever wrote a message takes it back. Unknown id: KeyError."""
        message = self.ledger.change(message_id, "recalled", recalled=True)
        event = self._event("bridge.event.v1", "message.recalled", message.chat_id, message.sender)
        await self.happens({**event, "message": {"id": message_id}})

    async def moves(self, *user_ids: str, chat_id: str = "room-1", joined: bool = True) -> None:
        """Members come into a group or leave it; the bot's own id is one too."""
        event = self._event("bridge.event.v1", "member.joined" if joined else "member.left", chat_id, user_ids[0])
        members = [{"id": one, "display_name": one, "is_bot": one == self._bot_id} for one in user_ids]
        await self.happens({**event, "members": members})

    async def happens(self, event: Json) -> httpx.Response | None:
        """Posts an event; one that was not acknowledged is remembered as missed."""
        self._events[event["event_id"]] = event
        answer = await self.gateway.post(event, key=event["event_id"], kind=event["event_type"])
        if answer is not None and answer.is_success and answer.json().get("accepted") is True:
            self._missed.pop(event["event_id"], None)
        else:
            self._missed[event["event_id"]] = event
        return answer

    async def redeliver(self, event_id: str) -> httpx.Response | None:
        """Posts the very same event again, freshly signed. Unknown id: KeyError."""
        return await self.happens(self._events[event_id])

    async def redeliver_missed(self) -> int:
        """Posts every event again that was not acknowledged; gives how many are still missed."""
        for event in list(self._missed.values()):
            await self.happens(event)
        return len(self._missed)

    def created(self, user_id: str, text: str, *, chat_id: str = "room-1", **told: Any) -> Json:
        """The event of a message, not posted yet; see `say`."""
        message_id = told.get("message_id") or f"wxmsg-{next(self._numbers)}"
        event = self._event("bridge.message.v1", "message.created", chat_id, user_id, group=told.get("group", True))
        event["event_id"] = told.get("event_id") or f"ev-{message_id}"
        event["sender"] |= {
            "display_name": told.get("user_name") or user_id,
            "is_self": told.get("is_self", False),
            "is_staff": told.get("is_staff", False),
        }
        mentions = [{"id": self._bot_id, "is_bot": True}] if told.get("mention_bot") else []
        event["message"] = {
            "id": message_id,
            "type": told.get("kind", "text"),
            "text": text,
            "mentions": mentions,
            "reply_to": told.get("reply_to"),
            "attachments": told.get("attachments", []),
        }
        return event

    def add_file(self, content: bytes, media_type: str, kind: str = "image", name: str = "") -> Json:
        """Serves a file; gives the attachment that names it."""
        path = f"f{next(self._numbers)}"
        self.gateway.files[path] = (media_type, content)
        return {
            "kind": kind,
            "url": f"{self._public_base}/files/{path}",
            "mime": media_type,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "name": name,
        }

    async def deliver_raw(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """Posts anything, rightly signed unless headers are given; for hostile tests."""
        signed = self.wire.headers(body) if headers is None else headers
        return await self._client.post(self._callback_url, content=body, headers=signed)

    def seal(self, payload: Json) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a signed post."""
        body = packed(payload)
        return body, self.wire.headers(body)

    async def aclose(self) -> None:
        """Stops posting."""
        await self.gateway.aclose()
        await self._courier.aclose()

    def _event(self, schema: str, event_type: str, chat_id: str, user_id: str, *, group: bool = True) -> Json:
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat().replace("+00:00", "Z")
        return {
            "schema": schema,
            "event_id": f"ev-{event_type}-{next(self._numbers)}",
            "event_type": event_type,
            "occurred_at": at,
            "source": {"gateway": "double", "instance": "gw-1", "channel": "wechat_group", "account_id": "acct-1"},
            "conversation": {"id": chat_id, "type": "group" if group else "direct", "title": "示例群" if group else ""},
            "sender": {"id": user_id, "display_name": user_id, "is_self": False, "is_staff": False},
        }
