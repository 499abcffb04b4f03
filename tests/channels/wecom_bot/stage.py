"""A bot's channel between an inbox that remembers and the platform's double; nothing leaves the process."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.wecom_bot import BubbleWords, WecomBotChannel, WecomBotSettings
from conversation.card_press import CardAnswer, CardPress
from conversation.errors import RefusedInput, RetryLater
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Card, Incoming, IncomingMessage, OutgoingMessage
from playground import WecomDouble, wecom_inbound
from playground.wecom_answers import Question
from store.database import Database
from tests.channels.contract import KeptIntake, KeptPresses, card_words, kept_database

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads/wecom_aibot"
VECTORS: dict[str, Any] = json.loads((PAYLOADS / "vectors.json").read_text(encoding="utf-8"))
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in VECTORS["cases"]}
MEDIA: dict[str, str] = json.loads((PAYLOADS / "media_vectors.json").read_text(encoding="utf-8"))
#: The vectors were signed within seconds of this moment.
SIGNED_AT = 1_760_000_105.0
BOT_NAME = "售后助手"
BOT_ID = "aibVq3nS0made0up0id"

SETTINGS = WecomBotSettings(
    account="main",
    token=VECTORS["token"],
    encoding_aes_key=VECTORS["encoding_aes_key"],
    bot_name=BOT_NAME,
    bot_id=BOT_ID,
    api_base="http://wecom.test/cgi-bin/",
    greeting="您好，我是售后助手，请描述您的问题。",
)
GROUP = Room("wecom_bot", "main", "wrGr0upMadeUp0001AAAA", RoomKind.GROUP)
SINGLE = Room("wecom_bot", "main", "zhangsan", RoomKind.DIRECT)
ZHANG = Person("zhangsan")


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@dataclass
class Clock:
    now: float = SIGNED_AT

    def __call__(self) -> float:
        return self.now


@dataclass
class Inbox:
    """Keeps what came in, once per key; raises `broken` when a test breaks it."""

    kept: dict[str, Incoming] = field(default_factory=dict)
    broken: RetryLater | None = None

    async def put(self, incoming: Sequence[Incoming]) -> list[bool]:
        if self.broken:
            raise self.broken
        fresh = [item.key not in self.kept for item in incoming]
        for item in incoming:
            self.kept.setdefault(item.key, item)
        return fresh

    @property
    def messages(self) -> list[IncomingMessage]:
        return [item for item in self.kept.values() if isinstance(item, IncomingMessage)]


@dataclass
class Presses:
    """Answers every press with `card`, and remembers it."""

    seen: list[CardPress] = field(default_factory=list)
    card: Card | None = None

    async def pressed(self, press: CardPress) -> CardAnswer:
        self.seen.append(press)
        return CardAnswer("已转人工", card=self.card)


@dataclass
class Stage:
    channel: WecomBotChannel
    double: WecomDouble
    inbox: Inbox
    presses: Presses
    clock: Clock
    http: httpx.AsyncClient
    database: Database

    async def post(self, payload: dict[str, Any] | str) -> httpx.Response:
        """A signed callback around any text."""
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        body, query = self.double.seal(text)
        return await self.double.deliver_raw(body, query)

    def opened(self, response: httpx.Response) -> dict[str, Any]:
        """What the channel answered, opened as the platform opens it."""
        sealed = response.json()
        envelope = self.double._wire._envelope
        text = envelope.open(sealed["encrypt"], sealed["msgsignature"], str(sealed["timestamp"]), sealed["nonce"])
        found: dict[str, Any] = json.loads(text)
        return found

    async def answer(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        response = await self.post(payload)
        assert response.status_code == 200
        return self.opened(response) if response.content else None

    def reply(self, text: str, *messages: IncomingMessage, card: Card | None = None) -> OutgoingMessage:
        """An answer to messages of the inbox; to the newest one when none is named."""
        asked = messages or (self.inbox.messages[-1],)
        handles = tuple(one.reply_handle for one in asked)
        return OutgoingMessage(asked[-1].room, text=text, card=card, handles=handles)


@asynccontextmanager
async def staged(
    database: Database,
    settings: WecomBotSettings = SETTINGS,
    clock: Clock | None = None,
    *,
    inbox: Any = None,
    presses: Any = None,
) -> AsyncIterator[Stage]:
    """The channel behind http://ours.test, the platform behind http://wecom.test."""
    clock, inbox, presses = clock or Clock(), inbox or Inbox(), presses or Presses()
    channels: list[WecomBotChannel] = []

    async def callback(request: Request) -> Response:
        try:
            return await channels[0].receive(request)
        except RefusedInput as refused:
            return Response(refused.reason, refused.status)
        except RetryLater:
            return Response(status_code=503)

    app = Starlette(routes=[Route("/callback", callback, methods=["GET", "POST"])])
    to_us = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    double = WecomDouble(
        settings.token,
        settings.encoding_aes_key,
        BOT_ID,
        BOT_NAME,
        "http://ours.test/callback",
        to_us,
        public_base="http://wecom.test",
        clock=clock,
        refresh_s=0.01,
    )
    to_platform = httpx.AsyncClient(transport=httpx.ASGITransport(double.app))
    channels.append(
        WecomBotChannel(settings, intake=inbox, presses=presses, database=database, client=to_platform, clock=clock)
    )
    try:
        yield Stage(channels[0], double, inbox, presses, clock, to_us, database)
    finally:
        await double.aclose()
        await channels[0].close()
        await to_platform.aclose()
        await to_us.aclose()


def with_settings(**changes: Any) -> WecomBotSettings:
    return replace(SETTINGS, **changes)


@dataclass
class BotFaults:
    """See `ChannelFaults`; the webhook mode has no tokens. Only the response_url can be busy or lose an answer."""

    double: WecomDouble

    def lose_answer_once(self) -> None:
        self.double.faults.next("response_url", drop=True)


@dataclass
class ContractedBot:
    """The bot's stage in the words of `tests.channels.contract`: customers in the single chat with the bot."""

    stage: Stage
    intake: KeptIntake
    presses: KeptPresses
    faults: BotFaults
    secrets: tuple[str, ...] = (VECTORS["token"], VECTORS["encoding_aes_key"])
    #: One bubble holds one text: there is no second message to go on in.
    cuts_long_texts: bool = True

    @property
    def channel(self) -> WecomBotChannel:
        return self.stage.channel

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        double, now = self.stage.double, self.stage.clock()
        question = Question(message_id, sender, sender, False, "message", now)
        body = wecom_inbound.envelope_fields(message_id, BOT_ID, None, sender)
        body |= wecom_inbound.message_content("text", text, {})
        body["response_url"] = double._endpoints.response_url(question)
        await double._wire.ask(question, body)
        told = [one.status for one in double.ledger.deliveries if one.key == message_id and one.kind == "text"]
        return told[-1] or 0

    async def deliver_forged(self, text: str) -> int:
        body, query = self.stage.double.seal("{}")
        return (await self.stage.double.deliver_raw(body, {**query, "msg_signature": "0" * 40})).status_code

    async def deliver_plain(self, plain: bytes) -> int:
        at, nonce = str(int(self.stage.clock())), str(secrets.randbelow(10**12))
        encrypt, signature = self.stage.double._wire._envelope.seal(plain, at, nonce)
        query = {"msg_signature": signature, "timestamp": at, "nonce": nonce}
        body = json.dumps({"encrypt": encrypt})
        return (await self.stage.double.deliver_raw(body, query)).status_code

    def samples(self) -> list[bytes]:
        # A refresh of a stream is a question of the platform, nothing that anybody said.
        paths = [*sorted(PAYLOADS.glob("inbound_*.json")), *sorted(PAYLOADS.glob("event_*.json"))]
        return [path.read_bytes() for path in paths if "stream_refresh" not in path.name]

    def room(self, sender: str) -> Room:
        return Room("wecom_bot", "main", sender, RoomKind.DIRECT)

    async def shown(self, sender: str) -> list[str]:
        double, looking = self.stage.double, BubbleWords().looking
        await double.settled()
        said = double.ledger.of(sender, "bot")
        return [card_words(one.card) if one.card else one.text for one in said if one.text != looking]


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[ContractedBot]:
    """See `tests.channels.contract`."""
    async with kept_database(tmp_path) as database:
        intake, presses = KeptIntake(), KeptPresses()
        async with staged(database, inbox=intake, presses=presses) as stage:
            yield ContractedBot(stage, intake, presses, BotFaults(stage.double))
