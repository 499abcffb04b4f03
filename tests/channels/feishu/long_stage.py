"""A Feishu channel on its long connection, and the platform's double on a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from channels.feishu import FeishuChannel
from playground import FeishuDouble
from tests.channels.feishu.stage import BOT, SETTINGS, Clock, Desk, Inbox, Stage


async def until(holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Waits until something holds that another task brings about. TimeoutError if it never does."""
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.005)


@contextmanager
def free_port() -> Iterator[tuple[socket.socket, str]]:
    """A bound socket of this machine and its origin."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        yield port, f"http://127.0.0.1:{port.getsockname()[1]}"


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


@asynccontextmanager
async def long_staged(**changed: Any) -> AsyncIterator[Stage]:
    """The channel is not started yet; `changed` are settings of it."""
    clock, inbox, desk = Clock(), Inbox(), Desk()
    with free_port() as (port, origin):
        given = {"mode": "long_connection", "encrypt_key": "", "verification_token": "", "domain": origin, **changed}
        settings = replace(SETTINGS, **given)
        async with httpx.AsyncClient() as client:
            double = FeishuDouble(
                *(SETTINGS.app_id, SETTINGS.app_secret, SETTINGS.encrypt_key, SETTINGS.verification_token),
                *(BOT, "售后助手"),
                callback_url="http://127.0.0.1:9/never",
                client=client,
                clock=clock,
                staff_chat_ids=["oc_staff"],
                long_connection=True,
            )
            channel = FeishuChannel(
                settings, intake=inbox, presses=desk, client=client, clock=clock, first_pause_s=0.01
            )
            async with served(double.app, port):
                try:
                    yield Stage(channel, double, client, inbox, desk, clock)
                finally:
                    await channel.close()
                    await double.aclose()
