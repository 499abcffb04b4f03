"""The real `Effects`: the desk, called inside the transactions of mail. The one file of mail that knows the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection, bindparam, select

from channels.channel import Receipt
from conversation.identity import Speaker
from conversation.messages import IncomingMessage, OutgoingMessage, RoomEvent
from conversation.outcomes import HandedOff, TicketDraft, TicketNote, Urgency
from conversation.staff_wording import StaffWording
from conversation.turn import KnownTicket, Line, Turn
from delivery.turn_record import SILENCE
from desk import escalations, promises, relay, tickets
from store.outbox_rows import OutboxRow
from store.schema import conversations
from store.schema import tickets as ticket_table
from store.timer_rows import schedule

logger = structlog.get_logger(__name__)

#: Timers that the desk's actions answer to.
WRITE_BRIEF, PROMISE_DUE = "write_brief", "promise_due"
#: Timers for tickets that have a twin in another system.
OPEN_TWIN, TELL_TWIN = "open_twin", "tell_twin"
#: The kind of the outbox row that carries an escalation's card.
ESCALATION = "escalation"

_WITH_TICKETS = (
    select(ticket_table.c.customer_id)
    .where(ticket_table.c.customer_id.in_(bindparam("customers", expanding=True)))
    .distinct()
)

OnEvent = Callable[[Connection, RoomEvent, float], Sequence[OutgoingMessage]]


def no_answer(_connection: Connection, _event: RoomEvent, _now: float) -> Sequence[OutgoingMessage]:
    """Nobody answers events."""
    return ()


class DeskEffects:
    """See `Effects`. `on_event` may answer an event with messages, such as news of a ticket for its customer.

    `has_twins`: tickets are kept in step with another system, by timers.
    """

    def __init__(self, words: StaffWording, *, on_event: OnEvent = no_answer, has_twins: bool = False) -> None:
        self._words = words
        self._on_event = on_event
        self._has_twins = has_twins

    def known_tickets(
        self, connection: Connection, customer_ids: Sequence[str]
    ) -> Mapping[str, tuple[KnownTicket, ...]]:
        """See `Effects.known_tickets`."""
        owners = connection.execute(_WITH_TICKETS, {"customers": list(customer_ids)}).scalars().all()
        return {owner: tickets.known_tickets(connection, owner) for owner in owners}

    def open_ticket(self, connection: Connection, turn: Turn, draft: TicketDraft, now: float) -> str:
        """See `Effects.open_ticket`."""
        burst = (Line(Speaker.CUSTOMER, one.text, one.sent_at, one.sender.name) for one in turn.burst)
        number = tickets.open_ticket(
            connection,
            turn_id=turn.turn_id,
            conversation_id=turn.conversation.conversation_id,
            customer_id=turn.conversation.customer_id,
            draft=draft,
            excerpt=(*turn.history, *burst),
            now=now,
        )
        if self._has_twins:
            schedule(connection, OPEN_TWIN, f"twin:{number}", {"number": number}, now)
        return number

    def apply_notes(self, connection: Connection, turn: Turn, notes: Sequence[TicketNote], now: float) -> None:
        """See `Effects.apply_notes`."""
        for note in notes:
            if not tickets.apply_note(connection, note, turn_id=turn.turn_id, actor="bot", now=now):
                logger.warning("turn.note_not_taken", turn_id=turn.turn_id, ticket=note.number)
            elif self._has_twins:
                news = {"number": note.number, "text": note.text}
                schedule(connection, TELL_TWIN, f"tell:{turn.turn_id}:{note.number}", news, now)

    def hand_off(self, connection: Connection, turn: Turn, outcome: HandedOff, now: float, *, said: bool) -> None:
        """See `Effects.hand_off`."""
        conversation_id = turn.conversation.conversation_id
        self._escalate(connection, turn.turn_id, conversation_id, outcome.reason, outcome.urgency, now)
        if not said or outcome.promise_due_s is None:
            return
        due_at = now + outcome.promise_due_s
        promises.record(
            connection,
            turn_id=turn.turn_id,
            conversation_id=conversation_id,
            text=outcome.reply,
            due_at=due_at,
            now=now,
        )
        about = {"turn_id": turn.turn_id, "conversation_id": conversation_id}
        schedule(connection, PROMISE_DUE, f"promise:{turn.turn_id}", about, due_at)

    def to_staff(self, connection: Connection, turn: Turn, now: float) -> None:
        """See `Effects.to_staff`."""
        relay.to_staff(connection, turn.conversation.conversation_id, turn.burst, now)

    def staff_line(self, connection: Connection, message: IncomingMessage, now: float) -> None:
        """See `Effects.staff_line`."""
        relay.staff_line(connection, message, now)

    def on_event(self, connection: Connection, event: RoomEvent, now: float) -> Sequence[OutgoingMessage]:
        """See `Effects.on_event`."""
        return self._on_event(connection, event, now)

    def on_sent(self, connection: Connection, row: OutboxRow, receipt: Receipt, now: float) -> None:
        """Keeps where an escalation's card went: replies in its thread belong to the escalation."""
        if row.kind != ESCALATION or not receipt.platform_message_id:
            return
        handoff = escalations.open_handoff_of(connection, row.conversation_id)
        if handoff is not None and not handoff.card_message_id:
            escalations.remember_card(connection, handoff.handoff_id, row.room_id, receipt.platform_message_id)
            posted = replace(handoff, card_room_id=row.room_id, card_message_id=receipt.platform_message_id)
            relay.catch_up(connection, posted, now)

    def undeliverable(self, connection: Connection, row: OutboxRow, why: str, now: float) -> None:
        """Tells staff about words that did not reach the customer; what did not reach staff is only logged."""
        logger.error("outbox.undeliverable", outbox_id=row.id, kind=row.kind, conversation_id=row.conversation_id)
        if (
            row.kind == SILENCE
            or not row.conversation_id
            or row.room_id != self._room_of(connection, row.conversation_id)
        ):
            return
        handoff = escalations.open_handoff_of(connection, row.conversation_id)
        if handoff is not None and handoff.card_message_id:
            words = self._words.undelivered.format(why=why)
            relay.tell_staff(connection, handoff, words, key=f"undelivered:{row.idempotency_key}", now=now)
            return
        key = f"undelivered:{row.idempotency_key}"
        self._escalate(connection, key, row.conversation_id, "failed", Urgency.HIGH, now)

    def _escalate(
        self, connection: Connection, turn_id: str, conversation_id: str, reason: str, urgency: Urgency, now: float
    ) -> None:
        handoff_id = escalations.open_handoff(
            connection, turn_id=turn_id, conversation_id=conversation_id, reason=reason, urgency=urgency, now=now
        )
        about = {"handoff_id": handoff_id, "conversation_id": conversation_id, "turn_id": turn_id}
        schedule(connection, WRITE_BRIEF, f"brief:{handoff_id}", about, now)

    def _room_of(self, connection: Connection, conversation_id: str) -> str:
        found = connection.execute(select(conversations.c.room_id).where(conversations.c.id == conversation_id))
        return str(found.scalar() or "")
