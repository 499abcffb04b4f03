"""Takes rows out of the outbox for one try each, and writes what became of them. Two transactions around each send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection

from channels.channel import Channel
from conversation.codec import from_json
from conversation.messages import OutgoingMessage
from delivery.effects import Effects
from delivery.pacing import earliest_send, memory_needed
from delivery.send_verdict import STATUS, Again, Sent, Verdict, Withdrawn
from store.outbox_rows import OutboxRow, heads, postpone, recent_sends, start_sending, waits_in
from store.send_rows import SettledSend, end, mark_lines, record_tries, settle

logger = structlog.get_logger(__name__)

#: Channels by platform and account.
Channels = Mapping[tuple[str, str], Channel]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A row under our lease, ready to be handed to its channel; `channel` is None where none is configured."""

    row: OutboxRow
    message: OutgoingMessage
    channel: Channel | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one try. `quiet` leaves out what the desk would do about it."""

    row: OutboxRow
    verdict: Verdict
    at: float
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """Which tries were still ours, in order, and whether more waits in one of the rooms."""

    ours: list[bool]
    more: bool


@dataclass(frozen=True, slots=True)
class Takings:
    """The parcels to be sent now, and when those that were put off become due (Unix seconds)."""

    parcels: tuple[Parcel, ...]
    put_off: tuple[float, ...]


class Outbox:
    """The rules by which rows leave: in order per room, under the right owner, no faster than the platform allows."""

    def __init__(self, channels: Channels, effects: Effects, *, holder: str, lease_s: float) -> None:
        self._channels = channels
        self._effects = effects
        self._holder = holder
        self._lease_s = lease_s

    def take(self, connection: Connection, now: float, wanted: int) -> Takings:
        """Leases up to `wanted` rows for one try each. What must not leave is ended here, what must wait put off."""
        taken = [self._guarded(connection, row, now) for row in heads(connection, now=now, wanted=wanted)]
        parcels = tuple(one for one in taken if isinstance(one, Parcel))
        ids = [one.row.id for one in parcels]
        start_sending(connection, ids, holder=self._holder, until=now + self._lease_s)
        return Takings(parcels, tuple(one for one in taken if isinstance(one, float)))

    def _guarded(self, connection: Connection, row: OutboxRow, now: float) -> Parcel | float | None:
        """The parcel, or the moment to which it is put off, or None for a row that ends here."""
        if row.status == "queued" and row.overtaken:
            end(connection, row, status="cancelled", error="the conversation changed hands")
            return None
        try:
            message = from_json(OutgoingMessage, row.payload)
        except ValidationError:
            end(connection, row, status="buried", error="the payload cannot be read")
            self._effects.undeliverable(connection, row, "the payload cannot be read", now)
            return None
        channel = self._channels.get((message.room.platform, message.room.account))
        if row.status == "sending" and not self._may_repeat(connection, row, channel, now):
            return None
        if channel is not None and (later := self._allowed_at(connection, row, channel)) > now:
            postpone(connection, row.id, later)
            return later
        return Parcel(replace(row, attempts=row.attempts + 1), message, channel)

    def _may_repeat(self, connection: Connection, row: OutboxRow, channel: Channel | None, now: float) -> bool:
        """After its sender died: repeat where the platform recognises a repeat, else say that nobody knows."""
        why = "its sender died before the answer came"
        record_tries(connection, [_try(row, now, "lost", why)])
        if channel is not None and channel.capabilities.resend_is_safe:
            if row.overtaken:
                # The bot's words may have left already; they are not repeated under a new owner.
                end(connection, row, status="cancelled", error="the conversation changed hands")
                return False
            return True
        logger.error("outbox.fate_unknown", outbox_id=row.id, conversation_id=row.conversation_id)
        end(connection, row, status="unknown", error=why)
        self._effects.undeliverable(connection, row, why, now)
        return False

    def _allowed_at(self, connection: Connection, row: OutboxRow, channel: Channel) -> float:
        needed = memory_needed(channel.capabilities)
        if not needed:
            return 0.0
        return earliest_send(recent_sends(connection, row.room_id, needed), channel.capabilities)

    def settle(self, connection: Connection, settlements: Sequence[Settlement]) -> Settled:
        """Writes what became of tries, several at once."""
        ours = settle(connection, [_settled(one) for one in settlements], holder=self._holder)
        record_tries(connection, [_settled_try(one) for one in settlements])
        ended = [
            one for one, owned in zip(settlements, ours, strict=True) if owned and not isinstance(one.verdict, Again)
        ]
        lines = [(one.row.idempotency_key, STATUS[type(one.verdict)], _message_id(one)) for one in ended]
        mark_lines(connection, lines)
        for one in ended:
            if not one.quiet:
                self._tell_desk(connection, one)
        return Settled(ours, waits_in(connection, [one.row.room_id for one in settlements]))

    def _tell_desk(self, connection: Connection, one: Settlement) -> None:
        if isinstance(one.verdict, Sent):
            self._effects.on_sent(connection, one.row, one.verdict.receipt, one.at)
        elif not isinstance(one.verdict, Again | Withdrawn):
            self._effects.undeliverable(connection, one.row, one.verdict.why, one.at)


def _settled(one: Settlement) -> SettledSend:
    verdict, status = one.verdict, STATUS[type(one.verdict)]
    if isinstance(verdict, Sent):
        return SettledSend(one.row, status, message_id=verdict.receipt.platform_message_id, sent_at=one.at)
    return SettledSend(one.row, status, later=verdict.at if isinstance(verdict, Again) else None, error=verdict.why)


def _message_id(one: Settlement) -> str | None:
    return one.verdict.receipt.platform_message_id or None if isinstance(one.verdict, Sent) else None


def _settled_try(one: Settlement) -> dict[str, object]:
    status = "retry" if isinstance(one.verdict, Again) else STATUS[type(one.verdict)]
    return _try(one.row, one.at, status, "" if isinstance(one.verdict, Sent) else one.verdict.why)


def _try(row: OutboxRow, at: float, status: str, error: str) -> dict[str, object]:
    return {"outbox_id": row.id, "attempt": row.attempts, "at": at, "status": status, "error": error[:500]}
