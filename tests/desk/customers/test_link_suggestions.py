"""Staff are shown who may be one person and why; what they dismissed does not come back."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from conversation.identity import Person, Room, RoomKind
from desk.customers.evidence import Kind, make_known, of_identity
from desk.customers.links import learn_order, learn_phone
from desk.customers.merging import history, unmerge
from desk.customers.suggestions import Clue, accept, dismiss, find_for, open_suggestions
from store.database import Database
from tests.desk.customers.stage import (
    CHEN_FEISHU,
    CHEN_KF,
    CHEN_OA,
    FEISHU,
    KEY,
    KF,
    NOW,
    OA,
    customer_of_person,
    open_matter,
)

KF_CHEN, OA_CHEN = "wecom_kf:main:wm_chen", "official_account:main:oXchen"


def said_phone(connection: Connection, room: Room, person: Person) -> None:
    learn_phone(connection, room, person, "13800138000", verified=False, source="said", key=KEY, now=NOW)


def said_order(connection: Connection, room: Room, person: Person) -> None:
    learn_order(connection, room, person, "DD20240001", source="said", key=KEY, now=NOW)


def both_said(connection: Connection) -> str:
    for room, person in ((KF, CHEN_KF), (OA, CHEN_OA)):
        said_phone(connection, room, person)
    (found,) = find_for(connection, KF_CHEN, NOW)
    return found.id


async def test_the_same_phone_and_order_are_shown_with_what_they_rest_on(database: Database) -> None:
    def work(connection: Connection) -> None:
        both_said(connection)
        for room, person in ((KF, CHEN_KF), (OA, CHEN_OA)):
            said_order(connection, room, person)
        (found,) = find_for(connection, OA_CHEN, NOW)
        assert (found.first_id, found.second_id) == (OA_CHEN, KF_CHEN)
        assert found.likelihood == pytest.approx(1 - 0.3 * 0.4)
        assert set(found.reasons) == {Clue.PHONE, Clue.ORDER}
        assert found.first_customer != found.second_customer

    await database.write(work)


async def test_what_was_dismissed_stays_dismissed_whatever_turns_up(database: Database) -> None:
    def work(connection: Connection) -> None:
        assert dismiss(connection, both_said(connection), staff_id="ou_li", now=NOW + 1)
        for room, person in ((KF, CHEN_KF), (OA, CHEN_OA)):
            said_order(connection, room, person)
        assert find_for(connection, KF_CHEN, NOW + 2) == ()
        assert find_for(connection, OA_CHEN, NOW + 2) == ()
        assert open_suggestions(connection) == ()

    await database.write(work)


async def test_a_suggestion_is_decided_once(database: Database) -> None:
    def work(connection: Connection) -> None:
        suggestion = both_said(connection)
        assert accept(connection, suggestion, staff_id="ou_li", now=NOW + 1) is not None
        assert accept(connection, suggestion, staff_id="ou_zhou", now=NOW + 2) is None
        assert not dismiss(connection, suggestion, staff_id="ou_zhou", now=NOW + 2)
        customer = customer_of_person(connection, KF, CHEN_KF)
        assert customer == customer_of_person(connection, OA, CHEN_OA)
        (event,) = history(connection, customer)
        assert (event.actor, event.evidence["suggestion"]) == ("ou_li", suggestion)
        assert [one.kind for one in of_identity(connection, KF_CHEN)] == [Kind.PHONE, Kind.STAFF]
        assert open_suggestions(connection) == ()

    await database.write(work)


async def test_those_whom_a_person_parted_are_not_suggested_again(database: Database) -> None:
    def work(connection: Connection) -> None:
        merged = accept(connection, both_said(connection), staff_id="ou_li", now=NOW + 1)
        assert merged is not None
        unmerge(connection, merged, actor="ou_li", now=NOW + 2)
        assert find_for(connection, KF_CHEN, NOW + 3) == ()

    await database.write(work)


async def test_the_same_name_in_the_same_group_is_a_weak_clue(database: Database) -> None:
    def work(connection: Connection) -> None:
        here = Room("wecom_bot", "main", "wr_1", RoomKind.GROUP, "装修一群")
        there = Room("bridge", "main", "g_1", RoomKind.GROUP, "装修一群")
        open_matter(connection, "cv_1", here, Person("a", "陈晨"))
        open_matter(connection, "cv_2", there, Person("b", "陈晨"))
        open_matter(connection, "cv_3", there, Person("c", "微信用户"))
        open_matter(connection, "cv_4", here, Person("d", "微信用户"))
        open_matter(connection, "cv_5", Room("bridge", "main", "g_2", RoomKind.GROUP, "别的群"), Person("e", "陈晨"))
        (found,) = find_for(connection, "wecom_bot:main:a", NOW)
        assert (found.first_id, found.likelihood) == ("bridge:main:b", pytest.approx(0.4))
        assert found.reasons == {Clue.NAME_AND_ROOM: ("title:装修一群",)}
        assert find_for(connection, "bridge:main:c", NOW) == ()
        assert find_for(connection, "bridge:main:e", NOW) == ()

    await database.write(work)


async def test_the_likeliest_pair_is_first_and_strangers_are_not_suggested(database: Database) -> None:
    def work(connection: Connection) -> None:
        said_order(connection, KF, CHEN_KF)
        said_order(connection, OA, CHEN_OA)
        said_phone(connection, OA, CHEN_OA)
        said_phone(connection, FEISHU, CHEN_FEISHU)
        make_known(connection, Room("bridge", "main", "x", RoomKind.DIRECT), Person("x"), NOW)
        assert len(find_for(connection, OA_CHEN, NOW)) == 2
        assert find_for(connection, "bridge:main:x", NOW) == ()
        assert [set(one.reasons) for one in open_suggestions(connection)] == [{Clue.PHONE}, {Clue.ORDER}]
        assert len(open_suggestions(connection, limit=1)) == 1

    await database.write(work)


async def test_a_decided_suggestion_that_nobody_knows_is_refused(database: Database) -> None:
    assert await database.write(lambda c: accept(c, "ls_none", staff_id="ou_li", now=NOW)) is None
    assert not await database.write(lambda c: dismiss(c, "ls_none", staff_id="ou_li", now=NOW))
