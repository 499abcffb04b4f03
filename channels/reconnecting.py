"""Keeps a connection to a platform: runs one session after another, with growing pauses between those that failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from conversation.errors import GiveUp, RetryLater

logger = structlog.get_logger(__name__)

#: A session that lasted this long was a good one: the pauses start anew.
GOOD_SESSION_S = 60.0


@dataclass(slots=True)
class Pauses:
    """Growing pauses in seconds, each somewhere in the upper half of its step: a thousand clients spread out.

    `chance` gives a number from 0 to 1.
    """

    chance: Callable[[], float]
    first_s: float = 1.0
    longest_s: float = 60.0
    _step_s: float = field(default=0.0, init=False)

    def next_s(self) -> float:
        """The pause before the next try; each is up to twice the one before, until the longest."""
        self._step_s = min(max(self._step_s * 2, self.first_s), self.longest_s)
        return self._step_s * (0.5 + self.chance() / 2)

    def start_anew(self) -> None:
        """The next pause is a first one."""
        self._step_s = 0.0


class Reconnecting:
    """Runs `session` again and again until `close`.

    `session` connects, works and ends by raising: `RetryLater` when the connection is gone or cannot be had (`after_s`
    is the least pause), `GiveUp` when nobody may come back. `problem` says in words why there is no connection now;
    the session empties it by calling `is_up`.
    """

    def __init__(
        self,
        name: str,
        session: Callable[[], Awaitable[None]],
        pauses: Pauses,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.problem = "not connected yet"
        self._log = logger.bind(connection=name)
        self._session = session
        self._pauses = pauses
        self._sleep = sleep
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins; a second call changes nothing."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends the session, and waits until it has ended."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
            self.problem = "closed"

    def is_up(self) -> None:
        """Called by the session once it is connected and known to the platform."""
        self.problem = ""
        self._log.info("connection.up")

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began, least_s = clock(), 0.0
            try:
                await self._session()
                self.problem = "the connection ended"
            except GiveUp as refused:
                self.problem = str(refused)
                self._log.error("connection.given_up", reason=self.problem)
                return
            except RetryLater as lost:
                self.problem, least_s = str(lost), lost.after_s or 0.0
            except Exception as fault:  # noqa: BLE001 - the outermost loop: a fault must not leave the bot deaf
                self.problem = f"a fault of ours: {type(fault).__name__}"
                self._log.error("connection.fault", error=repr(fault))
            if clock() - began >= GOOD_SESSION_S:
                self._pauses.start_anew()
            pause_s = max(self._pauses.next_s(), least_s)
            self._log.warning("connection.lost", reason=self.problem, pause_s=round(pause_s, 1))
            await self._sleep(pause_s)
