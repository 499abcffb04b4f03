"""A small post office for tests: real database, real parts, doubles only at the edges, time by the test's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Table, select

from channels.channel import Channel
from conversation.messages import Incoming
from conversation.turn import DeskHours, SendRight
from delivery.effects import Effects
from delivery.inbox import Inbox
from delivery.post_office import PostOffice
from delivery.send_worker import SendWorker
from delivery.terms import DeliveryTerms
from delivery.turn_commit import Committed
from delivery.turn_loading import LoadedLane, TurnLoader
from delivery.turn_worker import Sleep, Think, TurnWorker
from delivery.wakeup import LocalWakeup, Wakeup
from store.database import Database
from store.lane_rows import claim, waiting_lanes
from tests.conftest import FakeClock
from tests.delivery.doubles import StageChannel, StageDesk, Thinker

PATIENCE_S = 20.0
TERMS = DeliveryTerms(quiet_s=0, poll_s=0.02)


async def until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Waits for something that is bound to happen; fails when it does not."""
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Stage:
    database: Database
    clock: FakeClock
    channel: StageChannel = field(default_factory=StageChannel)
    desk: Effects = field(default_factory=StageDesk)
    thinker: Thinker = field(default_factory=Thinker)
    terms: DeliveryTerms = TERMS
    wakeup: Wakeup = field(default_factory=LocalWakeup)
    right: SendRight = SendRight.AUTO
    hours: DeskHours = field(default_factory=DeskHours)
    channels: dict[tuple[str, str], Channel] | None = None

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.database, self.wakeup, self.clock)

    @property
    def known_channels(self) -> dict[tuple[str, str], Channel]:
        return {("stage", "main"): self.channel} if self.channels is None else self.channels

    @property
    def loader(self) -> TurnLoader:
        return TurnLoader(self.desk, self.terms, desk_hours=lambda _: self.hours, send_right=lambda _: self.right)

    def worker(self, think: Think | None = None, *, sleep: Sleep = asyncio.sleep, **terms: Any) -> TurnWorker:
        return TurnWorker(
            self.database,
            self.loader,
            think or self.thinker,
            self.desk,
            replace(self.terms, **terms),
            clock=self.clock,
            chance=lambda: 0.5,
            sleep=sleep,
        )

    async def put(self, *items: Incoming) -> list[bool]:
        return await self.inbox.put(items)

    async def claim(self, *, holder: str = "w1", wanted: int = 16, lease_s: float = 30) -> list[LoadedLane]:
        """Claims what a dispatcher would claim now."""

        def work(connection: Connection) -> list[LoadedLane]:
            now = self.clock()
            lanes = waiting_lanes(connection, now=now, wanted=wanted)
            if not lanes:
                return []
            epochs = claim(connection, lanes, holder=holder, now=now, until=now + lease_s, wanted=wanted)
            return self.loader.load(connection, epochs, now, count_try=True)

        return await self.database.write(work)

    async def answer(self, think: Think | None = None, **terms: Any) -> list[Committed]:
        """Claims once and answers every lane that was claimed, each after the other."""
        worker = self.worker(think, **terms)
        runs = [worker.start(loaded) for loaded in await self.claim()]
        return [await worker.answer(run) for run in runs]

    async def rows(self, table: Table, **where: Any) -> list[Any]:
        """The rows of a table in the order they were written."""
        query = select(table).order_by(*table.primary_key.columns)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        return await self.database.read(lambda connection: list(connection.execute(query)))

    async def column(self, table: Table, name: str, **where: Any) -> list[Any]:
        return [getattr(row, name) for row in await self.rows(table, **where)]

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[SendWorker]:
        """A send worker that runs while the test looks on."""
        worker = SendWorker(
            self.database,
            self.known_channels,
            self.desk,
            self.wakeup,
            self.terms,
            clock=self.clock,
            chance=lambda: 0.5,
        )
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[PostOffice]:
        """The whole post office, at work."""
        options: dict[str, Any] = {
            "terms": self.terms,
            "clock": self.clock,
            "chance": lambda: 0.5,
            "desk_hours": lambda _: self.hours,
            "send_right": lambda _: self.right,
        }
        office = PostOffice(
            self.database,
            self.inbox,
            self.known_channels,
            self.thinker,
            self.desk,
            self.wakeup,
            **(options | changes),
        )
        async with office:
            yield office


def notes_of(stage: Stage, kind: str) -> Sequence[Any]:
    assert isinstance(stage.desk, StageDesk)
    return [note[1:] for note in stage.desk.notes if note[0] == kind]
