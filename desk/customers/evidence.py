"""What speaks for who an identity is: rows that links and suggestions are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, select, update

from conversation.identity import Person, Room, identity_id
from store.conversation_rows import customer_of
from store.dialects import AnyRow, insert_new
from store.schema import customers, identities, identity_evidence


class Kind(StrEnum):
    """Kinds of evidence. An order number never links by itself."""

    UNIONID = "unionid"
    PHONE = "phone"
    ORDER = "order"
    CODE = "code"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row. `value` is hashed for phones and orders; `verified_at` is None for what somebody merely said."""

    id: int
    identity_id: str
    kind: Kind
    value: str
    source: str
    verified_at: float | None


_NEW_CUSTOMER, _NEW_IDENTITY = insert_new(customers), insert_new(identities)
_CUSTOMER = select(identities.c.customer_id).where(identities.c.id == bindparam("identity"))
_SAME_ROW = select(identity_evidence).where(
    identity_evidence.c.identity_id == bindparam("identity"),
    identity_evidence.c.kind == bindparam("kind"),
    identity_evidence.c.value == bindparam("value"),
)


def make_known(connection: Connection, room: Room, person: Person, now: float) -> str:
    """The identity of `person`, written down with a customer of its own where nobody has seen it before."""
    identity = identity_id(room, person)
    if connection.execute(_CUSTOMER, {"identity": identity}).first() is None:
        customer = {"id": customer_of(identity), "name": person.name, "created_at": now}
        connection.execute(_NEW_CUSTOMER.on(connection), customer)
        row = {
            "id": identity,
            "customer_id": customer_of(identity),
            "platform": room.platform,
            "account": room.account,
            "person_id": person.person_id,
            "name": person.name,
        }
        connection.execute(_NEW_IDENTITY.on(connection), row)
    return identity


def customer_with(connection: Connection, identity: str) -> str:
    """The customer whose identity this is now."""
    return str(connection.execute(_CUSTOMER, {"identity": identity}).scalar_one())


def find(connection: Connection, identity: str, kind: Kind, value: str) -> Evidence | None:
    """This very piece of evidence, if it is known."""
    row = connection.execute(_SAME_ROW, {"identity": identity, "kind": kind.value, "value": value}).first()
    return _evidence(row) if row is not None else None


def keep(
    connection: Connection, identity: str, kind: Kind, value: str, *, source: str, verified: bool, now: float
) -> None:
    """Writes a piece of evidence, or its newer verification; what was verified stays so when merely said again."""
    known = find(connection, identity, kind, value)
    seen: dict[str, object] = {"seen_at": now, "source": source}
    if verified:
        seen["verified_at"] = now
    if known is not None:
        if known.verified_at is not None and not verified:
            del seen["source"]
        connection.execute(update(identity_evidence).where(identity_evidence.c.id == known.id).values(seen))
        return
    row = {"identity_id": identity, "kind": kind.value, "value": value}
    connection.execute(insert(identity_evidence).values({**row, **seen}))


def of_identity(connection: Connection, identity: str) -> tuple[Evidence, ...]:
    """Everything that speaks for one identity, oldest first."""
    about = identity_evidence.c.identity_id == identity
    rows = connection.execute(select(identity_evidence).where(about).order_by(identity_evidence.c.id))
    return tuple(_evidence(row) for row in rows)


def of_others(connection: Connection, identity: str, kind: Kind, value: str) -> tuple[Evidence, ...]:
    """The same evidence with other identities."""
    same = (identity_evidence.c.kind == kind.value) & (identity_evidence.c.value == value)
    others = same & (identity_evidence.c.identity_id != identity)
    rows = connection.execute(select(identity_evidence).where(others).order_by(identity_evidence.c.id))
    return tuple(_evidence(row) for row in rows)


def _evidence(row: AnyRow) -> Evidence:
    return Evidence(row.id, row.identity_id, Kind(row.kind), row.value, row.source, row.verified_at)
