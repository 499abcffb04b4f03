"""Leases over lanes: who may think about which conversation now, and the inbox rows that wait there.

A lane is a conversation key. Each claim raises the lane's epoch, so that whoever held it before cannot write any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, or_, select, text, update

from store.dialects import PerDialect, upsert
from store.schema import inbox, leases

FREE = 0.0


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """An inbox row that waits for a turn. `attempts` counts the tries to answer it, this one included."""

    id: int
    dedup_key: str
    lane: str
    kind: str
    payload: str
    received_at: float
    attempts: int


_WAITING = (
    select(inbox.c.conversation_key)
    .select_from(inbox.outerjoin(leases, leases.c.conversation_key == inbox.c.conversation_key))
    .where(
        inbox.c.status == "waiting",
        or_(leases.c.expires_at.is_(None), leases.c.expires_at <= bindparam("now")),
    )
    .group_by(inbox.c.conversation_key)
    .having(func.max(func.coalesce(inbox.c.not_before, 0)) <= bindparam("now"))
    .order_by(func.min(inbox.c.id))
    .limit(bindparam("scan"))
)
_NAMED = _WAITING.where(inbox.c.conversation_key.in_(bindparam("lanes", expanding=True)))


def _unclaimed(waiting: object) -> PerDialect:
    """Processes that claim at the same moment pass over each other's lanes instead of waiting for them."""
    lanes = waiting.cte("lanes")  # type: ignore[attr-defined]
    free = select(lanes.c.conversation_key).limit(bindparam("wanted"))
    locked = text("pg_try_advisory_xact_lock(hashtextextended(lanes.conversation_key, 0))")
    return PerDialect(free, free.where(locked))


_SWEEP, _HINTED = _unclaimed(_WAITING), _unclaimed(_NAMED)

_LEASE = upsert(
    leases,
    lambda insert: insert.values(
        conversation_key=bindparam("lane"),
        epoch=1,
        holder=bindparam("holder"),
        expires_at=bindparam("until"),
    )
    .on_conflict_do_update(
        index_elements=[leases.c.conversation_key],
        set_={
            "epoch": leases.c.epoch + 1,
            "holder": insert.excluded.holder,
            "expires_at": insert.excluded.expires_at,
        },
        where=leases.c.expires_at <= bindparam("now"),
    )
    .returning(leases.c.conversation_key, leases.c.epoch),
)


def claim(
    connection: Connection, *, holder: str, now: float, until: float, wanted: int, hints: Sequence[str] | None = None
) -> dict[str, int]:
    """Leases up to `wanted` lanes in which something waits, longest first; gives the epoch of each.

    With `hints` only those lanes are looked at; without, the whole inbox is swept.
    """
    asked = {"now": now, "wanted": wanted, "scan": wanted * 4}
    statement = _SWEEP if hints is None else _HINTED
    found = connection.execute(statement.on(connection), asked if hints is None else {**asked, "lanes": list(hints)})
    epochs: dict[str, int] = {}
    lease = _LEASE.on(connection)
    for lane in sorted(found.scalars()):
        row = connection.execute(lease, {"lane": lane, "holder": holder, "until": until, "now": now}).first()
        if row is not None:
            epochs[row.conversation_key] = row.epoch
    return epochs


_ROW = (
    inbox.c.id,
    inbox.c.dedup_key,
    inbox.c.conversation_key,
    inbox.c.kind,
    inbox.c.payload,
    inbox.c.received_at,
    inbox.c.attempts,
)
_IN_LANES = (inbox.c.status == "waiting", inbox.c.conversation_key.in_(bindparam("lanes", expanding=True)))
_TRY = update(inbox).where(*_IN_LANES).values(attempts=inbox.c.attempts + 1).returning(*_ROW)
_LOOK = select(*_ROW).where(*_IN_LANES)


def waiting_rows(connection: Connection, lanes: Sequence[str], *, count_try: bool) -> dict[str, list[WaitingRow]]:
    """What waits in the lanes, in the order it came. `count_try` counts one more try for each row."""
    rows: dict[str, list[WaitingRow]] = {lane: [] for lane in lanes}
    if lanes:
        for found in connection.execute(_TRY if count_try else _LOOK, {"lanes": list(lanes)}):
            row = WaitingRow(*found)
            rows[row.lane].append(row)
    for waiting in rows.values():
        waiting.sort(key=lambda row: row.id)
    return rows


_RELEASE = (
    update(leases)
    .where(leases.c.conversation_key == bindparam("lane"), leases.c.epoch == bindparam("held_epoch"))
    .values(expires_at=FREE, holder="")
)


def release(connection: Connection, lane: str, epoch: int) -> bool:
    """Gives a lane back. False when it is no longer ours: whatever belongs to this claim must not be written."""
    return connection.execute(_RELEASE, {"lane": lane, "held_epoch": epoch}).rowcount == 1


_RENEW = (
    update(leases)
    .where(
        leases.c.holder == bindparam("mine"),
        leases.c.expires_at > FREE,
        leases.c.conversation_key.in_(bindparam("lanes", expanding=True)),
    )
    .values(expires_at=bindparam("until"))
    .returning(leases.c.conversation_key, leases.c.epoch)
)


def renew(connection: Connection, held: Mapping[str, int], *, holder: str, until: float) -> list[str]:
    """Keeps the leases alive until a later moment; gives the lanes that were lost to somebody else."""
    asked = {"mine": holder, "until": until, "lanes": list(held)}
    kept = {row.conversation_key: row.epoch for row in connection.execute(_RENEW, asked)}
    return [lane for lane, epoch in held.items() if kept.get(lane) != epoch]


_NEWEST = select(func.max(inbox.c.id)).where(inbox.c.status == "waiting", inbox.c.conversation_key == bindparam("lane"))


def newest_waiting(connection: Connection, lane: str) -> int:
    """The id of the last row that waits in a lane; 0 when none does."""
    return connection.execute(_NEWEST, {"lane": lane}).scalar() or 0


_SETTLE = (
    update(inbox)
    .where(inbox.c.id.in_(bindparam("ids", expanding=True)))
    .values(status=bindparam("new_status"), turn_id=bindparam("turn"), error=bindparam("why"))
)


def settle_rows(
    connection: Connection, ids: Sequence[int], *, turn_id: str, status: str = "done", error: str = ""
) -> None:
    """Marks rows as `done`, or as `dead` with the reason."""
    if ids:
        connection.execute(_SETTLE, {"ids": list(ids), "new_status": status, "turn": turn_id, "why": error})


_AGAIN = (
    update(inbox)
    .where(inbox.c.status == "waiting", inbox.c.conversation_key == bindparam("lane"))
    .values(not_before=bindparam("due"), error=bindparam("why"))
)
_UNCOUNT = (
    update(inbox)
    .where(inbox.c.status == "waiting", inbox.c.conversation_key == bindparam("lane"), inbox.c.attempts > 0)
    .values(attempts=inbox.c.attempts - 1)
)
_FRESH = (
    update(inbox)
    .where(inbox.c.status == "waiting", inbox.c.conversation_key == bindparam("lane"), inbox.c.attempts > 0)
    .values(attempts=0)
)


def try_later(connection: Connection, lane: str, *, not_before: float, error: str) -> None:
    """After a failed try: the whole lane waits until a moment, so that its order holds."""
    connection.execute(_AGAIN, {"lane": lane, "due": not_before, "why": error})


def uncount_try(connection: Connection, lane: str) -> None:
    """Takes a counted try back that was given up for a reason of ours, such as a shutdown."""
    connection.execute(_UNCOUNT, {"lane": lane})


def start_afresh(connection: Connection, lane: str) -> None:
    """Forgets the tries counted for rows that only stood behind those that were answered."""
    connection.execute(_FRESH, {"lane": lane})
