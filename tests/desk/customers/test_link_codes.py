"""A code shown on one channel and typed on the other makes one customer, once; guessing and replaying lead nowhere."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat

import pytest
from sqlalchemy import Connection, select

from conversation.errors import GiveUp, RetryLater
from conversation.identity import Person, Room, RoomKind
from desk.customers import codes
from desk.customers.codes import IssuedCode, Typed, TypedCode, issue, type_code
from desk.customers.evidence import Kind, of_identity
from store.database import Database
from store.schema import link_codes
from tests.desk.customers.stage import CHEN_KF, CHEN_OA, FEISHU, KEY, KF, NOW, OA, customer_of_person

OA_CHEN = "official_account:main:oXchen"
THIEF_ROOM, THIEF = Room("official_account", "main", "oXthief", RoomKind.DIRECT), Person("oXthief")


def shown(connection: Connection, *, claimant: str = "", now: float = NOW, code: int = 424242) -> IssuedCode:
    return issue(connection, KF, CHEN_KF, key=KEY, now=now, claimant=claimant, draw=lambda: code)


def typed(connection: Connection, text: str, now: float = NOW + 60) -> TypedCode:
    return type_code(connection, OA, CHEN_OA, text, key=KEY, now=now)


async def test_the_code_typed_on_the_other_channel_links_both(database: Database) -> None:
    def work(connection: Connection) -> None:
        issued = shown(connection)
        result = typed(connection, " ４２４ 242 ")
        assert (result.typed, result.customer_id) == (Typed.LINKED, issued.customer_id)
        assert customer_of_person(connection, OA, CHEN_OA) == issued.customer_id
        assert [one.kind for one in of_identity(connection, OA_CHEN)] == [Kind.CODE]

    await database.write(work)


async def test_a_code_works_once(database: Database) -> None:
    def work(connection: Connection) -> Typed:
        shown(connection)
        typed(connection, "424242")
        return type_code(connection, THIEF_ROOM, THIEF, "424242", key=KEY, now=NOW + 61).typed

    assert await database.write(work) in (Typed.EXPIRED, Typed.NO_CODE)
    thief = await database.read(lambda connection: customer_of_person(connection, THIEF_ROOM, THIEF))
    assert thief != await database.read(lambda connection: customer_of_person(connection, KF, CHEN_KF))


async def test_two_who_type_the_same_code_at_once_are_not_both_linked(database: Database) -> None:
    await database.write(shown)
    results = await asyncio.gather(
        database.write(lambda connection: typed(connection, "424242")),
        database.write(lambda connection: type_code(connection, THIEF_ROOM, THIEF, "424242", key=KEY, now=NOW + 60)),
    )
    assert sorted(one.typed for one in results) == [Typed.EXPIRED, Typed.LINKED]


async def test_a_code_lives_ten_minutes(database: Database) -> None:
    def work(connection: Connection) -> tuple[Typed, Typed]:
        shown(connection, claimant=OA_CHEN)
        late = typed(connection, "424242", NOW + codes.LIVES_S)
        shown(connection, claimant=OA_CHEN, now=NOW + 700, code=777777)
        return late.typed, typed(connection, "777777", NOW + 700 + codes.LIVES_S - 1).typed

    assert await database.write(work) == (Typed.EXPIRED, Typed.LINKED)


async def test_after_five_wrong_tries_the_right_code_is_refused_too(database: Database) -> None:
    def work(connection: Connection) -> None:
        shown(connection, claimant=OA_CHEN)
        wrong = [typed(connection, f"00000{n}") for n in range(codes.TRIES)]
        assert [one.typed for one in wrong] == [Typed.WRONG] * codes.TRIES
        assert [one.tries_left for one in wrong] == [4, 3, 2, 1, 0]
        assert wrong[0].asked_for
        assert typed(connection, "424242").typed is Typed.EXPIRED
        shown(connection, claimant=OA_CHEN, now=NOW + 70, code=777777)
        assert typed(connection, "777777", NOW + 80).typed is Typed.LOCKED
        assert customer_of_person(connection, OA, CHEN_OA) != customer_of_person(connection, KF, CHEN_KF)

    await database.write(work)


async def test_a_code_for_somebody_is_of_no_use_to_anybody_else(database: Database) -> None:
    def work(connection: Connection) -> tuple[Typed, Typed]:
        shown(connection, claimant=OA_CHEN)
        stolen = type_code(connection, THIEF_ROOM, THIEF, "424242", key=KEY, now=NOW + 1).typed
        return stolen, typed(connection, "424242").typed

    assert await database.write(work) == (Typed.NO_CODE, Typed.LINKED)


async def test_many_faces_guessing_on_one_account_are_stopped(database: Database) -> None:
    def work(connection: Connection) -> list[Typed]:
        shown(connection)
        faces = [f"oX{n // codes.TRIES}" for n in range(codes.ACCOUNT_TRIES + 1)]
        return [
            type_code(
                connection,
                Room("official_account", "main", face, RoomKind.DIRECT),
                Person(face),
                f"{number:06d}",
                key=KEY,
                now=NOW + 1,
            ).typed
            for number, face in enumerate(faces)
        ]

    results = await database.write(work)
    assert results[:-1] == [Typed.WRONG] * codes.ACCOUNT_TRIES
    assert results[-1] is Typed.LOCKED


async def test_six_digits_are_an_ordinary_message_while_no_code_waits(database: Database) -> None:
    def work(connection: Connection) -> list[Typed]:
        before = typed(connection, "518000").typed
        shown(connection)
        return [before, typed(connection, "我的订单 424242").typed, typed(connection, "4242421").typed]

    assert await database.write(work) == [Typed.NO_CODE] * 3


async def test_typing_it_where_it_was_shown_uses_nothing_up(database: Database) -> None:
    def work(connection: Connection) -> tuple[Typed, Typed]:
        shown(connection)
        own = type_code(connection, KF, CHEN_KF, "424242", key=KEY, now=NOW + 1).typed
        return own, typed(connection, "424242").typed

    assert await database.write(work) == (Typed.OWN_CHANNEL, Typed.LINKED)


async def test_a_new_code_voids_the_one_before(database: Database) -> None:
    def work(connection: Connection) -> tuple[Typed, Typed]:
        shown(connection)
        shown(connection, code=777777)
        return typed(connection, "424242").typed, typed(connection, "777777").typed

    assert await database.write(work) == (Typed.EXPIRED, Typed.LINKED)


async def test_two_live_codes_are_never_the_same(database: Database) -> None:
    draws = chain([424242, 424242], repeat(777777))

    def work(connection: Connection) -> tuple[str, str]:
        first = issue(connection, KF, CHEN_KF, key=KEY, now=NOW, draw=lambda: next(draws))
        other = issue(connection, THIEF_ROOM, THIEF, key=KEY, now=NOW, draw=lambda: next(draws))
        return first.code, other.code

    assert await database.write(work) == ("424242", "777777")


async def test_a_customer_is_not_flooded_with_codes_nor_shown_one_in_a_group(database: Database) -> None:
    def flood(connection: Connection) -> None:
        for number in range(codes.ISSUES_PER_HOUR + 1):
            shown(connection, now=NOW + number)

    with pytest.raises(RetryLater, match="too many codes"):
        await database.write(flood)
    group = Room("feishu", "main", "oc_group", RoomKind.GROUP)
    with pytest.raises(GiveUp, match="1:1"):
        await database.write(lambda connection: issue(connection, group, CHEN_KF, key=KEY, now=NOW))
    in_group = await database.write(
        lambda connection: type_code(connection, group, CHEN_OA, "424242", key=KEY, now=NOW)
    )
    assert in_group.typed is Typed.NO_CODE


async def test_no_code_stands_in_the_database_in_the_clear(database: Database) -> None:
    await database.write(lambda connection: issue(connection, FEISHU, Person("ou_x"), key=KEY, now=NOW))
    (row,) = await database.read(lambda connection: connection.execute(select(link_codes.c.code)).all())
    assert len(row.code) == 64
