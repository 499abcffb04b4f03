"""What mail asks of the desk, inside the transaction that finishes a turn or settles a send: a port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from channels.channel import Receipt
from conversation.messages import IncomingMessage, OutgoingMessage, RoomEvent
from conversation.outcomes import HandedOff, TicketDraft, TicketNote
from conversation.turn import KnownTicket, Turn
from store.outbox_rows import OutboxRow


class Effects(Protocol):
    """All methods write through the given connection alone; what they raise undoes the whole transaction."""

    def known_tickets(
        self, connection: Connection, customer_ids: Sequence[str]
    ) -> Mapping[str, tuple[KnownTicket, ...]]:
        """The tickets of those customers who have any, newest first."""
        ...

    def open_ticket(self, connection: Connection, turn: Turn, draft: TicketDraft, now: float) -> str:
        """Opens the turn's ticket and gives its number; the same turn always gets the same ticket."""
        ...

    def apply_notes(self, connection: Connection, turn: Turn, notes: Sequence[TicketNote], now: float) -> None:
        """Adds words to tickets, once per turn."""
        ...

    def hand_off(self, connection: Connection, turn: Turn, outcome: HandedOff, now: float, *, said: bool) -> None:
        """Opens the escalation, orders its brief, and keeps the promise that the reply makes if it is `said`."""
        ...

    def to_staff(self, connection: Connection, turn: Turn, now: float) -> None:
        """Passes the turn's messages to the staff member who owns the conversation."""
        ...

    def staff_line(self, connection: Connection, message: IncomingMessage, now: float) -> None:
        """Decides where a line written by staff goes."""
        ...

    def on_event(self, connection: Connection, event: RoomEvent, now: float) -> Sequence[OutgoingMessage]:
        """Does what an event asks for; what it gives is sent."""
        ...

    def on_sent(self, connection: Connection, row: OutboxRow, receipt: Receipt, now: float) -> None:
        """A message left."""
        ...

    def undeliverable(self, connection: Connection, row: OutboxRow, why: str, now: float) -> None:
        """A message was given up or its fate is unknown: a person must know."""
        ...
