"""Sends what the outbox gives, many rooms at once and each room in order; several settled sends share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from channels.channel import Receipt
from conversation.errors import RetryLater
from conversation.identity import new_id
from delivery.effects import Effects
from delivery.guard import caught
from delivery.outbox import Channels, Outbox, Parcel, Settlement
from delivery.send_verdict import Again, Sent, judge
from delivery.shared_write import SharedWrite
from delivery.terms import DeliveryTerms
from delivery.wakeup import CHANGES, SENDS, TIMERS, Wakeup
from store.database import Database

logger = structlog.get_logger(__name__)

PAUSE_S = 1.0
#: Seconds between tries to write down what became of a send while the database is gone.
SETTLE_PAUSE_S = 0.5


class SendWorker:
    """One per process. `run` ends after `stop`, once the sends that are out are settled."""

    def __init__(
        self,
        database: Database,
        channels: Channels,
        effects: Effects,
        wakeup: Wakeup,
        terms: DeliveryTerms,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._wakeup = wakeup
        self._terms = terms
        self._clock = clock
        self._chance = chance
        self._outbox = Outbox(channels, effects, holder=new_id("wk"), lease_s=terms.lease_s)
        self._settlements: SharedWrite[Settlement, bool] = SharedWrite(self._settle)
        self._sending: set[asyncio.Task[None]] = set()
        self._due: list[float] = []
        self._slot_free = asyncio.Event()
        self._slot_free.set()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Looks into the outbox once more and then no longer."""
        self._stopping.set()
        self._slot_free.set()
        self._wakeup.wake(SENDS)

    async def run(self) -> None:
        """Sends until stopped."""
        try:
            while not self._stopping.is_set():
                failure = await caught(self._step())
                if isinstance(failure, Exception):
                    logger.error("sender.step_failed", error=repr(failure))
                    await asyncio.sleep(PAUSE_S)
            await caught(self._take())
            if self._sending:
                await asyncio.wait(self._sending, timeout=self._terms.send_limit_s)
            await self._settlements.close()
        finally:
            for task in self._sending:
                task.cancel()

    async def _step(self) -> None:
        await self._slot_free.wait()
        if self._stopping.is_set():
            return
        if await self._take():
            await self._wakeup.wait(SENDS, self._idle_s())

    async def _take(self) -> bool:
        """Starts what is due, as far as there are slots; True when nothing more is due now."""
        now, wanted = self._clock(), self._terms.send_slots - len(self._sending)
        takings = await self._database.write(lambda connection: self._outbox.take(connection, now, wanted))
        for parcel in takings.parcels:
            self._start(parcel)
        self._due += takings.put_off
        return len(takings.parcels) < wanted

    def _idle_s(self) -> float:
        """Seconds until the next row that we know of is due, at most until the next sweep."""
        now = self._clock()
        self._due = [at for at in self._due if at > now]
        return min([self._terms.poll_s, *(at - now for at in self._due)])

    def _start(self, parcel: Parcel) -> None:
        task = asyncio.create_task(self._deliver(parcel))
        self._sending.add(task)
        task.add_done_callback(self._ended)
        if len(self._sending) >= self._terms.send_slots:
            self._slot_free.clear()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._slot_free.set()

    async def _deliver(self, parcel: Parcel) -> None:
        outcome = await self._try(parcel)
        row, now = parcel.row, self._clock()
        safe = parcel.channel is not None and parcel.channel.capabilities.resend_is_safe
        verdict = judge(outcome, row, self._terms, resend_is_safe=safe, now=now, chance=self._chance())
        if not isinstance(verdict, Sent):
            logger.warning(
                "outbox.not_sent",
                outbox_id=row.id,
                conversation_id=row.conversation_id,
                attempt=row.attempts,
                verdict=type(verdict).__name__,
                why=verdict.why,
            )
        await self._settle_surely(Settlement(row, verdict, now))

    async def _try(self, parcel: Parcel) -> Receipt | Exception:
        channel = parcel.channel
        if channel is None:
            room = parcel.message.room
            return RetryLater(f"no channel {room.platform}:{room.account} is configured")
        send = channel.send(parcel.message, parcel.row.idempotency_key)
        return await caught(asyncio.wait_for(send, self._terms.send_limit_s))

    async def _settle_surely(self, settlement: Settlement) -> None:
        """What the platform took must be written down: while the database is gone, this waits for it."""
        while True:
            outcome = await caught(self._settlements.add(settlement))
            if outcome is False:
                logger.warning("outbox.lease_lost", outbox_id=settlement.row.id)
            if not isinstance(outcome, Exception):
                return
            logger.error("outbox.not_settled", outbox_id=settlement.row.id, error=repr(outcome))
            if not isinstance(outcome, RetryLater):
                if settlement.quiet:
                    return
                settlement = replace(settlement, quiet=True)
            await asyncio.sleep(SETTLE_PAUSE_S)

    async def _settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        settled = await self._database.write(lambda connection: self._outbox.settle(connection, settlements))
        self._due += [one.verdict.at for one in settlements if isinstance(one.verdict, Again)]
        trouble = not all(isinstance(one.verdict, Sent) for one in settlements)
        for topic, wanted in ((SENDS, settled.more or trouble), (TIMERS, trouble), (CHANGES, True)):
            if wanted:
                self._wakeup.wake(topic)
        return settled.ours
