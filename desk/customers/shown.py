"""What a customer is called and counts as, made of what is their own and what merging adds; `customers` shows it.

Turns and lists read name, tier and tags from `customers`; what is each customer's own is kept apart, so that undoing a
merge takes away no more than the merge brought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import orjson
from sqlalchemy import Connection, insert, select, update

from desk.customers.forest import tree
from store.dialects import AnyRow
from store.schema import customer_profiles, customers, merged_customers

NORMAL = "normal"
_OWN = (
    customer_profiles.c.name.label("own_name"),
    customer_profiles.c.tier.label("own_tier"),
    customer_profiles.c.tags.label("own_tags"),
    customer_profiles.c.tier_at,
    customer_profiles.c.language,
    customer_profiles.c.language_at,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Name, tier and tags."""

    name: str = ""
    tier: str = NORMAL
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Own:
    """What is a customer's own. `tier_at` is None for a tier that nobody chose; `language_at` alike."""

    customer_id: str
    shown: Shown = field(default_factory=Shown)
    tier_at: float | None = None
    language: str = ""
    language_at: float | None = None


def refresh(connection: Connection, root: str, now: float) -> Shown:
    """Writes to `customers` what `root` and everybody who is part of it amount to."""
    members = family(connection, root, now)
    shown = together(members)
    values = {"name": shown.name, "tier": shown.tier, "tags": _tags(shown.tags)}
    connection.execute(update(customers).where(customers.c.id == root).values(values))
    _write(connection, root, {"shown": orjson.dumps(asdict(shown)).decode()})
    return shown


def family(connection: Connection, root: str, now: float) -> tuple[Own, ...]:
    """What is their own of `root` and of everybody who is part of it: root first, then as they joined."""
    ids = sorted(tree(connection, root))
    query = (
        select(customers, customer_profiles.c.shown, *_OWN, merged_customers.c.merge_id)
        .outerjoin(customer_profiles, customer_profiles.c.customer_id == customers.c.id)
        .outerjoin(merged_customers, merged_customers.c.customer_id == customers.c.id)
        .where(customers.c.id.in_(ids))
    )
    rows = connection.execute(query).all()
    in_order = sorted(rows, key=lambda row: (row.id != root, row.merge_id or 0))
    return tuple(_own(connection, row, now) for row in in_order)


def together(members: Sequence[Own]) -> Shown:
    """The first name there is, the tier that a person chose last, and every tag once."""
    name = next((one.shown.name for one in members if one.shown.name), "")
    chosen = [one for one in members if one.tier_at is not None]
    tier = max(chosen, key=lambda one: one.tier_at or 0.0).shown.tier if chosen else members[0].shown.tier
    tags = dict.fromkeys(tag for one in members for tag in one.shown.tags)
    return Shown(name, tier, tuple(tags))


def keep_own(connection: Connection, own: Own) -> None:
    """Writes what is a customer's own."""
    _write(connection, own.customer_id, _values(own))


def _write(connection: Connection, customer_id: str, values: Mapping[str, object]) -> None:
    about = customer_profiles.c.customer_id == customer_id
    connection.execute(update(customer_profiles).where(about).values(dict(values)))


def _values(own: Own) -> dict[str, object]:
    return {
        "name": own.shown.name,
        "tier": own.shown.tier,
        "tier_at": own.tier_at,
        "tags": _tags(own.shown.tags),
        "language": own.language,
        "language_at": own.language_at,
    }


def _own(connection: Connection, row: AnyRow, now: float) -> Own:
    seen = Shown(row.name, row.tier, tuple(orjson.loads(row.tags)))
    if row.shown is None:
        own = Own(row.id, seen, row.created_at if seen.tier != NORMAL else None)
        values = {"customer_id": row.id, "shown": orjson.dumps(asdict(seen)).decode(), **_values(own)}
        connection.execute(insert(customer_profiles).values(values))
        return own
    kept = Shown(row.own_name, row.own_tier, tuple(orjson.loads(row.own_tags)))
    own = Own(row.id, kept, row.tier_at, row.language, row.language_at)
    last = orjson.loads(row.shown)
    written = Shown(last["name"], last["tier"], tuple(last["tags"]))
    if seen == written:
        return own
    own = _adopted(own, written, seen, now)
    _write(connection, row.id, {**_values(own), "shown": orjson.dumps(asdict(seen)).decode()})
    return own


def _adopted(own: Own, written: Shown, seen: Shown, now: float) -> Own:
    """Somebody wrote to `customers` since: what they changed is the customer's own."""
    added = [tag for tag in seen.tags if tag not in written.tags]
    gone = {tag for tag in written.tags if tag not in seen.tags}
    tags = dict.fromkeys([*(tag for tag in own.shown.tags if tag not in gone), *added])
    name = seen.name if seen.name != written.name else own.shown.name
    if seen.tier == written.tier:
        return replace(own, shown=Shown(name, own.shown.tier, tuple(tags)))
    return replace(own, shown=Shown(name, seen.tier, tuple(tags)), tier_at=now)


def _tags(tags: Sequence[str]) -> str:
    return orjson.dumps(list(tags)).decode()
