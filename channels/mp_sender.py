"""Sends what a message is made of by active calls, each of them once, and a notice where the window has closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from channels import mp_claims as claims
from channels.mp_api import MpApi
from channels.mp_claims import Call
from channels.mp_notice import Notice
from channels.wechat_api import WindowClosed
from conversation.errors import FateUnknown, GiveUp, HuiyingError, RetryLater
from store.database import Database

logger = structlog.get_logger(__name__)


class MpSender:
    """The active way of one account; `owner` is `platform:account`, `notice_path` the call that sends its notices."""

    def __init__(
        self,
        api: MpApi,
        database: Database,
        *,
        owner: str,
        notice: Notice | None,
        notice_path: str,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._database = database
        self._owner = owner
        self._notice = notice
        self._notice_path = notice_path
        self._clock = clock
        self._background: set[asyncio.Task[None]] = set()

    async def send(self, openid: str, bodies: Sequence[Mapping[str, Any]], words: str, key: str) -> None:
        """Sends the bodies in order, those of them that an earlier try under `key` did not send.

        Raises `RetryLater` (what is left may be sent later), `FateUnknown` (one of them may have arrived),
        `WindowClosed` when the customer must write first and no notice could say `words`, or another `GiveUp`.
        """
        for number, body in enumerate(bodies):
            try:
                await self._once(key, str(number), partial(self._api.say, openid, body))
            except WindowClosed as closed:
                await self._notify(openid, words, key, closed, sent=number)
                return
            except GiveUp as refused:
                if not number:
                    raise
                raise GiveUp(f"{number} of {len(bodies)} parts went out, then: {refused}") from refused

    def type_soon(self, openid: str, after_s: float = 0.0) -> asyncio.Task[None]:
        """Shows the typing sign after a while, beside everything else; a refusal is only logged."""
        return self._start(self._type(openid, after_s, typing=True))

    def stop_typing(self, openid: str) -> None:
        """Takes the typing sign away."""
        self._start(self._type(openid, 0.0, typing=False))

    def greet(self, openid: str, body: Mapping[str, Any], key: str) -> None:
        """Says hello once, beside everything else."""
        self._start(self._greeted(openid, body, key))

    async def close(self) -> None:
        """Stops what runs beside."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def tidy(self, now: float) -> int:
        """Forgets claims that nothing can ask for any more; for a timer. Gives how many."""
        forget = partial(claims.forget, owner=self._owner, before=now - claims.CLAIM_KEEP_S)
        return await self._database.write(forget)

    async def _once(self, key: str, part: str, call: Callable[[], Any]) -> None:
        """Makes a call that was not made before under this key and part."""
        call_id = claims.call_id(self._owner, key, part)
        begin = partial(claims.begin_call, stream_id=call_id, key=key, owner=self._owner, now=self._clock())
        begun = await self._database.write(begin)
        if begun is Call.DONE:
            return
        if begun is Call.LOST:
            raise FateUnknown("an earlier try may have arrived: its answer was lost")
        try:
            await call()
        except FateUnknown:
            raise
        except (RetryLater, GiveUp):
            await self._database.write(partial(claims.give_call_back, stream_id=call_id))
            raise
        await self._database.write(partial(claims.prove_call, stream_id=call_id, now=self._clock()))

    async def _notify(self, openid: str, words: str, key: str, closed: WindowClosed, *, sent: int) -> None:
        if self._notice is None or sent:
            raise WindowClosed(f"{closed}{f', after {sent} parts' if sent else ''}", closed.code) from None
        notice = self._notice
        body = notice.body(openid, words, claims.call_id(self._owner, key, "notice"))
        try:
            await self._once(key, "notice", partial(self._api.notify, self._notice_path, body))
        except GiveUp as refused:
            raise WindowClosed(f"{closed}; nor could a notice be sent: {refused}", closed.code) from None
        logger.info("mp.notice_sent", owner=self._owner, template_id=notice.template_id)
        if not notice.holds(words):
            raise WindowClosed(
                f"{closed}; a notice told the customer that there is an answer, of which it could not hold all",
                closed.code,
            )

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _type(self, openid: str, after_s: float, *, typing: bool) -> None:
        await asyncio.sleep(after_s)
        try:
            await self._api.type(openid, typing=typing)
        except HuiyingError as refused:
            logger.info("mp.typing_refused", owner=self._owner, why=str(refused))

    async def _greeted(self, openid: str, body: Mapping[str, Any], key: str) -> None:
        try:
            await self._once(key, "greeting", partial(self._api.say, openid, body))
        except HuiyingError as refused:
            logger.warning("mp.greeting_refused", owner=self._owner, why=str(refused))
