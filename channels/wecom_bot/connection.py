"""One bot's long connection: subscribed, kept alive, come back to when lost; frames in, frames out with their answers.

Protocol: https://developer.work.weixin.qq.com/document/path/101463. Used by `long_connection`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from channels.reconnecting import Pauses, Reconnecting
from channels.wecom_bot.account import WecomBotSettings
from channels.wecom_bot.frames import (
    EVENT,
    MESSAGE,
    NOT_SUBSCRIBED,
    PING,
    SUBSCRIBE,
    Frame,
    new_req_id,
    read_frame,
    refusal,
    write_frame,
)
from conversation.errors import FateUnknown, GiveUp, RetryLater

logger = structlog.get_logger(__name__)

PING_EVERY_S = 30.0
#: The platform's own SDK waits as long for the answer to a frame.
ANSWER_WITHIN_S = 5.0
#: An answer does not come later than this.
_LATEST_ANSWER_S = 15.0
#: A connection on which this many pings in a row went unanswered is dead.
PINGS_MISSED = 2
FRAME_LIMIT = 4 * 1024 * 1024
_OPEN_WITHIN_S = 10.0
_CLOSE_WITHIN_S = 2.0
#: A wrong secret does not mend itself: ask seldom.
_REFUSED_PAUSE_S = 60.0
#: While there is no connection, a send is worth another try this soon.
_SOON_S = 3.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who waits for the answer to a frame, or gave up waiting and keeps the place of a late answer."""

    text: str
    since: float
    answer: asyncio.Future[Frame]


@dataclass(slots=True, eq=False)
class _Live:
    """A socket with the answers that are waited for. Answers to one req_id come in the order of their frames."""

    socket: ClientConnection
    waiting: dict[str, deque[_Waiting]] = field(default_factory=dict)
    missed_pings: int = 0

    def wait_for(self, req_id: str, text: str) -> asyncio.Future[Frame]:
        """The answer to a frame. An answer to the very same frame, sent before in vain, is as good."""
        loop = asyncio.get_running_loop()
        row = self.waiting.setdefault(req_id, deque())
        for one in [*row]:
            if one.answer.done() and (one.text == text or loop.time() - one.since > _LATEST_ANSWER_S):
                row.remove(one)
        row.append(_Waiting(text, loop.time(), loop.create_future()))
        return row[-1].answer

    def answered(self, frame: Frame) -> bool:
        """Hands an answer to who waits for it; one that nobody waits for any more still takes its place in the row."""
        row = self.waiting.get(frame.req_id)
        if not row:
            return False
        answer = row.popleft().answer
        if not row:
            del self.waiting[frame.req_id]
        if not answer.done():
            answer.set_result(frame)
        return True

    def lost(self) -> None:
        """Nobody will answer any more."""
        for row in self.waiting.values():
            for one in row:
                if not one.answer.done():
                    one.answer.set_exception(ConnectionResetError())
        self.waiting.clear()


class BotConnection:
    """At most one live connection of one bot. `heard` is called with every message and event, in order."""

    def __init__(
        self,
        settings: WecomBotSettings,
        heard: Callable[[Frame], None],
        *,
        pauses: Pauses,
        ping_every_s: float = PING_EVERY_S,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._settings = settings
        self._heard = heard
        self._ping_every_s = ping_every_s
        self._answer_within_s = answer_within_s
        self._live: _Live | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._kept = Reconnecting(f"wecom_bot:{settings.account}", self._session, pauses)

    @property
    def problem(self) -> str:
        """Why there is no connection now, in words; empty when there is one."""
        return self._kept.problem

    def start(self) -> None:
        """Begins to connect."""
        self._kept.start()

    async def close(self) -> None:
        """Closes the connection for good."""
        await self._kept.close()

    async def call(self, cmd: str, body: Mapping[str, Any], req_id: str = "") -> None:
        """Sends a frame and waits for its answer; frames of one `req_id` (a new one if empty) go one after the other.

        Raises `RetryLater` (surely not done: no connection, or the platform is busy), `FateUnknown` (the answer was
        lost) or `FrameRefused`.
        """
        req_id = req_id or new_req_id(cmd)
        turn = self._turns.setdefault(req_id, asyncio.Lock())
        async with turn:
            live = self._live
            if live is None:
                raise RetryLater(f"the long connection is down: {self.problem}", _SOON_S)
            answer = await self._asked(live, cmd, body, req_id)
        if answer.errcode == NOT_SUBSCRIBED:
            await live.socket.close()
        if (refused := refusal(cmd, answer)) is not None:
            raise refused

    async def _asked(self, live: _Live, cmd: str, body: Mapping[str, Any] | None, req_id: str) -> Frame:
        text = write_frame(cmd, req_id, body)
        answer = live.wait_for(req_id, text)
        try:
            async with asyncio.timeout(self._answer_within_s):
                await live.socket.send(text)
                return await answer
        except (ConnectionClosed, ConnectionResetError, TimeoutError) as lost:
            raise FateUnknown(f"WeCom's answer to {cmd} was lost: {type(lost).__name__}") from None

    async def _session(self) -> None:
        """One connection from its opening to its end; always ends by raising."""
        try:
            # The platform wants pings as frames; whether it answers those of the websocket itself is not written.
            async with connect(
                self._settings.ws_url,
                open_timeout=_OPEN_WITHIN_S,
                close_timeout=_CLOSE_WITHIN_S,
                ping_interval=None,
                max_size=FRAME_LIMIT,
            ) as socket:
                await self._spent(_Live(socket))
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as lost:
            raise RetryLater(f"WeCom cannot be reached: {type(lost).__name__}") from None

    async def _spent(self, live: _Live) -> None:
        jobs = {asyncio.create_task(self._read(live)), asyncio.create_task(self._kept_alive(live))}
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            # A take-over, read just before the connection broke, says more than the break.
            for job in sorted(done, key=lambda job: not isinstance(job.exception(), GiveUp)):
                job.result()
        finally:
            self._live = None
            live.lost()
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    async def _kept_alive(self, live: _Live) -> None:
        settings = self._settings
        body = {"bot_id": settings.bot_id, "secret": settings.secret}
        try:
            answer = await self._asked(live, SUBSCRIBE, body, new_req_id(SUBSCRIBE))
        except FateUnknown as silent:
            raise RetryLater(str(silent)) from None
        if (refused := refusal(SUBSCRIBE, answer)) is not None:
            raise RetryLater(f"{refused}: check bot_id, secret, and that the bot is set to 长连接", _REFUSED_PAUSE_S)
        self._live = live
        self._kept.is_up()
        while True:
            await asyncio.sleep(self._ping_every_s)
            if live.missed_pings >= PINGS_MISSED:
                raise RetryLater(f"{PINGS_MISSED} pings went unanswered")
            live.missed_pings += 1
            await live.socket.send(write_frame(PING, new_req_id(PING)))

    async def _read(self, live: _Live) -> None:
        async for raw in live.socket:
            frame = read_frame(raw)
            if frame is None:
                logger.warning("wecom_bot.no_frame", account=self._settings.account, size=len(raw))
            elif frame.displaces:
                raise GiveUp(
                    "another connection of this bot took over: only one process may hold it; start this one again "
                    "once the other is gone"
                )
            elif frame.cmd in (MESSAGE, EVENT):
                self._heard(frame)
            elif not frame.cmd and not live.answered(frame):
                live.missed_pings = 0
            elif frame.cmd:
                logger.info("wecom_bot.unsupported_frame", account=self._settings.account, cmd=frame.cmd)
        raise RetryLater("WeCom closed the connection")
