"""A 微信客服 channel between an inbox that remembers and the platform's double; nothing leaves the process."""

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
from starlette.responses import Response
from starlette.routing import Route

from channels.channel import Intake
from channels.wecom_kf import WecomKfChannel, WecomKfSettings
from channels.wecom_kf.account import Chat
from channels.wecom_kf.files import Fetch
from conversation.errors import RefusedInput, RetryLater
from conversation.identity import Room
from conversation.messages import IncomingMessage, OutgoingMessage, RoomEvent
from playground.wecom_kf_double import WecomKfDouble
from store.database import Database
from tests.channels.contract import KeptIntake, KeptPresses, kept_database

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads/wecom_kf"
#: The vectors were signed within seconds of this moment.
SIGNED_AT = 1_760_000_105.0
KF, OTHER_KF = "wkAJ2GCAAAmadeup0001", "wkAJ2GCAAAmadeup0002"
CUSTOMER = "wmAJ2GCAAAmadeupUser01"


def sample(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


VECTORS: dict[str, Any] = sample("vectors")
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}
PAGES = ("sync_msg_response_page1", "sync_msg_response_page2", "sync_msg_messages_all_types", "sync_msg_events")
ROWS: dict[str, dict[str, Any]] = {row["msgid"]: row for page in PAGES for row in sample(page)["msg_list"]}

SETTINGS = WecomKfSettings(
    account="main",
    corp_id=VECTORS["receive_id"],
    secret="kf-app-secret-made-up",
    token=VECTORS["token"],
    encoding_aes_key=VECTORS["encoding_aes_key"],
    api_base="http://wecom.test/cgi-bin/",
)


@dataclass
class Clock:
    now: float = SIGNED_AT

    def __call__(self) -> float:
        return self.now


@dataclass
class KfFaults:
    double: WecomKfDouble

    def lose_answer_once(self) -> None:
        self.double.faults.next("send", drop=True)

    def refuse_once(self, code: int | None = None) -> None:
        self.double.faults.next("send", code=code or 48002)

    def busy_once(self) -> None:
        self.double.faults.next("send", code=-1)

    def expire_token(self) -> None:
        self.double.tokens.expire()


@dataclass
class Stage:
    """See `ChannelStage`. A customer's name is their external_userid."""

    channel: WecomKfChannel
    double: WecomKfDouble
    intake: KeptIntake
    presses: KeptPresses
    clock: Clock
    http: httpx.AsyncClient
    platform: httpx.AsyncClient
    database: Database
    settings: WecomKfSettings
    cuts_long_texts: bool = False

    @property
    def faults(self) -> KfFaults:
        return KfFaults(self.double)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.settings.secret, self.settings.token, self.settings.encoding_aes_key, self.double.tokens.token)

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        status = await self.double.say(sender, text, msgid=message_id, at=at)
        await self.channel.settled()
        return status

    async def deliver_forged(self, text: str) -> int:
        self.double.announces = False
        await self.double.say("mallory", text)
        self.double.announces = True
        token = self.double.news.token(KF)
        body, query = self.double.wire.seal(f"<xml><Event>kf_msg_or_event</Event><Token>{token}</Token></xml>")
        status = (await self.post(body, {**query, "msg_signature": "0" * 40})).status_code
        await self.channel.settled()
        return status

    async def deliver_plain(self, plain: bytes) -> int:
        """A callback as it is; a row of sync_msg inside the page that the next callback announces."""
        if plain.lstrip().startswith(b"<"):
            status = (await self.post(*self.double.wire.seal(plain))).status_code
        else:
            self.double.news.add_raw(KF, plain.decode("utf-8", "surrogateescape"))
            status = await self.double.announce(KF)
        await self.channel.settled()
        return status

    def samples(self) -> list[bytes]:
        callbacks = [path.read_bytes() for path in sorted(PAYLOADS.glob("callback_*.xml"))]
        return [*callbacks, *(json.dumps(row, ensure_ascii=False).encode() for row in ROWS.values())]

    def room(self, sender: str, open_kfid: str = KF) -> Room:
        return Chat(open_kfid, sender).room("main")

    async def shown(self, sender: str) -> list[str]:
        return self.double.shown(sender)

    async def post(self, body: bytes, query: dict[str, str]) -> httpx.Response:
        return await self.http.post("http://ours.test/callback", content=body, params=query)

    async def tell(self, *rows: dict[str, Any], open_kfid: str = KF) -> None:
        """Puts rows into an account's news and announces them."""
        for row in rows:
            self.double.news.add(open_kfid, row)
        await self.double.announce(open_kfid)
        await self.channel.settled()

    async def heard(self, row: dict[str, Any]) -> IncomingMessage | RoomEvent:
        """What one row brought to the inbox."""
        before = len(self.intake.items)
        await self.tell(row)
        (item,) = self.intake.items[before:]
        return item

    def reply(self, text: str = "", sender: str = "alice", **more: Any) -> OutgoingMessage:
        return OutgoingMessage(self.room(sender), text=text, **more)

    def calls(self, name: str) -> list[dict[str, Any]]:
        return [call.body for call in self.double.ledger.calls if call.call == name]

    def beside(self, intake: Intake, **more: Any) -> WecomKfChannel:
        """Another process of the same app, over the same database."""
        return WecomKfChannel(
            self.settings,
            intake=intake,
            database=self.database,
            client=self.platform,
            clock=self.clock,
            pauses_s=(0.0, 0.0),
            **more,
        )


@asynccontextmanager
async def staged(
    database: Database, settings: WecomKfSettings = SETTINGS, *, fetch: Fetch | None = None
) -> AsyncIterator[Stage]:
    """The channel behind http://ours.test, the platform behind http://wecom.test."""
    clock, intake, presses = Clock(), KeptIntake(), KeptPresses()
    channels: list[WecomKfChannel] = []

    async def callback(request: Request) -> Response:
        try:
            return await channels[0].receive(request)
        except RefusedInput as refused:
            return Response(refused.reason, refused.status)
        except RetryLater:
            return Response(status_code=503)

    app = Starlette(routes=[Route("/callback", callback, methods=["GET", "POST"])])
    to_us = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    double = WecomKfDouble(
        settings.corp_id,
        settings.secret,
        settings.token,
        settings.encoding_aes_key,
        "http://ours.test/callback",
        to_us,
        open_kfids=(KF, OTHER_KF),
        clock=clock,
    )
    to_platform = httpx.AsyncClient(transport=httpx.ASGITransport(double.app))
    channel = WecomKfChannel(
        settings,
        intake=intake,
        presses=presses,
        database=database,
        client=to_platform,
        clock=clock,
        fetch=fetch,
        pauses_s=(0.0, 0.0),
    )
    channels.append(channel)
    try:
        yield Stage(channel, double, intake, presses, clock, to_us, to_platform, database, settings)
    finally:
        await channel.close()
        await double.aclose()
        await to_platform.aclose()
        await to_us.aclose()


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with kept_database(tmp_path) as database, staged(database) as one:
        yield one


def with_settings(**changes: Any) -> WecomKfSettings:
    return replace(SETTINGS, **changes)
