"""A widget's channel between an inbox that remembers and visitors' pages that post as browsers do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.web_widget import WebWidgetChannel, WebWidgetSettings
from channels.web_widget.routes import widget_routes
from conversation.errors import RefusedInput, RetryLater
from conversation.identity import Room, RoomKind
from store.database import Database, Result, Work
from tests.channels.contract import KeptIntake, KeptPresses, card_words, kept_database

KEY = "a-key-that-signs-visitors-for-tests-only"
SHOP = "https://shop.example.com"
PATH = "/channels/web_widget/main"
SETTINGS = WebWidgetSettings(
    account="main", visitor_key=KEY, allowed_origins=(SHOP,), per_minute=6000, address_per_minute=60_000
)


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FaultyDatabase:
    """A real database whose next write may be refused, or done without anybody hearing of it."""

    real: Database
    busy: bool = False
    lost: bool = False

    @property
    def dialect(self) -> str:
        return self.real.dialect

    async def write(self, work: Work[Result]) -> Result:
        busy, lost, self.busy, self.lost = self.busy, self.lost, False, False
        if busy:
            raise RetryLater("the database is busy")
        result = await self.real.write(work)
        if lost:
            raise RetryLater("the connection to the database was lost")
        return result

    async def read(self, work: Work[Result]) -> Result:
        return await self.real.read(work)

    async def close(self) -> None:
        """The real one is its giver's to close."""


@dataclass
class WidgetFaults:
    database: FaultyDatabase

    def busy_once(self) -> None:
        self.database.busy = True

    def lose_answer_once(self) -> None:
        self.database.lost = True


@dataclass
class Page:
    """A visitor's page on a website."""

    http: httpx.AsyncClient
    origin: str = SHOP
    token: str = ""

    async def call(self, what: str, body: bytes | dict[str, Any], **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps({"token": self.token, **body}).encode()
        sent = {"origin": self.origin, "content-type": "text/plain;charset=UTF-8", **headers}
        return await self.http.post(PATH, params={"do": what}, content=content, headers=sent)

    async def ask(self, what: str, **fields: Any) -> dict[str, Any]:
        response = await self.call(what, fields)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def enter(self) -> dict[str, Any]:
        page = await self.ask("session")
        self.token = page["token"]
        return page

    async def say(self, text: str, number: str = "0001") -> dict[str, Any]:
        return await self.ask("send", id=f"message-{number}", text=text)

    async def lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("history"))["lines"]
        return found


@dataclass
class Stage:
    channel: WebWidgetChannel
    intake: KeptIntake
    database: FaultyDatabase
    faults: WidgetFaults
    clock: Clock
    http: httpx.AsyncClient
    presses: KeptPresses = field(default_factory=KeptPresses)
    secrets: tuple[str, ...] = (KEY,)
    cuts_long_texts: bool = False
    pages: dict[str, Page] = field(default_factory=dict)

    async def page(self, sender: str = "alice") -> Page:
        """Somebody's page, with a token."""
        if sender not in self.pages:
            self.pages[sender] = Page(self.http)
            await self.pages[sender].enter()
        return self.pages[sender]

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        if at is not None:
            self.clock.now = at
        page = await self.page(sender)
        return (await page.call("send", {"id": f"message-{message_id}", "text": text})).status_code

    async def deliver_forged(self, text: str) -> int:
        page = replace(await self.page(), token=forged((await self.page()).token))
        return (await page.call("send", {"id": "message-forged", "text": text})).status_code

    async def deliver_plain(self, plain: bytes) -> int:
        return (await (await self.page()).call("send", plain)).status_code

    def samples(self) -> list[bytes]:
        token = self.pages["alice"].token
        texts = ["怎么申请退款", "第一行\n第二行 <b>粗</b>", "https://example.com/order?id=1&x=2 打不开 😀"]
        said = [{"token": token, "id": f"sample-{n:04}", "text": text} for n, text in enumerate(texts)]
        return [json.dumps(one, ensure_ascii=False).encode() for one in said]

    def room(self, sender: str) -> Room:
        return Room("web_widget", "main", visitor_of(self.pages[sender].token), RoomKind.DIRECT)

    async def shown(self, sender: str) -> list[str]:
        lines = await (await self.page(sender)).lines()
        ours = [line for line in lines if line["by"] != "visitor" and line["kind"] != "hush"]
        return [card_words(line["card"]) if line["kind"] == "card" else line["text"] for line in ours]


def visitor_of(token: str) -> str:
    """The visitor of a good token."""
    import base64

    raw = base64.urlsafe_b64decode(token.partition(".")[2] + "==")
    return "wv" + raw[:16].hex()


def forged(token: str) -> str:
    """The token with its last but one character changed."""
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


def web_app(channels: Callable[[], WebWidgetChannel]) -> Starlette:
    """What the product's web application does for a channel."""

    async def receive(request: Request) -> Response:
        try:
            return await channels().receive(request)
        except RefusedInput as refused:
            return Response("refused", refused.status)

    async def script(request: Request) -> Response:
        (route,) = widget_routes({("web_widget", "main"): channels()})
        found: Response = await route.endpoint(request)
        return found

    return Starlette(
        routes=[
            Route("/channels/web_widget/{account}", receive, methods=["GET", "POST"]),
            Route("/widget/{account}.js", script),
        ]
    )


@asynccontextmanager
async def staged(database: Database, settings: WebWidgetSettings = SETTINGS) -> AsyncIterator[Stage]:
    """The channel behind http://widget.test."""
    clock, intake, faulty = Clock(), KeptIntake(), FaultyDatabase(database)
    channel = WebWidgetChannel(settings, intake=intake, database=faulty, clock=clock)
    transport = httpx.ASGITransport(web_app(lambda: channel))
    async with httpx.AsyncClient(transport=transport, base_url="http://widget.test") as http:
        yield Stage(channel, intake, faulty, WidgetFaults(faulty), clock, http)
    await channel.close()


@asynccontextmanager
async def contract_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """For the one suite that every channel passes."""
    async with kept_database(tmp_path) as database, staged(database) as stage:
        await stage.page()
        yield stage
