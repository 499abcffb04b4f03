"""Starts and stops everything that moves mail in one process: turns, sends, timers, housekeeping."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from conversation.identity import Room
from conversation.turn import DeskHours, SendRight
from delivery.chores import Chore, repeat
from delivery.dead_letter import Apology, honest_line
from delivery.effects import Effects
from delivery.inbox import Inbox
from delivery.outbox import Channels
from delivery.send_worker import SendWorker
from delivery.terms import DeliveryTerms
from delivery.timers import TimerAction, TimerWorker
from delivery.turn_dispatcher import TurnDispatcher
from delivery.turn_loading import TurnLoader
from delivery.turn_worker import Think, TurnWorker
from delivery.wakeup import Wakeup
from store.database import Database
from store.inbox_rows import forget_old


def always_staffed(_now: float) -> DeskHours:
    """A desk without office hours."""
    return DeskHours()


def speaks_by_itself(_room: Room) -> SendRight:
    """The bot may send in every room."""
    return SendRight.AUTO


class PostOffice:
    """All workers of one process.

    `inbox` is the one the channels put into: it tells the turns here of newer words. `actions` are what timers do,
    by kind, `chores` what is done again and again. `send_right` is asked once for each new room, `desk_hours` for
    each turn.
    """

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        channels: Channels,
        think: Think,
        effects: Effects,
        wakeup: Wakeup,
        *,
        terms: DeliveryTerms | None = None,
        actions: Mapping[str, TimerAction] | None = None,
        chores: Sequence[Chore] = (),
        desk_hours: Callable[[float], DeskHours] = always_staffed,
        send_right: Callable[[Room], SendRight] = speaks_by_itself,
        apology: Apology = honest_line,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._terms = terms = terms or DeliveryTerms()
        self._clock = clock
        loader = TurnLoader(effects, terms, desk_hours=desk_hours, send_right=send_right)
        worker = TurnWorker(database, loader, think, effects, terms, clock=clock, chance=chance, apology=apology)
        self._turns = TurnDispatcher(database, loader, worker, wakeup, terms, clock=clock)
        self._sends = SendWorker(database, channels, effects, wakeup, terms, clock=clock, chance=chance)
        self._timers = TimerWorker(database, actions or {}, wakeup, terms, clock=clock, chance=chance)
        self._chores = (Chore("forget_ledger", terms.housekeeping_s, self._forget), *chores)
        self._workers: asyncio.Task[None] | None = None
        self._inbox = inbox

    async def start(self) -> None:
        """Starts all workers; they run until `stop`."""
        self._inbox.tell(self._turns.arrived)
        self._workers = asyncio.create_task(self._work(), name="post-office")

    async def stop(self) -> None:
        """Claims nothing more, lets what runs finish for a while, gives the rest back, sends what can leave now."""
        workers, self._workers = self._workers, None
        if workers is None:
            return
        self._turns.stop()
        self._timers.stop()
        await workers

    @property
    def working(self) -> bool:
        """True while all workers run."""
        return self._workers is not None and not self._workers.done()

    async def __aenter__(self) -> PostOffice:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            chores = [group.create_task(repeat(one, self._clock)) for one in self._chores]
            sends = group.create_task(self._sends.run())
            await asyncio.wait([group.create_task(worker.run()) for worker in (self._turns, self._timers)])
            self._sends.stop()
            await sends
            for chore in chores:
                chore.cancel()

    async def _forget(self, now: float) -> None:
        keep_s = self._terms.ledger_keep_s
        await self._database.write(lambda connection: forget_old(connection, before=now - keep_s))
