"""Turns what waits in a lane into a `Turn`: decodes, opens the conversation, loads the bounded window around it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection

from conversation.codec import from_json
from conversation.findings import Emotion
from conversation.identity import Room, Speaker
from conversation.messages import Incoming, IncomingMessage, RoomEvent
from conversation.turn import BOT, Conversation, DeskHours, KnownTicket, SendRight, Turn
from delivery.effects import Effects
from delivery.terms import DeliveryTerms
from store.conversation_rows import Newcomer, close_idle, last_lines, open_conversations, open_new, retitle
from store.dialects import AnyRow
from store.inbox_rows import MESSAGE
from store.lane_rows import SettledRow, WaitingRow, release_own, settle_rows, waiting_rows

logger = structlog.get_logger(__name__)

Kept = tuple[WaitingRow, Incoming]


@dataclass(frozen=True, slots=True)
class LoadedLane:
    """A lane under our lease, and what waits in it.

    `aside` is what needs no thought (events, lines of staff) and goes first; while there is any, `turn` is None.
    `seen` is the newest inbox row that was looked at; `tries` counts how often the first message was tried.
    """

    lane: str
    epoch: int
    aside: tuple[Kept, ...] = ()
    turn: Turn | None = None
    spoken: tuple[WaitingRow, ...] = ()
    seen: int = 0
    tries: int = 0

    @property
    def arrived_at(self) -> tuple[float, ...]:
        """When the messages of the burst came in, in Unix seconds."""
        return tuple(row.received_at for row in self.spoken)


@dataclass(frozen=True, slots=True)
class _Burst:
    rows: tuple[WaitingRow, ...]
    messages: tuple[IncomingMessage, ...]

    @property
    def last(self) -> IncomingMessage:
        return self.messages[-1]


def turn_id_of(dedup_key: str) -> str:
    """The id of the turn whose first unanswered message has this key: the same however often it is thought again."""
    return f"tn_{hashlib.sha256(dedup_key.encode()).hexdigest()[:24]}"


class TurnLoader:
    """Loads lanes. `send_right` says how far the bot may go in a room that was never seen before."""

    def __init__(
        self,
        effects: Effects,
        terms: DeliveryTerms,
        *,
        desk_hours: Callable[[float], DeskHours],
        send_right: Callable[[Room], SendRight],
    ) -> None:
        self._effects = effects
        self._terms = terms
        self._desk_hours = desk_hours
        self._send_right = send_right

    def load(
        self, connection: Connection, epochs: Mapping[str, int], now: float, *, count_try: bool
    ) -> list[LoadedLane]:
        """What waits in the leased lanes; a lane in which nothing waits any more is released and left out."""
        loaded: list[LoadedLane] = []
        bursts: dict[str, _Burst] = {}
        seen: dict[str, int] = {}
        for lane, rows in waiting_rows(connection, list(epochs), count_try=count_try).items():
            kept = _decoded(connection, rows)
            aside = tuple(one for one in kept if not _is_customers(one[1]))
            if aside:
                tries = aside[0][0].attempts
                loaded.append(LoadedLane(lane, epochs[lane], aside, seen=rows[-1].id, tries=tries))
            elif kept:
                bursts[lane], seen[lane] = _burst(kept[: self._terms.burst_limit]), rows[-1].id
            else:
                release_own(connection, lane, epochs[lane])
        for lane, turn in self._turns(connection, bursts, now).items():
            rows = list(bursts[lane].rows)
            tries = min(rows, key=lambda row: row.id).attempts
            loaded.append(LoadedLane(lane, epochs[lane], (), turn, tuple(rows), seen[lane], tries))
        return loaded

    def _turns(self, connection: Connection, bursts: Mapping[str, _Burst], now: float) -> dict[str, Turn]:
        if not bursts:
            return {}
        known, fresh = self._open(connection, bursts, now)
        lines = last_lines(connection, [row.id for lane, row in known.items() if lane not in fresh])
        tickets = self._effects.known_tickets(connection, [row.customer_id for row in known.values()])
        desk = self._desk_hours(now)
        turns = {}
        for lane, burst in bursts.items():
            row = known[lane]
            history = lines.get(row.id, ())
            first = min(burst.rows, key=lambda one: one.id)
            conversation = _conversation(row, burst, tickets.get(row.customer_id, ()))
            right = SendRight(row.send_right) if row.send_right else SendRight.AUTO
            turns[lane] = Turn(turn_id_of(first.dedup_key), conversation, burst.messages, history, now, right, desk)
        return turns

    def _open(
        self, connection: Connection, bursts: Mapping[str, _Burst], now: float
    ) -> tuple[dict[str, AnyRow], set[str]]:
        known = open_conversations(connection, list(bursts))
        idle = {lane for lane, row in known.items() if self._is_idle(row, now)}
        close_idle(connection, [known[lane].id for lane in idle], now)
        unknown = {lane for lane in bursts if lane not in known or lane in idle}
        if unknown:
            last = {lane: bursts[lane].last for lane in unknown}
            newcomers = [Newcomer(lane, one.room, one.sender, self._send_right(one.room)) for lane, one in last.items()]
            open_new(connection, newcomers, now)
            known |= open_conversations(connection, list(unknown))
        for lane, burst in bursts.items():
            title = burst.last.room.title
            if title and title != known[lane].title:
                retitle(connection, burst.last.room)
        return known, unknown

    def _is_idle(self, row: AnyRow, now: float) -> bool:
        return bool(row.status == "open" and row.owner == BOT and row.last_message_at < now - self._terms.idle_s)


def _conversation(row: AnyRow, burst: _Burst, tickets: tuple[KnownTicket, ...]) -> Conversation:
    return Conversation(
        conversation_id=row.id,
        room=burst.last.room,
        customer_id=row.customer_id,
        customer=burst.last.sender,
        owner=row.owner,
        epoch=row.owner_epoch,
        waiting_for_staff=row.status == "waiting",
        summary=row.summary,
        unknown_count=row.unknown_count,
        moods=from_json(tuple[Emotion, ...], row.moods),
        tier=row.tier,
        tickets=tickets,
    )


def _decoded(connection: Connection, rows: Sequence[WaitingRow]) -> list[Kept]:
    kept: list[Kept] = []
    for row in rows:
        try:
            kept.append((row, _item(row)))
        except ValidationError as error:
            logger.error("inbox.unreadable", dedup_key=row.dedup_key, problems=error.error_count())
            settle_rows(connection, [SettledRow(row.id, status="dead", error="the payload cannot be read")])
    return kept


def _item(row: WaitingRow) -> Incoming:
    if row.kind == MESSAGE:
        return from_json(IncomingMessage, row.payload)
    return from_json(RoomEvent, row.payload)


def _is_customers(item: Incoming) -> bool:
    return isinstance(item, IncomingMessage) and item.sender.speaker is Speaker.CUSTOMER


def _burst(kept: Sequence[Kept]) -> _Burst:
    """Messages in the order in which they were written: platforms deliver out of order."""
    pairs = [(row, item) for row, item in kept if isinstance(item, IncomingMessage)]
    pairs.sort(key=lambda pair: (pair[1].sent_at, pair[0].id))
    return _Burst(tuple(row for row, _ in pairs), tuple(message for _, message in pairs))
