"""A one-time code that ties a second channel to a customer: shown on the one, typed on the other.

Six digits are few, so guessing is counted per code, per person and per account, and nothing tells a guesser more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select, update

from conversation.errors import GiveUp, RetryLater
from conversation.identity import Person, Room, RoomKind, new_id
from desk import audit
from desk.customers import evidence
from desk.customers.digests import digest, typed_code
from desk.customers.evidence import Kind
from desk.customers.forest import current, lock, tree
from desk.customers.merging import Reason, merge
from store.dialects import AnyRow
from store.schema import link_codes, link_tries

LIVES_S = 600.0
TRIES = 5
#: Wrong codes on one account within a code's life, whoever typed them: more is somebody with many faces.
ACCOUNT_TRIES = 30
ISSUES_PER_HOUR = 5
_HOUR_S = 3600.0


class Typed(StrEnum):
    """What became of six digits. NO_CODE: no code waits for this person, so it is a message like any other."""

    NO_CODE = "no_code"
    LINKED = "linked"
    ALREADY_ONE = "already_one"
    OWN_CHANNEL = "own_channel"
    WRONG = "wrong"
    EXPIRED = "expired"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code to show. `code` is kept nowhere in the clear; `expires_at` is in Unix seconds."""

    id: str
    code: str
    customer_id: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class TypedCode:
    """`asked_for`: this person was told to type a code here, so a wrong one deserves an answer."""

    typed: Typed
    customer_id: str = ""
    merge_id: int | None = None
    tries_left: int = 0
    asked_for: bool = False


def _draw() -> int:
    return secrets.randbelow(1_000_000)


def issue(
    connection: Connection,
    room: Room,
    person: Person,
    *,
    key: bytes,
    now: float,
    claimant: str = "",
    draw: Callable[[], int] = _draw,
) -> IssuedCode:
    """A code for the customer of `person`, to be shown in this 1:1 `room` and typed on another channel.

    `claimant`: the identity that says it is the same customer; then nobody else can use the code, which is the safer
    way. An earlier code of the claimant, or of the customer without one, is void. Raises `GiveUp` for a group,
    `RetryLater` when the customer was sent too many.
    """
    if room.kind is not RoomKind.DIRECT:
        raise GiveUp("a code is shown in a 1:1 chat alone: everybody in a group could type it")
    lock(connection)
    identity = evidence.make_known(connection, room, person, now)
    customer = current(connection, evidence.customer_with(connection, identity))
    _make_room(connection, customer, claimant, now)
    code = _unused(connection, key, now, draw)
    issued = IssuedCode(new_id("lc"), code, customer, now + LIVES_S)
    row = {
        "id": issued.id,
        "customer_id": customer,
        "identity_id": identity,
        "claimant": claimant,
        "code": digest("code", code, key),
        "issued_at": now,
        "expires_at": issued.expires_at,
    }
    connection.execute(insert(link_codes).values(row))
    detail = {"code": issued.id, "claimed": bool(claimant)}
    audit.record(connection, actor="system", action="customer.code_issued", subject=customer, detail=detail, now=now)
    return issued


def type_code(connection: Connection, room: Room, person: Person, text: str, *, key: bytes, now: float) -> TypedCode:
    """Takes what somebody typed; the right code makes both channels one customer, once.

    Call it for every text of a customer in a 1:1 chat: anything but six digits costs nothing and is NO_CODE.
    """
    code = typed_code(text)
    if code is None or room.kind is not RoomKind.DIRECT:
        return TypedCode(Typed.NO_CODE)
    lock(connection)
    identity = evidence.make_known(connection, room, person, now)
    waiting = _waiting(connection, identity, now)
    hashed = digest("code", code, key)
    asked_for = any(row.claimant == identity for row in waiting)
    if not waiting:
        return TypedCode(Typed.EXPIRED if _was_code(connection, identity, hashed, now) else Typed.NO_CODE)
    tries_left = TRIES - _wrong_tries(connection, now, link_tries.c.identity_id == identity)
    if tries_left <= 0 or (not asked_for and _account_is_busy(connection, room, now)):
        return TypedCode(Typed.LOCKED, asked_for=asked_for)
    same = [row for row in waiting if row.code == hashed]
    if not same:
        _count_wrong(connection, room, identity, now)
        past = Typed.EXPIRED if _was_code(connection, identity, hashed, now) else Typed.WRONG
        return TypedCode(past, tries_left=tries_left - 1, asked_for=asked_for)
    if same[0].identity_id == identity:
        return TypedCode(Typed.OWN_CHANNEL, asked_for=asked_for)
    return _use(connection, same[0], identity, now)


def _make_room(connection: Connection, customer: str, claimant: str, now: float) -> None:
    """Voids the code that the new one replaces; raises `RetryLater` when the customer was sent too many."""
    whole = link_codes.c.customer_id.in_(sorted(tree(connection, customer)))
    recent = select(func.count()).where(whole, link_codes.c.issued_at > now - _HOUR_S)
    if connection.execute(recent).scalar_one() >= ISSUES_PER_HOUR:
        raise RetryLater("this customer was sent too many codes within the hour", _HOUR_S)
    earlier = link_codes.c.claimant == claimant if claimant else whole & (link_codes.c.claimant == "")
    connection.execute(update(link_codes).where(earlier, link_codes.c.status == "live").values(status="withdrawn"))


def _unused(connection: Connection, key: bytes, now: float, draw: Callable[[], int]) -> str:
    """Six digits that are no other live code: what is typed must mean one customer."""
    while True:
        code = f"{draw():06d}"
        live = (link_codes.c.status == "live") & (link_codes.c.expires_at > now)
        same = select(link_codes.c.id).where(live, link_codes.c.code == digest("code", code, key))
        if connection.execute(same).first() is None:
            return code


def _waiting(connection: Connection, identity: str, now: float) -> list[AnyRow]:
    """The codes that this identity could use now, those meant for it first."""
    usable = or_(link_codes.c.claimant == "", link_codes.c.claimant == identity)
    live = (link_codes.c.status == "live") & (link_codes.c.expires_at > now)
    query = select(link_codes).where(usable, live).order_by(link_codes.c.claimant.desc(), link_codes.c.id)
    return list(connection.execute(query))


def _was_code(connection: Connection, identity: str, hashed: str, now: float) -> bool:
    """True where these digits were a code that this identity could have used within the hour: worth a word to them."""
    usable = or_(link_codes.c.claimant == "", link_codes.c.claimant == identity)
    past = select(link_codes.c.id).where(link_codes.c.code == hashed, usable, link_codes.c.issued_at > now - _HOUR_S)
    return connection.execute(past).first() is not None


def _wrong_tries(connection: Connection, now: float, whose: ColumnElement[bool]) -> int:
    recent = select(func.count()).select_from(link_tries).where(link_tries.c.at > now - LIVES_S, whose)
    return int(connection.execute(recent).scalar_one())


def _account_is_busy(connection: Connection, room: Room, now: float) -> bool:
    return _wrong_tries(connection, now, link_tries.c.account_key == _account(room)) >= ACCOUNT_TRIES


def _account(room: Room) -> str:
    return f"{room.platform}:{room.account}"


def _count_wrong(connection: Connection, room: Room, identity: str, now: float) -> None:
    row = {"identity_id": identity, "account_key": _account(room), "at": now}
    connection.execute(insert(link_tries).values(row))
    claimed = (link_codes.c.claimant == identity) & (link_codes.c.status == "live")
    connection.execute(update(link_codes).where(claimed).values(wrong_tries=link_codes.c.wrong_tries + 1))
    connection.execute(update(link_codes).where(claimed, link_codes.c.wrong_tries >= TRIES).values(status="burnt"))


def _use(connection: Connection, code: AnyRow, identity: str, now: float) -> TypedCode:
    used = {"status": "used", "used_by": identity, "used_at": now}
    connection.execute(update(link_codes).where(link_codes.c.id == code.id).values(used))
    for one in (code.identity_id, identity):
        evidence.keep(connection, one, Kind.CODE, code.id, source="code", verified=True, now=now)
    merged = merge(
        connection,
        survivor_id=code.customer_id,
        absorbed_id=evidence.customer_with(connection, identity),
        reason=Reason.CODE,
        evidence={"code": code.id, "identities": sorted([code.identity_id, identity])},
        actor="system",
        now=now,
    )
    customer = current(connection, code.customer_id)
    return TypedCode(Typed.ALREADY_ONE if merged is None else Typed.LINKED, customer, merged)
