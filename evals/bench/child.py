"""The frame of a measured process: serves on a socket it inherits and answers what it used, line by line."""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
import time
from collections.abc import Coroutine
from typing import Any

import orjson
from starlette.types import ASGIApp

from evals.rig.loopback import loop_factory, serving

RSS_UNIT = 1024 if sys.platform == "darwin" else 1


async def serve_until_told(app: ASGIApp, opened: socket.socket) -> None:
    """Serves until standard input ends; each of its lines is answered with `{"cpu_s", "rss_mb"}`."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with serving(app, opened):
        _say({"ready": True})
        while await lines.readline():
            usage = resource.getrusage(resource.RUSAGE_SELF)
            _say({"cpu_s": time.process_time(), "rss_mb": usage.ru_maxrss / 1024 / RSS_UNIT})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
    sys.stdout.buffer.flush()


def spec_and_socket() -> tuple[dict[str, Any], socket.socket]:
    """What the parent passed on the command line."""
    return orjson.loads(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))


def run_child(work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` on the event loop that uvicorn itself would choose."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work)
