"""A self-built app's channel between an inbox that remembers and the platform's double; nothing leaves the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.wecom_app import WecomAppChannel, WecomAppSettings
from conversation.errors import RefusedInput, RetryLater
from conversation.identity import Room, RoomKind
from playground.wecom_app_double import AppIdentity, WecomAppDouble
from store.database import Database
from tests.channels.contract import KeptIntake, KeptPresses, kept_database

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads/wecom_app"
VECTORS: dict[str, Any] = json.loads((PAYLOADS / "vectors.json").read_text(encoding="utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}
#: The vectors were signed within seconds of this moment.
SIGNED_AT = 1_760_000_105.0
SECRET = "made-up-app-secret"

SETTINGS = WecomAppSettings(
    account="main",
    corp_id=VECTORS["receive_id"],
    agent_id=1000002,
    secret=SECRET,
    token=VECTORS["token"],
    encoding_aes_key=VECTORS["encoding_aes_key"],
    app_name="售后助手",
    api_base="http://wecom.test/cgi-bin/",
    greeting="您好，我是售后助手，请描述您的问题。",
    menu={"MENU_HELP": "怎么使用"},
)


@dataclass
class Clock:
    now: float = SIGNED_AT

    def __call__(self) -> float:
        return self.now


@dataclass
class AppFaults:
    """See `ChannelFaults`."""

    double: WecomAppDouble

    def lose_answer_once(self) -> None:
        self.double.faults.next("send", drop=True)

    def refuse_once(self, code: int | None = None) -> None:
        self.double.faults.next("send", code=code or 60011, msg="no privilege to access/modify contact/party/agent")

    def busy_once(self) -> None:
        self.double.faults.next("send", rate_limited=True)

    def expire_token(self) -> None:
        self.double.expire_tokens()


@dataclass
class Stage:
    channel: WecomAppChannel
    double: WecomAppDouble
    intake: KeptIntake
    presses: KeptPresses
    clock: Clock
    database: Database
    faults: AppFaults
    secrets: tuple[str, ...] = (SECRET, SETTINGS.token, SETTINGS.encoding_aes_key)
    cuts_long_texts: bool = False

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        fields = {"Content": text, "MsgId": int(message_id)}
        plain = self.double.plain(sender, "text", fields)
        if at is not None:
            plain = plain.replace(f"<CreateTime>{int(self.clock())}<", f"<CreateTime>{int(at)}<")
        return await self.deliver_plain(plain.encode())

    async def deliver_forged(self, text: str) -> int:
        body, query = self.double.seal(self.double.plain("alice", "text", {"Content": text, "MsgId": 1}))
        return (await self.double.deliver_raw(body, {**query, "msg_signature": "0" * 40})).status_code

    async def deliver_plain(self, plain: bytes) -> int:
        body, query = self.double.seal(plain)
        return (await self.double.deliver_raw(body, query)).status_code

    def samples(self) -> list[bytes]:
        names = [*sorted(PAYLOADS.glob("inbound_*.xml")), *sorted(PAYLOADS.glob("event_*.xml"))]
        return [path.read_bytes() for path in names]

    def room(self, sender: str) -> Room:
        return Room("wecom_app", "main", sender, RoomKind.DIRECT)

    async def shown(self, sender: str) -> list[str]:
        return self.double.ledger.texts(sender, "bot")

    async def settled(self) -> None:
        """Waits for the cards that are changed after a press was answered."""
        await asyncio.gather(*self.channel._presses._running)

    def calls(self, name: str) -> list[Any]:
        return [call for call in self.double.ledger.calls if call.call == name]


@asynccontextmanager
async def staged(database: Database, settings: WecomAppSettings = SETTINGS) -> AsyncIterator[Stage]:
    """The channel behind http://ours.test, the platform behind http://wecom.test."""
    clock, intake, presses = Clock(), KeptIntake(), KeptPresses()
    channels: list[WecomAppChannel] = []

    async def callback(request: Request) -> Response:
        try:
            return await channels[0].receive(request)
        except RefusedInput as refused:
            return Response(refused.reason, refused.status)
        except RetryLater:
            return Response(status_code=503)

    app = Starlette(routes=[Route("/callback", callback, methods=["GET", "POST"])])
    identity = AppIdentity(
        settings.corp_id, settings.agent_id, settings.secret, settings.token, settings.encoding_aes_key
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as to_us:
        double = WecomAppDouble(identity, "http://ours.test/callback", to_us, clock=clock)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(double.app)) as to_platform:
            channels.append(
                WecomAppChannel(
                    settings, intake=intake, presses=presses, database=database, client=to_platform, clock=clock
                )
            )
            yield Stage(channels[0], double, intake, presses, clock, database, AppFaults(double))
            await channels[0].close()
        await double.aclose()


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """See `tests.channels.contract`."""
    async with kept_database(tmp_path) as database, staged(database) as stage:
        yield stage


def with_settings(**changes: Any) -> WecomAppSettings:
    return replace(SETTINGS, **changes)
