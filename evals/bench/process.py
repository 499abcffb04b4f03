"""Starts a measured process and asks it what it used."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from conversation.errors import HuiyingError
from settings import Settings

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Used:
    """What a process used since it started: CPU seconds of all its threads, and the most memory it ever had."""

    cpu_s: float
    rss_mb: float


class Measured:
    """A running child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def used(self) -> Used:
        """What it used so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        answer = await self.answer()
        return Used(answer["cpu_s"], answer["rss_mb"])

    async def answer(self) -> dict[str, Any]:
        """Its next answer. Raises `HuiyingError` when it ended instead."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise HuiyingError("the measured process ended before it answered; its own log is above")
        answer: dict[str, Any] = orjson.loads(line)
        return answer


@asynccontextmanager
async def measured(module: str, spec: dict[str, Any], opened: socket.socket) -> AsyncIterator[Measured]:
    """A child that runs `module` and serves on a listening socket for as long as the block runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, orjson.dumps(spec).decode(), str(opened.fileno())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=(opened.fileno(),),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    # The child has the socket now; kept open here, connections would be accepted by nobody once it is gone.
    opened.close()
    child = Measured(process)
    try:
        async with asyncio.timeout(START_LIMIT_S):
            await child.answer()
        yield child
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def measured_service(settings: Settings, role: str, opened: socket.socket) -> AbstractAsyncContextManager[Measured]:
    """A child that is the service in `role`."""
    spec = {"role": role, "settings": settings.model_dump(mode="json", by_alias=True)}
    return measured("evals.bench.product_child", spec, opened)
