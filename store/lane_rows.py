"""Leases over lanes: who may think about which conversation now, and the inbox rows that wait there.

A lane is a conversation key. Each claim raises the lane's epoch, so that whoever held it before cannot write any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import BindParameter, Connection, bindparam, func, or_, select, update

from store.dialects import two_texts
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


_SWEEP = (
    select(inbox.c.conversation_key)
    .select_from(inbox.outerjoin(leases, leases.c.conversation_key == inbox.c.conversation_key))
    .where(
        inbox.c.status == "waiting",
        or_(leases.c.expires_at.is_(None), leases.c.expires_at <= bindparam("now")),
    )
    .group_by(inbox.c.conversation_key)
    .having(func.max(func.coalesce(inbox.c.not_before, 0)) <= bindparam("now"))
    .order_by(func.min(inbox.c.id))
    .limit(bindparam("wanted"))
)


def waiting_lanes(connection: Connection, *, now: float, wanted: int) -> list[str]:
    """Lanes in which something waits and nobody thinks, longest waiting first."""
    return list(connection.execute(_SWEEP, {"now": now, "wanted": wanted}).scalars())


_CLAIM_FORM = """
INSERT INTO leases (conversation_key, epoch, holder, expires_at)
SELECT lane, 1, :holder, :until FROM (
    SELECT lane FROM {asked}
    WHERE EXISTS (SELECT 1 FROM inbox WHERE status = 'waiting' AND conversation_key = lane)
    AND NOT EXISTS (SELECT 1 FROM inbox WHERE status = 'waiting' AND conversation_key = lane AND not_before > :now)
    AND NOT EXISTS (SELECT 1 FROM leases WHERE conversation_key = lane AND expires_at > :now)
    ORDER BY place
) AS claimable WHERE {unclaimed} LIMIT :wanted
ON CONFLICT (conversation_key) DO UPDATE
SET epoch = leases.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
WHERE leases.expires_at <= :now
RETURNING conversation_key, epoch
"""
#: The order of the asked lanes is kept, or some would starve. On PostgreSQL, processes that claim at the same moment
#: pass over each other's lanes instead of waiting for them.
_CLAIM = two_texts(
    _CLAIM_FORM.format(
        asked="(SELECT value AS lane, key AS place FROM json_each(:lanes)) AS asked",
        unclaimed="true",
    ),
    _CLAIM_FORM.format(
        asked="json_array_elements_text(CAST(:lanes AS json)) WITH ORDINALITY AS asked(lane, place)",
        unclaimed="pg_try_advisory_xact_lock(hashtextextended(lane, 0))",
    ),
)


def claim(
    connection: Connection, lanes: Sequence[str], *, holder: str, now: float, until: float, wanted: int
) -> dict[str, int]:
    """Leases up to `wanted` of these lanes where something waits and nobody thinks, the first named first.

    Gives the epoch of each.
    """
    terms = {"lanes": orjson.dumps(lanes).decode(), "holder": holder, "now": now, "until": until, "wanted": wanted}
    return {row.conversation_key: row.epoch for row in connection.execute(_CLAIM.on(connection), terms)}


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


_LANES: BindParameter[str] = bindparam("lanes", expanding=True)
_HELD = select(leases.c.conversation_key, leases.c.epoch).where(leases.c.conversation_key.in_(_LANES)).with_for_update()
_RELEASE = update(leases).where(leases.c.conversation_key.in_(_LANES)).values(expires_at=FREE, holder="")


def epochs_of(connection: Connection, lanes: Sequence[str]) -> dict[str, int]:
    """The epoch at which each lane is leased now; nobody can claim it until this transaction ends."""
    return {row.conversation_key: row.epoch for row in connection.execute(_HELD, {"lanes": sorted(lanes)})}


def release(connection: Connection, lanes: Sequence[str]) -> None:
    """Gives lanes back. The caller has seen in this transaction that they are still its own."""
    if lanes:
        connection.execute(_RELEASE, {"lanes": list(lanes)})


def release_own(connection: Connection, lane: str, epoch: int) -> bool:
    """Gives a lane back. False when it is no longer ours: whatever belongs to this claim must not be written."""
    if epochs_of(connection, [lane]).get(lane) != epoch:
        return False
    release(connection, [lane])
    return True


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


_WAITS = (inbox.c.status == "waiting", inbox.c.conversation_key.in_(bindparam("lanes", expanding=True)))
_NEWEST = (
    select(inbox.c.conversation_key, func.max(inbox.c.id).label("newest"))
    .where(*_WAITS)
    .group_by(inbox.c.conversation_key)
)


def newest_waiting(connection: Connection, lanes: Sequence[str]) -> dict[str, int]:
    """The id of the last row that waits in each lane; a lane in which nothing waits is left out."""
    return {row.conversation_key: row.newest for row in connection.execute(_NEWEST, {"lanes": list(lanes)})}


_SETTLE = (
    update(inbox)
    .where(inbox.c.id == bindparam("row"))
    .values(status=bindparam("new_status"), turn_id=bindparam("turn"), error=bindparam("why"))
)


@dataclass(frozen=True, slots=True)
class SettledRow:
    """The end of an inbox row: `done`, or `dead` with the reason."""

    id: int
    turn_id: str = ""
    status: str = "done"
    error: str = ""


def settle_rows(connection: Connection, rows: Sequence[SettledRow]) -> None:
    """Ends rows."""
    if rows:
        asked = [{"row": one.id, "new_status": one.status, "turn": one.turn_id, "why": one.error} for one in rows]
        connection.execute(_SETTLE, asked)


_AGAIN = update(inbox).where(*_WAITS).values(not_before=bindparam("due"), error=bindparam("why"))
_UNCOUNT = update(inbox).where(*_WAITS, inbox.c.attempts > 0).values(attempts=inbox.c.attempts - 1)
_FRESH = update(inbox).where(*_WAITS, inbox.c.attempts > 0).values(attempts=0)


def try_later(connection: Connection, lane: str, *, not_before: float, error: str) -> None:
    """After a failed try: the whole lane waits until a moment, so that its order holds."""
    connection.execute(_AGAIN, {"lanes": [lane], "due": not_before, "why": error})


def uncount_try(connection: Connection, lane: str) -> None:
    """Takes a counted try back that was given up for a reason of ours, such as a shutdown."""
    connection.execute(_UNCOUNT, {"lanes": [lane]})


def start_afresh(connection: Connection, lanes: Sequence[str]) -> None:
    """Forgets the tries counted for rows that only stood behind those that were answered."""
    if lanes:
        connection.execute(_FRESH, {"lanes": list(lanes)})
