"""Links identities by themselves: the same unionid, or the same verified phone. Called for what a channel learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from conversation.identity import Person, Room
from desk.customers import evidence
from desk.customers.digests import digest, normal_order, normal_phone
from desk.customers.evidence import Evidence, Kind
from desk.customers.forest import current, kept_apart, lock, tree
from desk.customers.merging import Reason, merge, oldest

DAY_S = 86_400.0
#: Numbers are given to new owners months after they are let go: an older proof is for a person to judge.
PHONE_HOLDS_S = 180 * DAY_S
#: More identities than this under one phone are a shop or a family, not a customer.
MOST_PER_PHONE = 5
#: A proof that is renewed within a day says nothing new.
_RENEWED_S = DAY_S


class Link(StrEnum):
    """What a piece of evidence led to. DOUBTFUL: it is kept, and for staff to judge; see `suggestions`."""

    UNUSABLE = "unusable"
    KEPT = "kept"
    LINKED = "linked"
    ALREADY = "already"
    DOUBTFUL = "doubtful"
    KEPT_APART = "kept_apart"


@dataclass(frozen=True, slots=True)
class Learned:
    """The customer as they are now, and the merges that the evidence brought about."""

    link: Link
    customer_id: str = ""
    merges: tuple[int, ...] = ()


def learn_unionid(
    connection: Connection, room: Room, person: Person, unionid: str, *, source: str, now: float
) -> Learned:
    """Takes the unionid that the platform tells of an identity; whoever has the same is the same customer.

    Cheap when it is known already, so it may be called for every message. `source` names the call or channel.
    """
    if not unionid.strip():
        return Learned(Link.UNUSABLE)
    value = unionid.strip()
    identity = evidence.make_known(connection, room, person, now)
    if evidence.find(connection, identity, Kind.UNIONID, value) is not None:
        return Learned(Link.ALREADY, evidence.customer_with(connection, identity))
    lock(connection)
    told = [one for one in evidence.of_identity(connection, identity) if one.kind is Kind.UNIONID and one.verified_at]
    # One identity has one unionid. A second one is a fault somewhere, and must not chain strangers together.
    verified = not told
    evidence.keep(connection, identity, Kind.UNIONID, value, source=source, verified=verified, now=now)
    if not verified:
        return Learned(Link.DOUBTFUL, evidence.customer_with(connection, identity))
    others = [one for one in evidence.of_others(connection, identity, Kind.UNIONID, value) if one.verified_at]
    return _unite(connection, identity, others, Reason.UNIONID, now)


def learn_phone(
    connection: Connection,
    room: Room,
    person: Person,
    phone: str,
    *,
    verified: bool,
    source: str,
    key: bytes,
    now: float,
) -> Learned:
    """Takes a mobile number of an identity. `verified`: the platform or an SMS code proved it, nobody merely said it.

    Verified numbers link; said ones are kept for suggestions. Raises `BadSettings` for a key under 16 bytes.
    """
    normal = normal_phone(phone)
    if normal is None:
        return Learned(Link.UNUSABLE)
    value = digest(Kind.PHONE, normal, key)
    identity = evidence.make_known(connection, room, person, now)
    known = evidence.find(connection, identity, Kind.PHONE, value)
    if known and (not verified or now - (known.verified_at or 0.0) < _RENEWED_S):
        return Learned(Link.ALREADY, evidence.customer_with(connection, identity))
    lock(connection)
    evidence.keep(connection, identity, Kind.PHONE, value, source=source, verified=verified, now=now)
    if not verified:
        return Learned(Link.KEPT, evidence.customer_with(connection, identity))
    others = [one for one in evidence.of_others(connection, identity, Kind.PHONE, value) if one.verified_at]
    fresh = [one for one in others if (one.verified_at or 0.0) >= now - PHONE_HOLDS_S]
    if len(others) >= MOST_PER_PHONE or (others and not fresh):
        return Learned(Link.DOUBTFUL, evidence.customer_with(connection, identity))
    return _unite(connection, identity, fresh, Reason.PHONE, now)


def learn_order(
    connection: Connection, room: Room, person: Person, order: str, *, source: str, key: bytes, now: float
) -> Learned:
    """Takes an order number that somebody wrote: never a link, only a clue for staff."""
    normal = normal_order(order)
    if normal is None:
        return Learned(Link.UNUSABLE)
    identity = evidence.make_known(connection, room, person, now)
    value = digest(Kind.ORDER, normal, key)
    if evidence.find(connection, identity, Kind.ORDER, value) is None:
        evidence.keep(connection, identity, Kind.ORDER, value, source=source, verified=False, now=now)
    return Learned(Link.KEPT, evidence.customer_with(connection, identity))


def _unite(connection: Connection, identity: str, others: Sequence[Evidence], reason: Reason, now: float) -> Learned:
    merges: list[int] = []
    apart = False
    for other in others:
        one = current(connection, evidence.customer_with(connection, identity))
        two = current(connection, evidence.customer_with(connection, other.identity_id))
        if one == two:
            continue
        if kept_apart(connection, tree(connection, one), tree(connection, two)):
            apart = True
            continue
        survivor = oldest(connection, [one, two])
        merged = merge(
            connection,
            survivor_id=survivor,
            absorbed_id=two if survivor == one else one,
            reason=reason,
            evidence={"kind": reason.value, "identities": sorted([identity, other.identity_id])},
            actor="system",
            now=now,
        )
        merges += [merged] if merged is not None else []
    link = Link.LINKED if merges else Link.KEPT_APART if apart else Link.ALREADY if others else Link.KEPT
    return Learned(link, current(connection, evidence.customer_with(connection, identity)), tuple(merges))
