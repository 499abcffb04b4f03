"""A gateway's channel between an inbox that remembers and the gateway's double; nothing leaves the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.bridge import BridgeChannel, BridgeSettings
from channels.channel import Intake
from conversation.errors import RefusedInput, RetryLater
from conversation.identity import Room, RoomKind
from playground.bridge_double import BridgeDouble
from playground.faults import FaultTerms
from store.database import Database
from tests.channels.contract import KeptIntake, KeptPresses, kept_database
from tests.conftest import FakeClock

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads/bridge"
VECTORS: dict[str, Any] = json.loads((PAYLOADS / "vectors.json").read_text(encoding="utf-8"))
#: The samples and vectors are of this moment.
SIGNED_AT = 1_760_000_010.0
BOT = ("bot-1", "售后助手")
OURS, THEIRS = "http://ours.test/channels/bridge/main", "http://gateway.test"

SETTINGS = BridgeSettings(
    account="main",
    secret=VECTORS["secret"],
    previous_secret="the-secret-before-the-change",
    bot_name=BOT[1],
    bot_id=BOT[0],
    api_base=THEIRS,
    receipt_wait_s=2.0,
)
GROUP = Room("bridge", "main", "room-1", RoomKind.GROUP, "示例群")


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@dataclass
class Faults:
    double: BridgeDouble

    def lose_answer_once(self) -> None:
        self._next(drop=True)

    def refuse_once(self, code: int | None = None) -> None:
        self._next(http=code or 422)

    def busy_once(self) -> None:
        self._next(rate_limited=True, headers={"Retry-After": "7"})

    def _next(self, **terms: Any) -> None:
        given: FaultTerms = terms  # type: ignore[assignment]
        self.double.faults.next("command", **given)


@dataclass
class Stage:
    """See `ChannelStage`; customers write in 1:1 chats there, in the group elsewhere."""

    channel: BridgeChannel
    double: BridgeDouble
    intake: KeptIntake
    presses: KeptPresses
    clock: FakeClock
    database: Database
    http: httpx.AsyncClient
    faults: Faults
    secrets: tuple[str, ...] = (SETTINGS.secret, SETTINGS.previous_secret)
    cuts_long_texts: bool = False

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        event = self.double.created(sender, text, chat_id=f"wx-{sender}", group=False, message_id=message_id)
        return (await self.double.deliver_raw(*self.double.seal(event))).status_code

    async def deliver_forged(self, text: str) -> int:
        body, headers = self.double.seal(self.double.created("mallory", text, group=False))
        return (await self.double.deliver_raw(body, {**headers, "X-Bridge-Signature": "v1=" + "0" * 64})).status_code

    async def deliver_plain(self, plain: bytes) -> int:
        return (await self.double.deliver_raw(plain)).status_code

    def samples(self) -> list[bytes]:
        names = ("inbound_message_text", "inbound_message_image", "receipt", "receipt_failed")
        answer = sample("inbound_message_text")
        answer["message"] |= {"id": "wxmsg-3", "reply_to": {"id": "wxmsg-1", "text": "您好", "is_bot": True}}
        others = [
            {**answer, "event_id": "a1"},
            {**sample("inbound_message_text"), "event_type": "message.recalled", "event_id": "r1"},
            {
                **sample("inbound_message_text"),
                "event_type": "member.joined",
                "event_id": "j1",
                "members": [{"id": "u1", "display_name": "新人"}, {"id": "bot-1", "is_bot": True}],
            },
            {"schema": "bridge.ack.v1", "command_ids": ["k1", "k2"]},
        ]
        texts = [*((PAYLOADS / f"{name}.json").read_bytes() for name in names)]
        return [*texts, *(json.dumps(one, ensure_ascii=False).encode() for one in others)]

    def room(self, sender: str) -> Room:
        return Room("bridge", "main", f"wx-{sender}", RoomKind.DIRECT)

    async def shown(self, sender: str) -> list[str]:
        await self.double.gateway.settled()
        return self.double.ledger.texts(f"wx-{sender}", "bot")


@asynccontextmanager
async def staged(
    database: Database,
    settings: BridgeSettings = SETTINGS,
    clock: FakeClock | None = None,
    inbox: Intake | None = None,
) -> AsyncIterator[Stage]:
    """The channel behind http://ours.test, the gateway behind http://gateway.test; `inbox` in place of `intake`."""
    clock, intake = clock or FakeClock(SIGNED_AT), KeptIntake()
    channels: list[BridgeChannel] = []

    async def callback(request: Request) -> Response:
        try:
            return await channels[0].receive(request)
        except RefusedInput as refused:
            return PlainTextResponse(refused.reason, refused.status)
        except RetryLater:
            return PlainTextResponse("try again", 503, {"Retry-After": "5"})

    ours = Starlette(routes=[Route("/channels/bridge/main", callback, methods=["GET", "POST"])])
    to_us = httpx.AsyncClient(transport=httpx.ASGITransport(ours))
    double = BridgeDouble(settings.secret, settings.known_as, OURS, to_us, public_base=THEIRS, bot=BOT, clock=clock)
    to_gateway = httpx.AsyncClient(transport=httpx.ASGITransport(double.app))
    channels.append(BridgeChannel(settings, intake=inbox or intake, database=database, client=to_gateway, clock=clock))
    try:
        yield Stage(channels[0], double, intake, KeptPresses(), clock, database, to_us, Faults(double))
    finally:
        await double.aclose()
        await channels[0].close()
        await to_gateway.aclose()
        await to_us.aclose()


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with kept_database(tmp_path) as database, staged(database) as stage:
        yield stage


def with_settings(**changes: Any) -> BridgeSettings:
    return replace(SETTINGS, **changes)
