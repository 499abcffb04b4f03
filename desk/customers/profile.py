"""What is known of a customer over all channels, and the ways in which staff and customers change it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import Connection, func, insert, select, update

from conversation.codec import from_json
from conversation.identity import Person, Room, RoomKind, identity_id, new_id
from desk import audit
from desk.customers.forest import current, tree
from desk.customers.shown import Own, Shown, family, keep_own, refresh
from store.schema import (
    conversations,
    customer_consents,
    customer_notes,
    customer_profiles,
    customers,
    identities,
    rooms,
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a customer last said about a purpose (`marketing`, `recording` …). `source`: where and how they said it."""

    purpose: str
    granted: bool
    source: str
    at: float


@dataclass(frozen=True, slots=True)
class Note:
    """What staff wrote about a customer."""

    id: str
    text: str
    author: str
    at: float
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """An identity of the customer. Times are Unix seconds, None before its first conversation."""

    identity_id: str
    platform: str
    account: str
    person_id: str
    name: str
    first_seen: float | None = None
    last_seen: float | None = None


@dataclass(frozen=True, slots=True)
class CustomerProfile:
    """One customer, whoever was merged into them. `members` are the ids they were known by, their own first."""

    id: str
    name: str
    tier: str
    tags: tuple[str, ...]
    language: str
    consents: tuple[Consent, ...]
    notes: tuple[Note, ...]
    channels: tuple[Presence, ...]
    first_seen: float
    last_seen: float
    members: tuple[str, ...]


def profile(connection: Connection, customer_id: str) -> CustomerProfile | None:
    """The customer that `customer_id` is part of; None when nobody has the id. Only reads."""
    root = current(connection, customer_id)
    known = connection.execute(select(customers).where(customers.c.id == root)).first()
    if known is None:
        return None
    ids = sorted(tree(connection, root))
    channels = _channels(connection, ids)
    created = select(func.min(customers.c.created_at)).where(customers.c.id.in_(ids))
    first = connection.execute(created).scalar_one()
    seen = [moment for one in channels for moment in (one.first_seen, one.last_seen) if moment is not None]
    return CustomerProfile(
        id=root,
        name=known.name,
        tier=known.tier,
        tags=tuple(orjson.loads(known.tags)),
        language=_language(connection, ids),
        consents=_consents(connection, ids),
        notes=_notes(connection, ids),
        channels=channels,
        first_seen=min([first, *seen]),
        last_seen=max([first, *seen]),
        members=(root, *(one for one in ids if one != root)),
    )


def set_name(connection: Connection, customer_id: str, name: str, *, actor: str, now: float) -> Shown:
    """Calls the customer `name`. The audit log keeps that it was done, not the name."""
    root, own = _own(connection, customer_id, now)
    keep_own(connection, replace(own, shown=replace(own.shown, name=name)))
    return _done(connection, root, actor, "customer.named", {}, now)


def set_tier(connection: Connection, customer_id: str, tier: str, *, actor: str, now: float) -> Shown:
    """Makes the customer `vip`, `normal` or what the house calls its tiers; the last choice counts after a merge."""
    root, own = _own(connection, customer_id, now)
    keep_own(connection, replace(own, shown=replace(own.shown, tier=tier), tier_at=now))
    return _done(connection, root, actor, "customer.tier", {"tier": tier}, now)


def add_tag(connection: Connection, customer_id: str, tag: str, *, actor: str, now: float) -> Shown:
    """Puts a tag on the customer."""
    root, own = _own(connection, customer_id, now)
    tags = tuple(dict.fromkeys([*own.shown.tags, tag]))
    keep_own(connection, replace(own, shown=replace(own.shown, tags=tags)))
    return _done(connection, root, actor, "customer.tagged", {"tag": tag}, now)


def remove_tag(connection: Connection, customer_id: str, tag: str, *, actor: str, now: float) -> Shown:
    """Takes a tag off the customer, and off everybody who is part of them: it was judged of the whole person."""
    root = current(connection, customer_id)
    for own in family(connection, root, now):
        if tag in own.shown.tags:
            tags = tuple(one for one in own.shown.tags if one != tag)
            keep_own(connection, replace(own, shown=replace(own.shown, tags=tags)))
    return _done(connection, root, actor, "customer.untagged", {"tag": tag}, now)


def set_language(connection: Connection, customer_id: str, language: str, *, actor: str, now: float) -> None:
    """Keeps the language that the customer wants, as a tag like `zh-CN`."""
    root, own = _own(connection, customer_id, now)
    keep_own(connection, replace(own, language=language, language_at=now))
    _done(connection, root, actor, "customer.language", {"language": language}, now)


def add_note(
    connection: Connection, customer_id: str, text: str, *, author: str, conversation_id: str = "", now: float
) -> str:
    """Keeps a note of staff; with a conversation it goes where that goes when a merge is undone. Gives its id."""
    root, note = current(connection, customer_id), new_id("cn")
    row = {"id": note, "customer_id": root, "conversation_id": conversation_id, "text": text}
    connection.execute(insert(customer_notes).values({**row, "author": author, "at": now}))
    audit.record(connection, actor=author, action="customer.noted", subject=root, detail={"note": note}, now=now)
    return note


def remove_note(connection: Connection, note_id: str, *, actor: str, now: float) -> bool:
    """Hides a note; False when it is gone already."""
    there = (customer_notes.c.id == note_id) & customer_notes.c.removed_at.is_(None)
    hidden = update(customer_notes).where(there).values(removed_at=now).returning(customer_notes.c.customer_id)
    customer = connection.execute(hidden).scalar()
    if customer is None:
        return False
    detail = {"note": note_id}
    audit.record(connection, actor=actor, action="customer.note_removed", subject=customer, detail=detail, now=now)
    return True


def record_consent(
    connection: Connection,
    customer_id: str,
    *,
    purpose: str,
    granted: bool,
    source: str,
    identity: str = "",
    actor: str,
    now: float,
) -> None:
    """Keeps what a customer agreed to or refused; nothing is overwritten, the newest word on a purpose counts."""
    root = current(connection, customer_id)
    row = {"customer_id": root, "identity_id": identity, "purpose": purpose, "granted": granted}
    connection.execute(insert(customer_consents).values({**row, "source": source, "at": now}))
    detail = {"purpose": purpose, "granted": granted}
    audit.record(connection, actor=actor, action="customer.consent", subject=root, detail=detail, now=now)


def _own(connection: Connection, customer_id: str, now: float) -> tuple[str, Own]:
    root = current(connection, customer_id)
    return root, family(connection, root, now)[0]


def _done(connection: Connection, root: str, actor: str, action: str, detail: dict[str, object], now: float) -> Shown:
    audit.record(connection, actor=actor, action=action, subject=root, detail=detail, now=now)
    return refresh(connection, root, now)


def _channels(connection: Connection, ids: Iterable[str]) -> tuple[Presence, ...]:
    theirs = conversations.c.customer_id.in_(list(ids))
    spans = select(
        rooms.c.platform,
        rooms.c.account,
        conversations.c.person,
        func.min(conversations.c.opened_at).label("first"),
        func.max(conversations.c.last_message_at).label("last"),
    ).join(rooms, rooms.c.id == conversations.c.room_id)
    seen: dict[str, tuple[float, float]] = {}
    grouped = spans.where(theirs).group_by(rooms.c.platform, rooms.c.account, conversations.c.person)
    for row in connection.execute(grouped):
        # The name stands beside the id in `person`, so one identity may come in several rows.
        room = Room(row.platform, row.account, "", RoomKind.DIRECT)
        identity = identity_id(room, from_json(Person, row.person))
        first, last = seen.get(identity, (row.first, row.last))
        seen[identity] = (min(first, row.first), max(last, row.last))
    known = connection.execute(select(identities).where(identities.c.customer_id.in_(list(ids))))
    all_of_them = [
        Presence(row.id, row.platform, row.account, row.person_id, row.name, *seen.get(row.id, (None, None)))
        for row in known
    ]
    return tuple(sorted(all_of_them, key=lambda one: (-(one.last_seen or 0.0), one.identity_id)))


def _language(connection: Connection, ids: Iterable[str]) -> str:
    chosen = customer_profiles.c.customer_id.in_(list(ids)) & customer_profiles.c.language_at.is_not(None)
    newest = select(customer_profiles.c.language).where(chosen).order_by(customer_profiles.c.language_at.desc())
    return str(connection.execute(newest.limit(1)).scalar() or "")


def _consents(connection: Connection, ids: Iterable[str]) -> tuple[Consent, ...]:
    theirs = customer_consents.c.customer_id.in_(list(ids))
    in_order = select(customer_consents).where(theirs).order_by(customer_consents.c.at, customer_consents.c.id)
    said = {row.purpose: Consent(row.purpose, row.granted, row.source, row.at) for row in connection.execute(in_order)}
    return tuple(said[purpose] for purpose in sorted(said))


def _notes(connection: Connection, ids: Iterable[str]) -> tuple[Note, ...]:
    theirs = customer_notes.c.customer_id.in_(list(ids)) & customer_notes.c.removed_at.is_(None)
    newest = select(customer_notes).where(theirs).order_by(customer_notes.c.at.desc(), customer_notes.c.id.desc())
    rows = connection.execute(newest)
    return tuple(Note(row.id, row.text, row.author, row.at, row.conversation_id) for row in rows)
