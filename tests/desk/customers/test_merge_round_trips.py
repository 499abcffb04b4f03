"""A thousand families of identities, merged and parted at random while people go on writing: nothing strays, ever.

What every row's customer must be is foretold by a model that knows only who wrote what and who is part of whom.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection, Table, create_engine, insert, literal, select, union_all, update

from conversation.identity import Person, Room, RoomKind, identity_id
from desk import audit
from desk.customers import merging
from desk.customers.merging import Reason
from store.conversation_rows import customer_of
from store.database_url import read_url
from store.schema import conversations, customer_notes, customers, identities, merged_customers, promises, tickets
from tests.desk.customers.stage import NOW, open_matter, open_ticket

PARTS, FAMILIES, IN_ONE_TRANSACTION, STEPS = 4, 250, 50, 6
PLATFORMS = ("wecom_kf", "official_account", "mini_program", "feishu", "web_widget", "bridge")
#: Rows that name a customer, each with what names the row.
OWNED: dict[str, tuple[Table, Any]] = {
    "identity": (identities, identities.c.id),
    "conversation": (conversations, conversations.c.id),
    "ticket": (tickets, tickets.c.number),
    "note": (customer_notes, customer_notes.c.id),
}
Row = tuple[str, str]


@dataclass
class Family:
    """The model: whose each row is when nothing is merged, and who is part of whom now."""

    name: str
    dice: random.Random
    connection: Connection
    now: float = NOW
    people: list[tuple[Room, Person]] = field(default_factory=list)
    homes: dict[Row, str] = field(default_factory=dict)
    parents: dict[str, tuple[str, int]] = field(default_factory=dict)
    spoken: list[str] = field(default_factory=list)
    written: int = 0

    def root(self, customer: str) -> str:
        while customer in self.parents:
            customer = self.parents[customer][0]
        return customer

    def begin(self) -> None:
        for number in range(self.dice.randint(2, 6)):
            person = Person(f"{self.name}p{number}", self.dice.choice(["", "陈晨", f"客户{number}"]))
            room = Room(self.dice.choice(PLATFORMS), "main", person.person_id, RoomKind.DIRECT)
            self.people.append((room, person))
            identity = identity_id(room, person)
            self.talk(room, person)
            self.homes["identity", identity] = customer_of(identity)
            values = {"tier": self.dice.choice(["normal", "vip"]), "tags": self.dice.choice(["[]", '["老客户"]'])}
            self.connection.execute(update(customers).where(customers.c.id == customer_of(identity)).values(values))
        for _ in range(self.dice.randint(0, 5)):
            self.write(odd=self.dice.random() < 0.2)

    def customer_ids(self) -> list[str]:
        return [customer_of(identity_id(room, person)) for room, person in self.people]

    def talk(self, room: Room, person: Person) -> None:
        self.written += 1
        conversation = f"{self.name}c{self.written}"
        open_matter(self.connection, conversation, room, person, at=self.now)
        self.homes["conversation", conversation] = customer_of(identity_id(room, person))
        self.spoken.append(conversation)

    def write(self, *, odd: bool = False, stale: bool = False) -> None:
        """Something new: a conversation, a ticket, or a note with or without one.

        `odd`: the ticket is in another customer's name than who spoke. `stale`: it is written in the name that the
        customer had before a merge, as a turn under way does.
        """
        self.written += 1
        key = f"{self.name}n{self.written}"
        conversation = self.dice.choice(self.spoken)
        home = self.homes["conversation", conversation]
        kind = self.dice.choice(["talk", "ticket", "ticket", "note", "bare_note"])
        if odd:
            home = self.dice.choice(self.customer_ids())
            kind = "ticket"
        named = home if stale else self.root(home)
        if kind == "talk":
            self.talk(*self.dice.choice(self.people))
        elif kind == "ticket":
            open_ticket(self.connection, key, conversation, named, self.now)
            self.homes["ticket", key] = home
        else:
            told = conversation if kind == "note" else ""
            values = {"id": key, "customer_id": named, "conversation_id": told, "text": "x", "at": self.now}
            self.connection.execute(insert(customer_notes).values(values))
            self.homes["note", key] = home if told else named

    def merge(self) -> None:
        one, other = self.dice.sample(self.customer_ids(), 2)
        merged = merging.merge(
            self.connection,
            survivor_id=one,
            absorbed_id=other,
            reason=Reason.STAFF,
            evidence={},
            actor="ou_li",
            now=self.now,
        )
        one, other = self.root(one), self.root(other)
        assert (merged is None) == (one == other)
        if merged is not None:
            self.parents[other] = one, merged

    def unmerge(self) -> None:
        if self.parents:
            parted = self.dice.choice(sorted(self.parents))
            _, merge_id = self.parents.pop(parted)
            assert merging.unmerge(self.connection, merge_id, actor="ou_li", now=self.now) is not None
            assert merging.unmerge(self.connection, merge_id, actor="ou_li", now=self.now) is None

    def step(self) -> None:
        self.now += 60
        act = self.dice.choice([self.merge, self.merge, self.unmerge, self.write, self.write])
        act()
        if self.dice.random() < 0.1:
            self.write(stale=True)
            merging.gather_strays(self.connection)

    def check(self) -> None:
        ours = sorted(self.customer_ids())
        each = [
            select(literal(name), key, table.c.customer_id).where(table.c.customer_id.in_(ours))
            for name, (table, key) in OWNED.items()
        ]
        found = {(row[0], row[1]): row[2] for row in self.connection.execute(union_all(*each))}
        assert found == {row: self.root(home) for row, home in self.homes.items()}


def everything(connection: Connection) -> dict[str, set[tuple[Any, ...]]]:
    """Every column of every row that merging could touch."""
    tables = (customers, identities, conversations, tickets, promises, customer_notes)
    return {table.name: {tuple(row) for row in connection.execute(select(table))} for table in tables}


def play(connection: Connection, numbers: range, seed: str) -> None:
    families = [Family(f"{seed}{number}", random.Random(f"{seed}{number}"), connection) for number in numbers]
    for one in families:
        one.begin()
    before = everything(connection)
    for one in families:
        one.check()
        for _ in range(STEPS):
            one.step()
            one.check()
        while one.parents:
            one.unmerge()
            one.check()
    after = everything(connection)
    # Rooms and people that came later are new rows; every row that was there stands exactly as it did.
    assert all(rows <= after[table] for table, rows in before.items())
    assert after["customers"] == before["customers"]
    assert connection.execute(select(merged_customers)).first() is None


@pytest.mark.parametrize("part", range(PARTS))
def test_merging_and_parting_at_random_restores_exactly(part: int, database_url: str) -> None:
    engine = create_engine(read_url(database_url))
    start = part * FAMILIES
    # The rules are the same on a server, and a family takes three times as long there: a fifth of them is played.
    families = FAMILIES if engine.dialect.name == "sqlite" else FAMILIES // 5
    for first in range(start, start + families, IN_ONE_TRANSACTION):
        with engine.begin() as connection:
            play(connection, range(first, first + IN_ONE_TRANSACTION), "g")
    with engine.connect() as connection:
        assert audit.broken_at(connection) is None
    engine.dispose()
