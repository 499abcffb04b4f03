"""Merging two customers and parting them again, told in single cases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, func, select, update

from conversation.identity import Person, Room
from desk import audit
from desk.customers import belongings
from desk.customers.forest import current
from desk.customers.merging import Reason, gather_strays, history, merge, unmerge
from desk.customers.profile import add_note, add_tag, profile, remove_tag, set_tier
from desk.customers.timeline import timeline
from desk.tickets import known_tickets
from store.database import Database
from store.schema import METADATA, conversations, customer_merges, customers, merged_customers, tickets
from tests.desk.customers.stage import (
    CHEN_FEISHU,
    CHEN_KF,
    CHEN_OA,
    FEISHU,
    KF,
    NOW,
    OA,
    customer_of_person,
    open_matter,
    open_ticket,
    say,
)


def join(connection: Connection, survivor: str, absorbed: str, now: float = NOW) -> int:
    merged = merge(
        connection,
        survivor_id=survivor,
        absorbed_id=absorbed,
        reason=Reason.STAFF,
        evidence={"suggestion": "ls_1"},
        actor="ou_li",
        now=now,
    )
    assert merged is not None
    return merged


def three(connection: Connection) -> tuple[str, str, str]:
    """Three customers with a conversation and a ticket each."""
    found = []
    for number, (room, person) in enumerate(((KF, CHEN_KF), (OA, CHEN_OA), (FEISHU, CHEN_FEISHU)), 1):
        found.append(open_matter(connection, f"cv_{number}", room, person, at=NOW + number))
        open_ticket(connection, f"T{number}", f"cv_{number}", found[-1])
    return found[0], found[1], found[2]


def owners(connection: Connection) -> dict[str, str]:
    of_conversations = connection.execute(select(conversations.c.id, conversations.c.customer_id))
    of_tickets = connection.execute(select(tickets.c.number, tickets.c.customer_id))
    return {row[0]: row[1] for row in (*of_conversations, *of_tickets)}


def test_every_table_that_names_a_customer_goes_with_them() -> None:
    followed = {table.name for table in belongings.followed()}
    for table in METADATA.sorted_tables:
        names_customer = {key.parent.name for key in table.foreign_keys if key.column.table is customers}
        if table.name in belongings.NOT_MOVED:
            continue
        assert names_customer <= {"customer_id"}, f"{table.name} names a customer in a column that merging passes over"
        assert ("customer_id" in table.c) == (table.name in followed)
        if table.name in followed:
            assert len(table.primary_key.columns) == 1, f"{table.name}: moves are written down by one key column"


async def test_after_a_merge_everything_is_found_with_the_survivor(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, _ = three(connection)
        join(connection, one, two)
        assert owners(connection)["cv_2"] == owners(connection)["T2"] == one
        assert {ticket.number for ticket in known_tickets(connection, one)} == {"T1", "T2"}
        assert current(connection, two) == one
        (event,) = history(connection, two)
        assert (event.moved, event.stands, event.evidence) == (3, True, {"suggestion": "ls_1"})

    await database.write(work)
    assert await database.read(audit.broken_at) is None


async def test_what_came_after_the_merge_goes_with_the_identity_it_came_from(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, _ = three(connection)
        merged = join(connection, one, two)
        assert open_matter(connection, "cv_late", OA, CHEN_OA, at=NOW + 50) == one
        open_ticket(connection, "T_late", "cv_late", one)
        note = add_note(connection, two, "偏好电话", author="ou_li", conversation_id="cv_late", now=NOW + 51)
        add_note(connection, two, "老客户", author="ou_li", now=NOW + 52)
        assert unmerge(connection, merged, actor="ou_li", now=NOW + 60) is not None
        assert {owners(connection)[key] for key in ("cv_2", "T2", "cv_late", "T_late")} == {two}
        assert {owners(connection)[key] for key in ("cv_1", "T1")} == {one}
        parted = profile(connection, two)
        assert parted is not None
        assert [kept.id for kept in parted.notes] == [note]

    await database.write(work)


async def test_a_merge_in_the_middle_is_undone_without_touching_the_later_one(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, three_ = three(connection)
        before = owners(connection)
        first = join(connection, one, two)
        second = join(connection, three_, one, NOW + 10)
        assert set(owners(connection).values()) == {three_}
        unmerge(connection, first, actor="ou_li", now=NOW + 20)
        assert owners(connection) == {**before, "cv_1": three_, "T1": three_}
        assert unmerge(connection, first, actor="ou_li", now=NOW + 21) is None
        unmerge(connection, second, actor="ou_li", now=NOW + 30)
        assert owners(connection) == before
        kinds = [(event.undoes, event.stands) for event in history(connection, one)]
        assert kinds == [(None, False), (None, False), (first, False), (second, False)]

    await database.write(work)


async def test_a_ticket_in_another_customers_name_goes_back_where_it_was(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, _ = three(connection)
        connection.execute(update(tickets).where(tickets.c.number == "T2").values(customer_id=one))
        before = owners(connection)
        merged = join(connection, one, two)
        unmerge(connection, merged, actor="ou_li", now=NOW + 1)
        assert owners(connection) == before

    await database.write(work)


async def test_a_turn_that_was_under_way_during_the_merge_loses_nothing(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, _ = three(connection)
        merged = join(connection, one, two)
        open_ticket(connection, "T_stale", "cv_2", two)
        say(connection, "cv_2", "在吗", at=NOW + 5)
        assert len(timeline(connection, one)) == 1
        assert gather_strays(connection) == 1
        assert gather_strays(connection) == 0
        assert owners(connection)["T_stale"] == one
        unmerge(connection, merged, actor="ou_li", now=NOW + 60)
        assert owners(connection)["T_stale"] == two

    await database.write(work)


async def test_tier_and_tags_come_with_a_merge_and_leave_with_it(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, _ = three(connection)
        set_tier(connection, two, "vip", actor="ou_li", now=NOW)
        add_tag(connection, two, "投诉过", actor="ou_li", now=NOW)
        add_tag(connection, one, "老客户", actor="ou_li", now=NOW)
        merged = join(connection, one, two)
        shown = connection.execute(select(customers).where(customers.c.id == one)).one()
        assert (shown.tier, shown.tags) == ("vip", '["老客户","投诉过"]')
        add_tag(connection, one, "新标签", actor="ou_li", now=NOW + 5)
        unmerge(connection, merged, actor="ou_li", now=NOW + 10)
        left, right = profile(connection, one), profile(connection, two)
        assert left is not None
        assert right is not None
        assert (left.tier, left.tags) == ("normal", ("老客户", "新标签"))
        assert (right.tier, right.tags) == ("vip", ("投诉过",))

    await database.write(work)


async def test_the_tier_chosen_after_a_merge_counts_for_the_whole_customer(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, _ = three(connection)
        set_tier(connection, two, "vip", actor="ou_li", now=NOW)
        add_tag(connection, two, "投诉过", actor="ou_li", now=NOW)
        join(connection, one, two)
        assert set_tier(connection, two, "normal", actor="ou_li", now=NOW + 5).tier == "normal"
        assert remove_tag(connection, one, "投诉过", actor="ou_li", now=NOW + 6).tags == ()

    await database.write(work)


async def test_what_others_wrote_to_the_customer_since_is_kept(database: Database) -> None:
    def work(connection: Connection) -> None:
        one, two, three_ = three(connection)
        merged = join(connection, one, two)
        connection.execute(update(customers).where(customers.c.id == one).values(name="王晨", tier="vip"))
        join(connection, one, three_, NOW + 5)
        unmerge(connection, merged, actor="ou_li", now=NOW + 10)
        left, right = profile(connection, one), profile(connection, two)
        assert left is not None
        assert right is not None
        assert (left.name, left.tier, right.name, right.tier) == ("王晨", "vip", "", "normal")

    await database.write(work)


async def test_two_who_merge_the_same_pair_at_once_make_one_merge(database: Database) -> None:
    one, two, _ = await database.write(three)

    def work(connection: Connection, survivor: str, absorbed: str) -> int | None:
        return merge(
            connection,
            survivor_id=survivor,
            absorbed_id=absorbed,
            reason=Reason.STAFF,
            evidence={},
            actor="ou_li",
            now=NOW,
        )

    results = await asyncio.gather(
        database.write(lambda connection: work(connection, one, two)),
        database.write(lambda connection: work(connection, two, one)),
    )
    assert results.count(None) == 1
    merged = await database.read(lambda c: c.execute(select(func.count()).select_from(merged_customers)).scalar())
    events = await database.read(lambda c: c.execute(select(func.count()).select_from(customer_merges)).scalar())
    assert (merged, events) == (1, 1)


@pytest.mark.parametrize(("room", "person"), [(KF, CHEN_KF), (OA, CHEN_OA)])
async def test_an_identity_seen_again_after_a_merge_stays_with_the_survivor(
    database: Database, room: Room, person: Person
) -> None:
    def work(connection: Connection) -> tuple[str, str]:
        one, two, _ = three(connection)
        join(connection, one, two)
        open_matter(connection, "cv_again", room, person, at=NOW + 99)
        return one, customer_of_person(connection, room, person)

    one, now = await database.write(work)
    assert one == now
