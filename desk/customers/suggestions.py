"""Identities that may be one person, with what speaks for it, for staff to decide. What they dismissed stays so."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from conversation.codec import from_json
from conversation.identity import Person, Room, RoomKind, identity_id, new_id
from desk import audit
from desk.customers import evidence
from desk.customers.evidence import Kind
from desk.customers.forest import current, kept_apart, tree
from desk.customers.merging import Reason, merge, oldest
from store.dialects import AnyRow, insert_new
from store.schema import conversations, identities, link_suggestions


class Clue(StrEnum):
    """What two identities have in common."""

    PHONE = "phone"
    ORDER = "order"
    NAME_AND_ROOM = "name_and_room"


#: How likely each clue alone makes it that two are one; judged, not measured. Together: 1 - product of the doubts.
LIKELIHOOD: Mapping[Clue, float] = {Clue.PHONE: 0.7, Clue.ORDER: 0.6, Clue.NAME_AND_ROOM: 0.4}
#: Names that platforms give to everybody who chose none.
NOBODY = frozenset({"微信用户", "访客", "用户", "客户", "匿名用户", "游客", "feishu user", "guest", "user"})
#: A name that more people bear says nothing.
MOST_OF_A_NAME = 20


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two identities of two customers. `reasons` maps each clue to the ids it rests on: evidence rows, rooms."""

    id: str
    first_id: str
    second_id: str
    first_customer: str
    second_customer: str
    likelihood: float
    reasons: Mapping[Clue, tuple[str, ...]]
    found_at: float


_NEW = insert_new(link_suggestions)


def find_for(connection: Connection, identity: str, now: float) -> tuple[Suggestion, ...]:
    """Looks for others who may be the same person as `identity`; gives what is open with it.

    Call it after evidence was learned that did not link, and when somebody is seen for the first time.
    """
    found: dict[str, dict[Clue, list[str]]] = {}
    for other, clue, ground in [*_same_evidence(connection, identity), *_same_name_and_room(connection, identity)]:
        found.setdefault(other, {}).setdefault(clue, []).append(ground)
    for other, clues in found.items():
        _suggest(connection, identity, other, clues, now)
    return tuple(one for one in open_suggestions(connection, limit=None) if identity in (one.first_id, one.second_id))


def open_suggestions(connection: Connection, *, limit: int | None = 50) -> tuple[Suggestion, ...]:
    """What staff have to decide, the likeliest first; who became one, or was parted by a person, is left out."""
    first, second = identities.alias("first_one"), identities.alias("second_one")
    query = (
        select(
            link_suggestions,
            first.c.customer_id.label("first_customer"),
            second.c.customer_id.label("second_customer"),
        )
        .join(first, first.c.id == link_suggestions.c.first_id)
        .join(second, second.c.id == link_suggestions.c.second_id)
        .where(link_suggestions.c.status == "open", first.c.customer_id != second.c.customer_id)
        .order_by(link_suggestions.c.likelihood.desc(), link_suggestions.c.id)
    )
    shown: list[Suggestion] = []
    for row in connection.execute(query):
        if limit is not None and len(shown) >= limit:
            break
        if not _apart(connection, row.first_customer, row.second_customer):
            shown.append(_suggestion(row))
    return tuple(shown)


def dismiss(connection: Connection, suggestion_id: str, *, staff_id: str, now: float) -> bool:
    """They are two people: never suggested again, whatever else turns up. False when it was decided before."""
    if not _decide(connection, suggestion_id, "dismissed", staff_id, now):
        return False
    audit.record(
        connection, actor=staff_id, action="customer.suggestion_dismissed", subject=suggestion_id, detail={}, now=now
    )
    return True


def accept(connection: Connection, suggestion_id: str, *, staff_id: str, now: float) -> int | None:
    """They are one: merges them into whom we know longer; gives the merge's id, None when it was decided before."""
    row = connection.execute(select(link_suggestions).where(link_suggestions.c.id == suggestion_id)).first()
    if row is None or not _decide(connection, suggestion_id, "accepted", staff_id, now):
        return None
    pair = (row.first_id, row.second_id)
    for one in pair:
        evidence.keep(connection, one, Kind.STAFF, suggestion_id, source=staff_id, verified=True, now=now)
    customers = [current(connection, evidence.customer_with(connection, one)) for one in pair]
    survivor = oldest(connection, customers)
    return merge(
        connection,
        survivor_id=survivor,
        absorbed_id=next((one for one in customers if one != survivor), survivor),
        reason=Reason.STAFF,
        evidence={"suggestion": suggestion_id, "reasons": orjson.loads(row.reasons), "identities": list(pair)},
        actor=staff_id,
        now=now,
    )


def _decide(connection: Connection, suggestion_id: str, status: str, staff_id: str, now: float) -> bool:
    still_open = (link_suggestions.c.id == suggestion_id) & (link_suggestions.c.status == "open")
    values = {"status": status, "decided_by": staff_id, "decided_at": now}
    decided = update(link_suggestions).where(still_open).values(values).returning(link_suggestions.c.id)
    return connection.execute(decided).first() is not None


def _same_evidence(connection: Connection, identity: str) -> Iterator[tuple[str, Clue, str]]:
    clues = {Kind.PHONE: Clue.PHONE, Kind.ORDER: Clue.ORDER}
    for mine in evidence.of_identity(connection, identity):
        if mine.kind in clues:
            for theirs in evidence.of_others(connection, identity, mine.kind, mine.value):
                yield theirs.identity_id, clues[mine.kind], f"{mine.id}+{theirs.id}"


def _same_name_and_room(connection: Connection, identity: str) -> Iterator[tuple[str, Clue, str]]:
    me = connection.execute(select(identities).where(identities.c.id == identity)).first()
    if me is None or _plain(me.name) in NOBODY or len(_plain(me.name)) < 2:
        return
    named = select(identities.c.id, identities.c.customer_id).where(
        identities.c.name == me.name, identities.c.id != identity, identities.c.customer_id != me.customer_id
    )
    others = connection.execute(named.limit(MOST_OF_A_NAME + 1)).all()
    if not others or len(others) > MOST_OF_A_NAME:
        return
    mine = _rooms_of(connection, identity, me.customer_id)
    for other in others:
        for room in sorted(mine & _rooms_of(connection, other.id, other.customer_id)):
            yield other.id, Clue.NAME_AND_ROOM, room


def _rooms_of(connection: Connection, identity: str, customer_id: str) -> set[str]:
    """The groups in which an identity wrote: by id, and by title, for one group may be seen through two accounts."""
    query = select(conversations.c.room, conversations.c.person).where(conversations.c.customer_id == customer_id)
    found: set[str] = set()
    for row in connection.execute(query.distinct()):
        room = from_json(Room, row.room)
        if room.kind is RoomKind.GROUP and identity_id(room, from_json(Person, row.person)) == identity:
            found |= {room.room_id} | ({f"title:{_plain(room.title)}"} if room.title.strip() else set())
    return found


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _suggest(connection: Connection, identity: str, other: str, clues: Mapping[Clue, list[str]], now: float) -> None:
    one, two = (evidence.customer_with(connection, who) for who in (identity, other))
    if one == two or _apart(connection, one, two):
        return
    doubt = 1.0
    for clue in clues:
        doubt *= 1.0 - LIKELIHOOD[clue]
    first, second = sorted((identity, other))
    values: dict[str, Any] = {
        "likelihood": round(1.0 - doubt, 4),
        "reasons": orjson.dumps({clue.value: sorted(set(grounds)) for clue, grounds in sorted(clues.items())}).decode(),
    }
    row = {"id": new_id("ls"), "first_id": first, "second_id": second, "found_at": now}
    if connection.execute(_NEW.on(connection), {**row, **values}).rowcount == 0:
        pair = (link_suggestions.c.first_id == first) & (link_suggestions.c.second_id == second)
        connection.execute(update(link_suggestions).where(pair, link_suggestions.c.status == "open").values(values))


def _apart(connection: Connection, one: str, two: str) -> bool:
    roots = (current(connection, one), current(connection, two))
    return kept_apart(connection, tree(connection, roots[0]), tree(connection, roots[1]))


def _suggestion(row: AnyRow) -> Suggestion:
    reasons = {Clue(clue): tuple(grounds) for clue, grounds in orjson.loads(row.reasons).items()}
    pair = (row.first_id, row.second_id, row.first_customer, row.second_customer)
    return Suggestion(row.id, *pair, row.likelihood, reasons, row.found_at)
