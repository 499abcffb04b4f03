"""A 公众号 or 小程序 between an inbox that remembers and the platform's double; nothing leaves the process."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.mini_program import MiniProgramChannel, MiniProgramSettings
from channels.official_account import OfficialAccountChannel, OfficialAccountSettings
from conversation.errors import RefusedInput, RetryLater
from conversation.identity import Room, RoomKind
from conversation.messages import IncomingMessage, OutgoingMessage
from playground.mp_double import MpDouble
from playground.mp_wire import Form, Mode
from store.database import Database
from tests.channels.contract import KeptIntake, KeptPresses

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
#: The vectors were signed within seconds of this moment.
SIGNED_AT = 1_760_000_105.0
OURS = "http://ours.test/callback"
PLATFORM = "http://weixin.test/cgi-bin/"
SECRET = "MADE_UP_SECRET"
KEPT_OUT = {"vectors.json", "published_signature_vectors.json"}

MpChannel = OfficialAccountChannel | MiniProgramChannel
MpSettings = OfficialAccountSettings | MiniProgramSettings


class RunningClock:
    """Real time that began at a moment of our choice and jumps when a test says so."""

    def __init__(self, now: float = SIGNED_AT) -> None:
        self._ahead = now - time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


def vectors(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / folder / "vectors.json").read_text(encoding="utf-8"))
    return found


def inbound_samples(folder: str) -> dict[str, bytes]:
    """Every callback's plaintext of a payload folder, by name."""
    paths = sorted((PAYLOADS / folder).iterdir())
    return {path.name: path.read_bytes() for path in paths if path.name.startswith(("inbound_", "event_"))}


@dataclass
class MpFaults:
    """See `ChannelFaults`."""

    double: MpDouble

    def lose_answer_once(self) -> None:
        self.double.faults.next("custom_send", drop=True)

    def refuse_once(self, code: int | None = None) -> None:
        self.double.faults.next("custom_send", code=code or 48001)

    def busy_once(self) -> None:
        self.double.faults.next("custom_send", code=-1)

    def expire_token(self) -> None:
        self.double.tokens.expire_all()


@dataclass
class MpStage:
    """Also a `ChannelStage`."""

    channel: Any
    double: MpDouble
    intake: KeptIntake
    presses: KeptPresses
    clock: RunningClock
    database: Database
    settings: MpSettings
    http: httpx.AsyncClient
    platform_http: httpx.AsyncClient
    folder: str
    cuts_long_texts: bool = False

    @property
    def faults(self) -> MpFaults:
        return MpFaults(self.double)

    @property
    def secrets(self) -> tuple[str, ...]:
        return (SECRET, self.settings.token, self.settings.encoding_aes_key, *self.double.tokens._alive)

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        fields = self.double.head(sender, "text", at) | {"Content": text, "MsgId": int(message_id)}
        self.double.follow(sender)
        self.double.windows.acted(sender, "message")
        return (await self.post(fields)).status_code

    async def deliver_forged(self, text: str) -> int:
        fields = self.double.head("alice", "text") | {"Content": text, "MsgId": 1}
        body, query = self.double.sealed(fields)
        forged = {name: "0" * 40 if "signature" in name else value for name, value in query.items()}
        return (await self.double.deliver_raw(body, forged)).status_code

    async def deliver_plain(self, plain: bytes) -> int:
        return (await self.post(plain.decode("utf-8", "replace"))).status_code

    async def post(self, fields: dict[str, Any] | str) -> httpx.Response:
        body, query = self.double.sealed(fields)
        return await self.double.deliver_raw(body, query)

    def samples(self) -> list[bytes]:
        return list(inbound_samples(self.folder).values())

    def room(self, sender: str) -> Room:
        return Room(self.channel.platform, self.channel.account, sender, RoomKind.DIRECT)

    async def shown(self, sender: str) -> list[str]:
        return self.double.shown(sender)

    def reply(self, text: str, *messages: IncomingMessage) -> OutgoingMessage:
        """An answer to messages of the inbox; to the newest one when none is named."""
        asked = messages or (self.intake.messages[-1],)
        return OutgoingMessage(asked[-1].room, text=text, handles=tuple(one.reply_handle for one in asked))

    def ways(self, sender: str) -> list[tuple[str, str]]:
        """How each message reached the customer, and what it says."""
        return [(one.extra["way"], one.text) for one in self.double.ledger.of(sender, "bot")]


def build(
    settings: MpSettings,
    *,
    intake: KeptIntake,
    database: Database,
    client: httpx.AsyncClient,
    clock: Callable[[], float],
) -> MpChannel:
    if isinstance(settings, OfficialAccountSettings):
        return OfficialAccountChannel(settings, intake=intake, database=database, client=client, clock=clock)
    return MiniProgramChannel(settings, intake=intake, database=database, client=client, clock=clock)


@asynccontextmanager
async def staged(
    settings: MpSettings,
    database: Database,
    *,
    folder: str,
    mode: Mode = "aes",
    form: Form = "xml",
    clock: RunningClock | None = None,
    answer_s: float = 5.0,
) -> AsyncIterator[MpStage]:
    """The channel behind http://ours.test, the platform behind http://weixin.test."""
    clock, intake = clock or RunningClock(), KeptIntake()
    channels: list[MpChannel] = []

    async def callback(request: Request) -> Response:
        try:
            return await channels[0].receive(request)
        except RefusedInput as refused:
            return Response(refused.reason, refused.status)
        except RetryLater:
            return Response(status_code=503)

    app = Starlette(routes=[Route("/callback", callback, methods=["GET", "POST"])])
    to_us = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    double = MpDouble(
        "official_account" if isinstance(settings, OfficialAccountSettings) else "mini_program",
        app_id=settings.app_id,
        secret=settings.secret,
        token=settings.token,
        encoding_aes_key=settings.encoding_aes_key,
        callback_url=OURS,
        client=to_us,
        mode=mode,
        form=form,
        clock=clock,
        answer_s=answer_s,
    )
    to_platform = httpx.AsyncClient(transport=httpx.ASGITransport(double.app))
    channels.append(build(settings, intake=intake, database=database, client=to_platform, clock=clock))
    stage = MpStage(channels[0], double, intake, KeptPresses(), clock, database, settings, to_us, to_platform, folder)
    try:
        yield stage
    finally:
        await double.aclose()
        await channels[0].close()
        await to_platform.aclose()
        await to_us.aclose()
