"""Fetches what a callback only announces: pages of sync_msg into the inbox, then the cursor into the database.

Protocol: https://developer.work.weixin.qq.com/document/path/94670
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from channels.wechat_api import WechatRefused
from channels.wecom_kf import pulls
from channels.wecom_kf.client import Json, Page, WecomKfClient
from channels.wecom_kf.pulls import Pull
from conversation.errors import HuiyingError, RetryLater
from conversation.identity import new_id
from store.database import Database

logger = structlog.get_logger(__name__)

#: One page may take this long before another process may take over.
LEASE_S = 60.0
#: A callback's token lives for ten minutes.
TOKEN_LIFE_S = 590.0
#: Accounts are asked for news that nobody announced this often; without a token the call is scarce.
IDLE_S = 300.0
#: An account that was never read starts with what is this old at most: nobody waits for an answer to older lines.
FIRST_LOOK_BACK_S = 3600.0
#: Seconds before the second and the third try of a pull that failed for now; after them it waits for the next round.
PAUSES_S = (0.5, 2.0)
_TOKEN_INVALID = 95007

Result = TypeVar("Result")

#: Takes the rows of one page that are not older than a moment (Unix seconds), durably.
Take = Callable[[str, Sequence[Json], float], Awaitable[None]]


class Puller:
    """One per channel. `take` gets each page; its cursor is kept only after `take` came back."""

    def __init__(
        self,
        account: str,
        *,
        client: WecomKfClient,
        database: Database,
        take: Take,
        clock: Callable[[], float],
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._account = account
        self._client = client
        self._database = database
        self._take = take
        self._clock = clock
        self._pauses_s = pauses_s
        self._holder = new_id("kf")
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._rest_until: dict[str, float] = {}
        self._started = False

    def pull_soon(self, open_kfid: str) -> None:
        """Starts a pull beside the caller; one that runs already will look once more."""
        if open_kfid in self._running:
            self._again.add(open_kfid)
            return
        task = asyncio.create_task(self._run(open_kfid))
        self._running[open_kfid] = task
        task.add_done_callback(partial(self._ended, open_kfid))

    async def catch_up(self, now: float) -> int:
        """Pulls what has unanswered callbacks, and what was not read for five minutes; gives how many accounts.

        The first call of a process reads every account: callbacks may have been missed while nobody was there.
        """
        idle_since = now - IDLE_S if self._started else now
        self._started = True
        asked = partial(pulls.due, account=self._account, now=now, idle_since=idle_since)
        waiting = await self._database.read(asked)
        waiting = [one for one in waiting if self._rest_until.get(one, 0.0) <= now]
        for open_kfid in waiting:
            self.pull_soon(open_kfid)
        await self.settled()
        return len(waiting)

    async def settled(self) -> None:
        """Waits until no pull runs."""
        while self._running:
            await asyncio.wait(set(self._running.values()))

    async def close(self) -> None:
        """Stops the pulls; what is not finished stays due."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, open_kfid: str, task: asyncio.Task[None]) -> None:
        if self._running.get(open_kfid) is task:
            del self._running[open_kfid]
        if not task.cancelled() and (broken := task.exception()):
            logger.error("wecom_kf.pull_broken", account=self._account, open_kfid=open_kfid, error=repr(broken))

    async def _run(self, open_kfid: str) -> None:
        while True:
            self._again.discard(open_kfid)
            await self._try(open_kfid)
            if open_kfid not in self._again:
                # In the same breath as the look: a callback that comes now starts a task of its own.
                del self._running[open_kfid]
                return

    async def _try(self, open_kfid: str) -> None:
        for pause_s in (*self._pauses_s, None):
            try:
                while await self._pull(open_kfid):
                    pass
            except RetryLater as later:
                logger.warning("wecom_kf.pull_failed", account=self._account, open_kfid=open_kfid, reason=str(later))
                if pause_s is None or (later.after_s or 0.0) > pause_s:
                    self._rest_until[open_kfid] = self._clock() + (later.after_s or 0.0)
                    return
                await asyncio.sleep(pause_s)
            except HuiyingError as refused:
                logger.error("wecom_kf.pull_refused", account=self._account, open_kfid=open_kfid, reason=str(refused))
                self._rest_until[open_kfid] = self._clock() + IDLE_S
                return
            else:
                return

    async def _pull(self, open_kfid: str) -> bool:
        """Reads an account to its end; True when it was called again meanwhile."""
        work, now = partial(self._work, open_kfid), self._clock()
        pull = await self._database.write(work(pulls.start, now=now, until=now + LEASE_S))
        if pull is None:
            return False
        read = False
        try:
            read = await self._read(open_kfid, pull)
        finally:
            if not read:
                # Also when cancelled: whoever comes next need not wait for the lease to run out.
                await asyncio.shield(self._database.write(work(pulls.release)))
        return read and await self._database.write(work(pulls.finish, answered=pull.wanted, now=self._clock()))

    async def _read(self, open_kfid: str, pull: Pull) -> bool:
        """All pages from the cursor on; False when somebody else took the lease."""
        now = self._clock()
        oldest = now - FIRST_LOOK_BACK_S if pull.first else 0.0
        cursor, token = pull.cursor, pull.token if now - pull.token_at < TOKEN_LIFE_S else ""
        while True:
            page, token = await self._page(open_kfid, cursor, token)
            cursor = page.cursor
            if page.messages:
                await self._take(open_kfid, page.messages, oldest)
            kept = self._work(open_kfid, pulls.advance, cursor=cursor, until=self._clock() + LEASE_S)
            if not await self._database.write(kept):
                logger.warning("wecom_kf.pull_lease_lost", account=self._account, open_kfid=open_kfid)
                return False
            if not page.has_more:
                return True

    async def _page(self, open_kfid: str, cursor: str, token: str) -> tuple[Page, str]:
        """The next page, and the token for the one after it: none once the platform refused it."""
        try:
            return await self._client.sync(open_kfid, cursor, token), token
        except WechatRefused as refused:
            if refused.code != _TOKEN_INVALID or not token:
                raise
            return await self._client.sync(open_kfid, cursor, ""), ""

    def _work(self, open_kfid: str, work: Callable[..., Result], **about: object) -> Callable[[Connection], Result]:
        return partial(work, account=self._account, open_kfid=open_kfid, holder=self._holder, **about)
