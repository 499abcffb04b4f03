"""Makes two customers one, and two again: append-only events that say what moved. Used by links, codes, suggestions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, or_, select

from desk import audit
from desk.customers import belongings
from desk.customers.belongings import Belonging, Move
from desk.customers.forest import current, lock, tree
from desk.customers.shown import family, refresh
from store.schema import customer_merges, customer_moves, customers, merged_customers


class Reason(StrEnum):
    """What a merge rests on."""

    UNIONID = "unionid"
    PHONE = "phone"
    CODE = "code"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class MergeEvent:
    """A merge or (where `undoes` names one) its undoing. `stands` is True for a merge that nobody undid."""

    id: int
    survivor_id: str
    absorbed_id: str
    reason: str
    evidence: Mapping[str, Any]
    actor: str
    at: float
    undoes: int | None
    stands: bool
    moved: int


def merge(
    connection: Connection,
    *,
    survivor_id: str,
    absorbed_id: str,
    reason: Reason,
    evidence: Mapping[str, object],
    actor: str,
    now: float,
) -> int | None:
    """Gives everything of one customer to another; gives the event's id, None when they are one already.

    Either may be part of somebody else: then those who stand for them are merged. `evidence` holds ids, nothing
    personal. `actor` is a staff id or `system`.
    """
    lock(connection)
    survivor, absorbed = current(connection, survivor_id), current(connection, absorbed_id)
    if survivor == absorbed:
        return None
    event = {
        "kind": "merge",
        "survivor_id": survivor,
        "absorbed_id": absorbed,
        "reason": reason.value,
        "evidence": orjson.dumps(dict(evidence)).decode(),
        "actor": actor,
        "at": now,
    }
    merge_id = _write_event(connection, event)
    _join(connection, merge_id, survivor, absorbed)
    row = {"customer_id": absorbed, "into_id": survivor, "merge_id": merge_id}
    # Before anything is added to the survivor, what is their own of both is written down.
    for customer in (survivor, absorbed):
        family(connection, customer, now)
    connection.execute(insert(merged_customers).values(row))
    refresh(connection, survivor, now)
    detail = {"absorbed": absorbed, "reason": reason.value, "merge": merge_id}
    audit.record(connection, actor=actor, action="customer.merged", subject=survivor, detail=detail, now=now)
    return merge_id


def unmerge(connection: Connection, merge_id: int, *, actor: str, now: float) -> int | None:
    """Undoes one merge, whatever was merged and written since; gives the event's id, None when it does not stand.

    What came after the merge goes with the identity it came from; what came from none stays with the survivor.
    From then on only a code or a person makes the two one again.
    """
    lock(connection)
    edge = connection.execute(select(merged_customers).where(merged_customers.c.merge_id == merge_id)).first()
    if edge is None:
        return None
    root = current(connection, edge.into_id)
    whole = tree(connection, root)
    connection.execute(delete(merged_customers).where(merged_customers.c.merge_id == merge_id))
    leaving = tree(connection, edge.customer_id)
    event = {"kind": "unmerge", "survivor_id": root, "absorbed_id": edge.customer_id, "undoes": merge_id}
    undone = _write_event(connection, {**event, "actor": actor, "at": now})
    rows = belongings.load(connection, whole)
    homes = belongings.homes(rows, whole)
    moves = [Move(row, edge.customer_id if homes[row.place] in leaving else root, homes[row.place]) for row in rows]
    belongings.move(connection, undone, [one for one in moves if one.to_customer != one.row.customer_id])
    for customer in (root, edge.customer_id):
        refresh(connection, customer, now)
    detail = {"absorbed": edge.customer_id, "undoes": merge_id, "merge": undone}
    audit.record(connection, actor=actor, action="customer.unmerged", subject=root, detail=detail, now=now)
    return undone


def gather_strays(connection: Connection) -> int:
    """Brings home rows that a turn under way wrote for a customer who had just been merged; gives how many.

    Cheap when there are none. Call it every minute or so, and before a customer's page is shown.
    """
    absorbed = select(merged_customers.c.customer_id)
    strays = {
        stray
        for table in belongings.followed()
        for stray in connection.execute(
            select(table.c.customer_id).where(table.c.customer_id.in_(absorbed)).distinct()
        ).scalars()
    }
    if not strays:
        return 0
    lock(connection)
    return sum(_gather(connection, root) for root in sorted({current(connection, stray) for stray in strays}))


def history(connection: Connection, customer_id: str) -> tuple[MergeEvent, ...]:
    """Every merge that had to do with this customer or anybody who is part of them, and its undoing; oldest first."""
    ids = sorted(tree(connection, current(connection, customer_id)))
    theirs = or_(customer_merges.c.survivor_id.in_(ids), customer_merges.c.absorbed_id.in_(ids))
    # After a later merge somebody else stands for the survivor: an undoing may name neither of the two.
    about = or_(theirs, customer_merges.c.undoes.in_(select(customer_merges.c.id).where(theirs)))
    stands = select(merged_customers.c.merge_id).where(merged_customers.c.merge_id == customer_merges.c.id)
    query = select(customer_merges, stands.exists().label("stands")).where(about).order_by(customer_merges.c.id)
    rows = connection.execute(query).all()
    carried = (customer_moves.c.merge_id.in_([row.id for row in rows])) & (
        customer_moves.c.from_customer != customer_moves.c.to_customer
    )
    moved: dict[int, int] = {}
    for merge_id in connection.execute(select(customer_moves.c.merge_id).where(carried)).scalars():
        moved[merge_id] = moved.get(merge_id, 0) + 1
    return tuple(
        MergeEvent(
            id=row.id,
            survivor_id=row.survivor_id,
            absorbed_id=row.absorbed_id,
            reason=row.reason,
            evidence=orjson.loads(row.evidence),
            actor=row.actor,
            at=row.at,
            undoes=row.undoes,
            stands=bool(row.stands),
            moved=moved.get(row.id, 0),
        )
        for row in rows
    )


def oldest(connection: Connection, customer_ids: Sequence[str]) -> str:
    """Who of these has been known longest: the one that survives where nobody chose."""
    known = select(customers.c.id).where(customers.c.id.in_(customer_ids))
    return str(connection.execute(known.order_by(customers.c.created_at, customers.c.id).limit(1)).scalar_one())


def _write_event(connection: Connection, event: Mapping[str, object]) -> int:
    done = connection.execute(insert(customer_merges).values(dict(event)).returning(customer_merges.c.id))
    return int(done.scalar_one())


def _join(connection: Connection, merge_id: int, survivor: str, absorbed: str) -> None:
    staying, coming = tree(connection, survivor), tree(connection, absorbed)
    rows = belongings.load(connection, staying | coming)
    theirs = [row for row in rows if row.customer_id in coming]
    ours = [row for row in rows if row.customer_id in staying]
    homes = belongings.homes(theirs, coming) | belongings.homes(ours, staying)
    moves = [Move(row, survivor, homes[row.place]) for row in theirs]
    moves += _misleading(ours, moves, homes, staying | coming)
    belongings.move(connection, merge_id, moves)


def _misleading(
    ours: Sequence[Belonging],
    moves: Sequence[Move],
    homes: Mapping[tuple[str, str], str],
    joint: frozenset[str],
) -> list[Move]:
    """Rows of the survivor whose identity is the other's, against the rule: their true home must not be forgotten."""
    moved = [replace(one.row, customer_id=one.to_customer, recorded=one.home) for one in moves]
    in_order = {table.name: place for place, table in enumerate(belongings.followed())}
    later = belongings.homes(sorted([*moved, *ours], key=lambda row: in_order[row.table]), joint)
    return [Move(row, row.customer_id, homes[row.place]) for row in ours if later[row.place] != homes[row.place]]


def _gather(connection: Connection, root: str) -> int:
    whole = tree(connection, root)
    rows = belongings.load(connection, whole)
    homes = belongings.homes(rows, whole)
    edges = select(merged_customers.c.customer_id, merged_customers.c.merge_id)
    merge_of = {
        row.customer_id: row.merge_id
        for row in connection.execute(edges.where(merged_customers.c.customer_id.in_(sorted(whole))))
    }
    moves: dict[int, list[Move]] = {}
    for row in rows:
        if row.customer_id != root:
            moves.setdefault(merge_of[row.customer_id], []).append(Move(row, root, homes[row.place]))
    for merge_id, listed in sorted(moves.items()):
        belongings.move(connection, merge_id, listed)
    return sum(map(len, moves.values()))
