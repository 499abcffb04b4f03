"""Tickets that have a twin in another system: which one, and what its events mean for ours and for the customer."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from conversation.messages import RoomEvent
from conversation.wording import Wording
from desk import relay
from desk.tickets import record_event
from store.dialects import AnyRow
from store.schema import tickets

OVER = ("resolved", "closed")


def ticket_row(connection: Connection, number: str) -> AnyRow | None:
    """Our ticket with this number."""
    return connection.execute(select(tickets).where(tickets.c.number == number)).first()


def remember_twin(connection: Connection, number: str, system: str, ticket_id: str, chat_id: str) -> None:
    """Keeps which ticket of which system is the twin of ours."""
    connection.execute(
        update(tickets)
        .where(tickets.c.number == number)
        .values(external_system=system, external_id=ticket_id, external_chat_id=chat_id)
    )


def take_event(connection: Connection, event: RoomEvent, wording: Wording, now: float) -> bool:
    """Applies an event of a twin to our ticket, once. False: it is no twin of ours, or the event was taken before.

    An agent's words go to the customer; a status that ends the ticket is told as well.
    """
    row = connection.execute(select(tickets).where(tickets.c.external_id == event.subject)).first()
    if row is None or not event.subject:
        return False
    change, text = event.detail.get("change", ""), event.detail.get("text", "")
    kind = "note" if change == "message" else "status"
    said = text if kind == "note" else event.detail.get("status", "")
    if not record_event(
        connection, key=event.key, number=row.number, kind=kind, actor=event.sender.person_id, text=said, now=now
    ):
        return False
    if kind == "note":
        if text.strip():
            relay.tell_customer(connection, row.conversation_id, text, key=f"ticket:{event.key}", now=now)
        return True
    return _take_status(connection, row, said, event.key, wording, now)


def _take_status(
    connection: Connection, row: AnyRow, status: str, event_key: str, wording: Wording, now: float
) -> bool:
    if status not in wording.statuses or status == row.status:
        return False
    over = status in OVER
    connection.execute(
        update(tickets)
        .where(tickets.c.id == row.id)
        .values(status=status, updated_at=now, closed_at=now if over else None)
    )
    if over:
        line = wording.state.format(number=row.number, title=row.title, status=wording.statuses[status])
        relay.tell_customer(connection, row.conversation_id, line, key=f"ticket:{event_key}", now=now)
    return True
