"""A Feishu channel between an inbox that remembers and the platform's double; nothing leaves the process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.feishu import FeishuChannel, FeishuSettings
from conversation.card_press import CardAnswer, CardPress
from conversation.errors import RefusedInput
from conversation.identity import Room, RoomKind
from conversation.messages import Incoming, IncomingMessage, RoomEvent
from playground import FeishuDouble
from playground.feishu_envelope import encrypt, signature
from tests.channels.contract import KeptIntake, KeptPresses, card_words

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads"
VECTORS: dict[str, Any] = json.loads((PAYLOADS / "feishu/vectors.json").read_text(encoding="utf-8"))
DESK_VECTORS: dict[str, Any] = json.loads((PAYLOADS / "feishu_helpdesk/vectors.json").read_text(encoding="utf-8"))
#: The vectors were signed within seconds of this moment.
SIGNED_AT = 1_760_000_203.0
BOT = "ou_botbotbotbotbotbotbotbotbotmadeup"

SETTINGS = FeishuSettings(
    account="main",
    app_id=VECTORS["app_id"],
    app_secret="MADE_UP_SECRET",
    encrypt_key=VECTORS["encrypt_key"],
    verification_token=VECTORS["verification_token"],
    domain="http://feishu.test",
    bot_open_id=BOT,
    bot_name="售后助手",
    staff_chat_id="oc_staff",
)
GROUP = Room("feishu", "main", "oc_room", RoomKind.GROUP)


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def signed(payload: dict[str, Any] | bytes, now: float, *, nonce: str = "n") -> tuple[bytes, dict[str, str]]:
    """The body and headers of an encrypted, signed post; bytes are signed as they are."""
    key = SETTINGS.encrypt_key
    body = payload
    if isinstance(payload, dict):
        body = json.dumps({"encrypt": encrypt(key, json.dumps(payload, ensure_ascii=False))}).encode()
    assert isinstance(body, bytes)
    at = str(int(now))
    headers = {
        "x-lark-request-timestamp": at,
        "x-lark-request-nonce": nonce,
        "x-lark-signature": signature(key, at, nonce, body),
    }
    return body, headers


@dataclass
class Clock:
    now: float = SIGNED_AT

    def __call__(self) -> float:
        return self.now


@dataclass
class Inbox:
    """Keeps what came in, once per key; raises `broken` when a test breaks it."""

    items: list[Incoming] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    broken: Exception | None = None

    async def put(self, incoming: Sequence[Incoming]) -> Sequence[bool]:
        if self.broken:
            raise self.broken
        news = [item.key not in self.keys for item in incoming]
        for item, new in zip(incoming, news, strict=True):
            if new:
                self.keys.append(item.key)
                self.items.append(item)
        return news

    @property
    def messages(self) -> list[IncomingMessage]:
        return [item for item in self.items if isinstance(item, IncomingMessage)]

    @property
    def events(self) -> list[RoomEvent]:
        return [item for item in self.items if isinstance(item, RoomEvent)]


@dataclass
class Desk:
    """Answers presses as a test says; `hold` keeps it from answering."""

    answer: CardAnswer = field(default_factory=lambda: CardAnswer("已接单"))
    pressed_with: list[CardPress] = field(default_factory=list)
    hold: asyncio.Event | None = None
    fails: Exception | None = None

    async def pressed(self, press: CardPress) -> CardAnswer:
        self.pressed_with.append(press)
        if self.hold:
            await self.hold.wait()
        if self.fails:
            raise self.fails
        return self.answer


@dataclass
class Stage:
    channel: FeishuChannel
    double: FeishuDouble
    web: httpx.AsyncClient
    inbox: Inbox
    desk: Desk
    clock: Clock

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.web.post("/hook", content=body, headers=headers)

    def calls(self, name: str) -> list[Any]:
        return [call for call in self.double.ledger.calls if call.call == name]


def hook(channel: Callable[[], FeishuChannel]) -> Starlette:
    async def receive(request: Request) -> Response:
        try:
            return await channel().receive(request)
        except RefusedInput as refused:
            return JSONResponse({"error": "refused"}, refused.status)

    return Starlette(routes=[Route("/hook", receive, methods=["POST"])])


@asynccontextmanager
async def staged(*, inbox: Any = None, desk: Any = None, **changed: Any) -> AsyncIterator[Stage]:
    """A channel with the standard settings but for `changed`, and a double that knows the same secrets."""
    settings, clock, inbox, desk = replace(SETTINGS, **changed), Clock(), inbox or Inbox(), desk or Desk()
    parts: list[FeishuChannel] = []
    app = hook(lambda: parts[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://ours.test") as web:
        double = FeishuDouble(
            *(settings.app_id, settings.app_secret, settings.encrypt_key, settings.verification_token),
            *(BOT, "售后助手"),
            callback_url="http://ours.test/hook",
            client=web,
            clock=clock,
            helpdesk=("6626260912531570952", "ht-made-up-token"),
            staff_chat_ids=["oc_staff"],
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=double.app)) as client:
            channel = FeishuChannel(settings, intake=inbox, presses=desk, client=client, clock=clock)
            parts.append(channel)
            yield Stage(channel, double, web, inbox, desk, clock)
            await channel.close()
        await double.aclose()


@dataclass
class AppFaults:
    """See `ChannelFaults`."""

    double: FeishuDouble

    def lose_answer_once(self) -> None:
        self.double.faults.next("create", drop=True)

    def refuse_once(self, code: int | None = None) -> None:
        self.double.faults.next("create", code=code or 230001, msg="invalid request parameter")

    def busy_once(self) -> None:
        self.double.faults.next("create", rate_limited=True)

    def expire_token(self) -> None:
        self.double.tokens.expire_all()


@dataclass
class ContractedApp:
    """The app's stage in the words of `tests.channels.contract`: customers in their own chat with the bot."""

    stage: Stage
    intake: KeptIntake
    presses: KeptPresses
    faults: AppFaults
    secrets: tuple[str, ...] = (SETTINGS.app_secret, SETTINGS.encrypt_key, SETTINGS.verification_token)
    #: 150 KB in one message: nobody is answered at such length.
    cuts_long_texts: bool = True

    @property
    def channel(self) -> FeishuChannel:
        return self.stage.channel

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        self.stage.double.rooms.p2p_chat(f"ou_{sender}", f"oc_{sender}")
        payload = json.loads((PAYLOADS / "feishu/im_message_text_p2p.json").read_text(encoding="utf-8"))
        payload["header"]["event_id"] = f"event-{message_id}"
        said, moment = payload["event"]["message"], str(int((at or self.stage.clock()) * 1000))
        said |= {"message_id": f"om_{message_id}", "chat_id": f"oc_{sender}", "content": json.dumps({"text": text})}
        said |= {"create_time": moment, "update_time": moment}
        payload["event"]["sender"]["sender_id"] = {"open_id": f"ou_{sender}", "union_id": f"on_{sender}"}
        return await self.deliver_plain(json.dumps(payload, ensure_ascii=False).encode())

    async def deliver_forged(self, text: str) -> int:
        body, headers = signed({"event": {"text": text}}, self.stage.clock())
        return (await self.stage.post(body, {**headers, "x-lark-signature": "0" * 64})).status_code

    async def deliver_plain(self, plain: bytes) -> int:
        body = json.dumps({"encrypt": encrypt(SETTINGS.encrypt_key, plain)}).encode()
        return (await self.stage.post(*signed(body, self.stage.clock()))).status_code

    def samples(self) -> list[bytes]:
        names = (*sorted((PAYLOADS / "feishu").glob("im_*.json")), *sorted((PAYLOADS / "feishu").glob("card_action*")))
        return [path.read_bytes() for path in names]

    def room(self, sender: str) -> Room:
        return Room("feishu", "main", f"oc_{sender}", RoomKind.DIRECT)

    async def shown(self, sender: str) -> list[str]:
        said = self.stage.double.ledger.of(f"oc_{sender}", "bot")
        return [card_words(one.card) if one.card else one.text for one in said]


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[ContractedApp]:
    """See `tests.channels.contract`."""
    intake, presses = KeptIntake(), KeptPresses()
    async with staged(inbox=intake, desk=presses) as stage:
        yield ContractedApp(stage, intake, presses, AppFaults(stage.double))
