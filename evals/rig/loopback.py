"""Real HTTP on this machine: listening sockets on free ports, and servers that live inside the caller's loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from conversation.errors import HuiyingError

HOST = "127.0.0.1"
BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to whoever runs the loop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening() -> socket.socket:
    """A socket that already listens on a free port, so that nobody else can take the port before the server starts."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((HOST, 0))
    opened.listen(BACKLOG)
    opened.setblocking(False)
    return opened


def port_of(opened: socket.socket) -> int:
    """The port of a listening socket."""
    return int(opened.getsockname()[1])


def url_of(opened: socket.socket) -> str:
    """The address of a listening socket, without a slash at its end."""
    return f"http://{HOST}:{port_of(opened)}"


@asynccontextmanager
async def serving(app: ASGIApp, opened: socket.socket) -> AsyncIterator[None]:
    """Serves `app` on a listening socket for as long as the block runs.

    Raises `HuiyingError` when the application does not start.
    """
    server = _Server(
        uvicorn.Config(app, access_log=False, log_level="warning", timeout_graceful_shutdown=5, backlog=BACKLOG)
    )
    task = asyncio.create_task(server.serve(sockets=[opened]))
    try:
        while not server.started:
            if task.done():
                await task
                raise HuiyingError("the server did not start; its own log says why")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that uvicorn itself chooses on this machine."""
    return uvicorn.Config("", loop="auto").get_loop_factory()
