"""What waits in a lane but needs no thought: lines of staff, and events such as a like, a recall, a changed ticket."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection

from conversation.identity import Speaker, dedup_key, identity_id
from conversation.messages import EventKind, RoomEvent
from delivery.effects import Effects
from delivery.turn_loading import Kept, LoadedLane
from store.lane_rows import SettledRow, WaitingRow, settle_rows, waiting_rows
from store.outbox_rows import SYSTEM, put_in_outbox
from store.turn_rows import line_of, recall, record_event


def settle_aside(connection: Connection, loaded: LoadedLane, effects: Effects, now: float) -> None:
    """Does what the rows ask for, in their order, and marks them done. Part of the caller's transaction."""
    for _, item in loaded.aside:
        if isinstance(item, RoomEvent):
            _settle_event(connection, loaded.lane, item, effects, now)
        elif item.sender.speaker is Speaker.STAFF:
            effects.staff_line(connection, item, now)
    settle_rows(connection, [SettledRow(row.id) for row, _ in loaded.aside])


def give_up_aside(connection: Connection, aside: tuple[Kept, ...], error: str) -> None:
    """Marks rows as dead that failed too often, so that the messages behind them are answered."""
    settle_rows(connection, [SettledRow(row.id, status="dead", error=error) for row, _ in aside])


def _settle_event(connection: Connection, lane: str, event: RoomEvent, effects: Effects, now: float) -> None:
    if event.kind is EventKind.RECALLED:
        _take_back(connection, lane, event)
    if event.kind is not EventKind.TICKET_CHANGED:
        _record(connection, event)
    for number, message in enumerate(effects.on_event(connection, event, now)):
        key = f"ev_{hashlib.sha256(event.key.encode()).hexdigest()[:24]}:{number}"
        put_in_outbox(connection, message, key=key, now=now, author=SYSTEM, kind="notice")


def _record(connection: Connection, event: RoomEvent) -> None:
    """Keeps feedback and visits beside the tickets' events, under the turn (or the message) they are about."""
    about = line_of(connection, event.subject)
    record_event(
        connection,
        {
            "event_key": event.key,
            "number": about.turn_id if about is not None and about.turn_id else event.subject,
            "kind": event.kind.value,
            "actor": identity_id(event.room, event.sender),
            "text": event.detail.get("text", ""),
            "at": event.at,
        },
    )


def _take_back(connection: Connection, lane: str, event: RoomEvent) -> None:
    """A message taken back before it was answered is not answered."""
    recall(connection, event.room.room_id, event.subject)
    key = dedup_key(event.room.platform, event.room.account, event.subject)
    waiting: list[WaitingRow] = waiting_rows(connection, [lane], count_try=False)[lane]
    taken_back = [row.id for row in waiting if row.dedup_key == key]
    settle_rows(connection, [SettledRow(row, error="taken back by its sender") for row in taken_back])
