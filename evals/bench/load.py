"""A closed loop over keep-alive sockets: every connection sends its next prepared request when it has an answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from evals.bench.figures import percentile
from evals.rig.loopback import HOST

RUN_LIMIT_S = 120.0
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.I)
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run came to. `refused` counts answers that were not 2xx."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    refused: int


@dataclass(slots=True)
class _Run:
    requests: Iterator[bytes]
    connections: int
    done: asyncio.Future[None]
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    def leave(self) -> None:
        self.connections -= 1
        if not self.connections and not self.done.done():
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answer = whole_answer(self._buffer)
        if answer is None:
            return
        status, length = answer
        self._buffer = self._buffer[length:]
        self._run.latencies.append(time.perf_counter() - self._sent_at)
        self._run.refused += not 200 <= status < 300
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.leave()

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._run.requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def whole_answer(buffer: bytes) -> tuple[int, int] | None:
    """(status, length in bytes) of the HTTP answer at the beginning of `buffer`, None while it is not whole."""
    head = buffer.find(_HEAD_END)
    if head < 0:
        return None
    found = _LENGTH.search(buffer, 0, head)
    length = head + len(_HEAD_END) + (int(found.group(1)) if found else 0)
    return (int(buffer[9:12]), length) if len(buffer) >= length else None


async def closed_loop(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Sends every request once over so many connections, as fast as they are answered."""
    loop = asyncio.get_running_loop()
    run = _Run(iter(requests), connections, loop.create_future())
    started = time.perf_counter()
    await asyncio.gather(*(loop.create_connection(lambda: _Connection(run), HOST, port) for _ in range(connections)))
    async with asyncio.timeout(RUN_LIMIT_S):
        await run.done
    took = time.perf_counter() - started
    latencies = run.latencies
    return Load(
        len(latencies),
        len(latencies) / took,
        percentile(latencies, 0.5) * 1000,
        percentile(latencies, 0.99) * 1000,
        run.refused,
    )


def http_post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of one POST over a connection that stays open."""
    lines = [f"POST {path} HTTP/1.1", f"host: {HOST}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
