"""A bot on its long connection between an inbox that remembers and the platform's double on a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from channels.wecom_bot.account import WecomBotSettings
from channels.wecom_bot.long_connection import LongConnectionChannel
from conversation.messages import Card, IncomingMessage, OutgoingMessage
from playground import WecomDouble
from playground.wecom_socket import SOCKET_PATH
from store.database import Database
from tests.channels.wecom_bot.stage import BOT_ID, BOT_NAME, VECTORS, Clock, Inbox, Presses

SECRET = "MADE_UP_LONG_CONNECTION_SECRET"


@dataclass
class LongStage:
    channel: LongConnectionChannel
    double: WecomDouble
    inbox: Inbox
    presses: Presses
    clock: Clock
    database: Database
    settings: WecomBotSettings
    build: Callable[[], LongConnectionChannel]

    async def connected(self) -> None:
        await self.channel.start()
        await until(lambda: not self.channel.problem)

    async def asked(self, text: str, user_id: str = "zhangsan", chat_id: str | None = None) -> IncomingMessage:
        """A customer's message, once it is kept and its bubble is shown."""
        before = len(self.inbox.messages)
        await self.double.say(chat_id=chat_id, user_id=user_id, text=text, mention_bot=chat_id is not None)
        await until(lambda: len(self.inbox.messages) > before)
        return self.inbox.messages[-1]

    def shown(self, chat_id: str = "zhangsan") -> list[str]:
        return self.double.ledger.texts(chat_id, "bot")

    def calls(self, name: str) -> list[dict[str, Any]]:
        return [call.body for call in self.double.ledger.calls if call.call == name]

    def reply(self, text: str, *messages: IncomingMessage, card: Card | None = None) -> OutgoingMessage:
        asked = messages or (self.inbox.messages[-1],)
        return OutgoingMessage(asked[-1].room, text=text, card=card, handles=tuple(one.reply_handle for one in asked))


async def until(holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Waits until something holds that another task brings about. TimeoutError if it never does."""
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def served(app: Starlette, at: socket.socket) -> AsyncIterator[None]:
    """Serves an application, websockets too, on a bound socket."""
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[at]))
    await until(lambda: server.started)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@contextmanager
def free_port() -> Iterator[tuple[socket.socket, str]]:
    """A bound socket of this machine and its `host:port`."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        yield port, f"127.0.0.1:{port.getsockname()[1]}"


@asynccontextmanager
async def long_staged(database: Database, **changed: Any) -> AsyncIterator[LongStage]:
    """The channel is not started yet; `changed` are constructor arguments of it, or `secret`."""
    clock, inbox, presses = Clock(), Inbox(), Presses()
    secret = changed.pop("secret", SECRET)
    with free_port() as (port, address):
        async with httpx.AsyncClient() as client:
            double = WecomDouble(
                *(VECTORS["token"], VECTORS["encoding_aes_key"], BOT_ID, BOT_NAME, "http://127.0.0.1:9/never", client),
                public_base=f"http://{address}",
                clock=clock,
                secret=SECRET,
            )
            settings = WecomBotSettings(
                *("main", "", "", BOT_NAME, BOT_ID),
                api_base=f"http://{address}/cgi-bin/",
                greeting="您好，我是售后助手，请描述您的问题。",
                mode="long_connection",
                secret=secret,
                ws_url=f"ws://{address}{SOCKET_PATH}",
            )

            def build() -> LongConnectionChannel:
                more: dict[str, Any] = {"first_pause_s": 0.01, "answer_within_s": 0.3, **changed}
                return LongConnectionChannel(
                    settings, intake=inbox, presses=presses, database=database, client=client, clock=clock, **more
                )

            async with served(double.app, port):
                channel = build()
                try:
                    yield LongStage(channel, double, inbox, presses, clock, database, settings, build)
                finally:
                    await channel.close()
                    await double.aclose()
