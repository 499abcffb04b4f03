"""The socket of `huiying serve`, taken before anything is built, and the server on it that ends in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from conversation.errors import BadSettings

BACKLOG = 2048
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `BadSettings` where that cannot be.

    It listens at once: two processes may both bind a port, only one may listen on it.
    """
    cure = "set HUIYING_HOST and HUIYING_PORT to an address of this machine that is free"
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = next((one for one in found if one[0] == socket.AF_INET), found[0])
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise BadSettings(f"cannot listen on {host}:{port} ({error.strerror}): {cure}") from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise BadSettings(f"cannot listen on {host}:{port} ({error.strerror}): {cure}") from None
    opened.setblocking(False)
    return opened


class StoppableServer(uvicorn.Server):
    """A server whose caller still has work to do after a signal: uvicorn's own would raise it again when it is done.

    The first SIGINT or SIGTERM sets `leaving` and lets requests finish, the second cuts them off, the third ends the
    process as it is: leases see to it that nothing is lost. `on_ready` is called once requests are answered.
    """

    def __init__(self, config: uvicorn.Config, *, leaving: asyncio.Event, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._on_ready = on_ready
        self._asked = 0
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Signals ask for the end for as long as the block runs, also before and after the server itself."""
        before = {number: signal.signal(number, self._stop) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, heed in before.items():
                signal.signal(number, heed)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to `heeding_signals`."""
        yield

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        if self._asked > 2:
            os._exit(128 + number)
        self.force_exit = self._asked > 1
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._leaving.set)
