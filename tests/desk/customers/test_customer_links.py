"""The same unionid or the same verified phone makes one customer; anything weaker does not."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from conversation.errors import BadSettings
from conversation.identity import Person, Room, RoomKind
from desk import audit
from desk.customers.digests import normal_order, normal_phone
from desk.customers.links import DAY_S, MOST_PER_PHONE, PHONE_HOLDS_S, Learned, Link, learn_phone, learn_unionid
from desk.customers.merging import history, unmerge
from desk.customers.suggestions import find_for
from store.database import Database
from store.schema import audit as audit_rows
from store.schema import identity_evidence
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

PHONE = "+86 138-0013-8000"


def told_phone(
    connection: Connection, room: Room, person: Person, now: float = NOW, *, verified: bool = True
) -> Learned:
    return learn_phone(connection, room, person, PHONE, verified=verified, source="test", key=KEY, now=now)


async def test_the_same_unionid_on_two_channels_is_one_customer(database: Database) -> None:
    def work(connection: Connection) -> tuple[Learned, Learned, Learned, str, str]:
        first = learn_unionid(connection, KF, CHEN_KF, "uX1", source="kf", now=NOW)
        second = learn_unionid(connection, OA, CHEN_OA, "uX1", source="oa", now=NOW + 5)
        again = learn_unionid(connection, OA, CHEN_OA, "uX1", source="oa", now=NOW + 9)
        ids = customer_of_person(connection, KF, CHEN_KF), customer_of_person(connection, OA, CHEN_OA)
        return first, second, again, *ids

    first, second, again, kf, oa = await database.write(work)
    assert (first.link, second.link, again.link) == (Link.KEPT, Link.LINKED, Link.ALREADY)
    assert kf == oa == first.customer_id == second.customer_id
    assert await database.read(audit.broken_at) is None


async def test_a_unionid_learned_before_the_first_message_is_there_when_the_conversation_opens(
    database: Database,
) -> None:
    def work(connection: Connection) -> tuple[str, str]:
        open_matter(connection, "cv_1", KF, CHEN_KF)
        for room, person in ((KF, CHEN_KF), (OA, CHEN_OA)):
            learn_unionid(connection, room, person, "uX1", source="t", now=NOW)
        oa = open_matter(connection, "cv_2", OA, CHEN_OA, at=NOW + 1)
        return customer_of_person(connection, KF, CHEN_KF), oa

    kf, oa = await database.write(work)
    assert kf == oa


async def test_a_second_unionid_of_one_identity_does_not_chain_strangers(database: Database) -> None:
    def work(connection: Connection) -> tuple[Link, Link]:
        learn_unionid(connection, KF, CHEN_KF, "uX1", source="kf", now=NOW)
        learn_unionid(connection, OA, CHEN_OA, "uX2", source="oa", now=NOW)
        doubtful = learn_unionid(connection, KF, CHEN_KF, "uX2", source="kf", now=NOW)
        third = learn_unionid(connection, FEISHU, CHEN_FEISHU, "uX2", source="x", now=NOW)
        assert customer_of_person(connection, KF, CHEN_KF) != customer_of_person(connection, OA, CHEN_OA)
        assert customer_of_person(connection, FEISHU, CHEN_FEISHU) == customer_of_person(connection, OA, CHEN_OA)
        return doubtful.link, third.link

    assert await database.write(work) == (Link.DOUBTFUL, Link.LINKED)


async def test_a_verified_phone_links_and_a_said_one_does_not(database: Database) -> None:
    def work(connection: Connection) -> list[Link]:
        return [
            told_phone(connection, KF, CHEN_KF).link,
            told_phone(connection, OA, CHEN_OA, verified=False).link,
            told_phone(connection, OA, CHEN_OA, NOW + 60).link,
        ]

    assert await database.write(work) == [Link.KEPT, Link.KEPT, Link.LINKED]


async def test_no_phone_number_stands_in_the_database(database: Database) -> None:
    await database.write(lambda connection: told_phone(connection, KF, CHEN_KF))
    rows = await database.read(
        lambda connection: [
            *map(str, connection.execute(select(identity_evidence)).all()),
            *map(str, connection.execute(select(audit_rows)).all()),
        ]
    )
    assert len(rows) >= 1
    assert not any("13800138000" in row for row in rows)


async def test_a_proof_of_long_ago_is_for_a_person_to_judge(database: Database) -> None:
    def work(connection: Connection) -> tuple[Link, int]:
        told_phone(connection, KF, CHEN_KF)
        late = NOW + PHONE_HOLDS_S + DAY_S
        link = told_phone(connection, OA, CHEN_OA, late).link
        return link, len(find_for(connection, "official_account:main:oXchen", late))

    assert await database.write(work) == (Link.DOUBTFUL, 1)


async def test_a_phone_that_many_share_links_nobody_more(database: Database) -> None:
    def work(connection: Connection) -> list[Link]:
        rooms = [Room("wecom_kf", "main", f"wm_{n}", RoomKind.DIRECT) for n in range(MOST_PER_PHONE + 1)]
        return [told_phone(connection, room, Person(room.chat_id)).link for room in rooms]

    links = await database.write(work)
    assert links[0] is Link.KEPT
    assert links[1:MOST_PER_PHONE] == [Link.LINKED] * (MOST_PER_PHONE - 1)
    assert links[MOST_PER_PHONE] is Link.DOUBTFUL


async def test_what_a_person_parted_is_not_linked_again_by_itself(database: Database) -> None:
    def work(connection: Connection) -> tuple[Link, int]:
        learn_unionid(connection, KF, CHEN_KF, "uX1", source="kf", now=NOW)
        linked = learn_unionid(connection, OA, CHEN_OA, "uX1", source="oa", now=NOW)
        unmerge(connection, linked.merges[0], actor="ou_li", now=NOW + 10)
        for room, person in ((KF, CHEN_KF), (OA, CHEN_OA)):
            told_phone(connection, room, person, NOW + 20)
        told_phone(connection, OA, CHEN_OA, NOW + 20 + 2 * DAY_S)
        link = told_phone(connection, KF, CHEN_KF, NOW + 21 + 2 * DAY_S).link
        return link, len(find_for(connection, "wecom_kf:main:wm_chen", NOW + 30))

    assert await database.write(work) == (Link.KEPT_APART, 0)


async def test_a_merge_says_what_it_rests_on_and_who_did_it(database: Database) -> None:
    def work(connection: Connection) -> None:
        told_phone(connection, KF, CHEN_KF)
        linked = told_phone(connection, OA, CHEN_OA, NOW + 1)
        (event,) = history(connection, linked.customer_id)
        assert (event.reason, event.actor, event.stands, event.moved) == ("phone", "system", True, 1)
        assert event.evidence["identities"] == ["official_account:main:oXchen", "wecom_kf:main:wm_chen"]

    await database.write(work)


async def test_a_short_key_is_refused_in_words(database: Database) -> None:
    def work(connection: Connection) -> None:
        learn_phone(connection, KF, CHEN_KF, PHONE, verified=True, source="t", key=b"short", now=NOW)

    with pytest.raises(BadSettings, match="16 bytes"):
        await database.write(work)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("13800138000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("+852 6123 4567", "+85261234567"),
        ("010-62345678", None),
        ("12345678901", None),
        ("1380013800", None),
        ("", None),
    ],
)
def test_phones_are_compared_in_one_form(typed: str, normal: str | None) -> None:
    assert normal_phone(typed) == normal


@pytest.mark.parametrize(
    ("typed", "normal"), [("dd-2024 0001", "DD20240001"), ("ABCDEF", None), ("123", None), ("订单12345678", None)]
)
def test_order_numbers_are_compared_in_one_form(typed: str, normal: str | None) -> None:
    assert normal_order(typed) == normal
