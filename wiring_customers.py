"""Wires the one customer behind several channels: who is learnt to be the same, and what a merge left on its way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conversation.identity import Person, Room
from delivery.chores import Chore
from desk.customers.links import learn_unionid
from desk.customers.merging import gather_strays
from store.database import Database

GATHER_EVERY_S = 60.0

LearnUnionid = Callable[[Room, Person, str], Awaitable[None]]


def unionid_learner(database: Database, clock: Callable[[], float]) -> LearnUnionid:
    """What a channel calls with the unionid that its platform tells of somebody."""

    async def learn(room: Room, person: Person, unionid: str) -> None:
        now = clock()
        await database.write(lambda c: learn_unionid(c, room, person, unionid, source=room.platform, now=now))

    return learn


def customer_chores(database: Database) -> list[Chore]:
    """What is done again and again: rows that a turn under way wrote for a merged customer come home."""

    async def gather(_: float) -> None:
        await database.write(gather_strays)

    return [Chore("customers_gather", GATHER_EVERY_S, gather)]
