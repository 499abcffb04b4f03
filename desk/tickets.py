"""The ticket desk: opens a ticket once per turn, adds words to it, and tells what a customer has open."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, bindparam, func, insert, select, update

from conversation.outcomes import TicketDraft, TicketNote
from conversation.turn import KnownTicket, Line
from store.dialects import insert_new
from store.schema import ticket_events, tickets

#: How many lines of the conversation travel with a ticket.
EXCERPT_LINES = 12
OPEN_STATUSES = ("open", "processing", "waiting_customer")
_NEW_EVENT = insert_new(ticket_events)
_NEW_TICKET = insert(tickets)
_OF_TURN = select(tickets.c.number).where(tickets.c.turn_id == bindparam("turn"))
#: The last one by id: among the numbers of a day, the ten-thousandth sorts before the second.
_NEWEST = (
    select(tickets.c.number)
    .where(tickets.c.number.startswith(bindparam("prefix")))
    .order_by(tickets.c.id.desc())
    .limit(1)
)
_LAST_NOTE = (
    select(ticket_events.c.text)
    .where(ticket_events.c.number == tickets.c.number, ticket_events.c.kind != "opened")
    .order_by(ticket_events.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_KNOWN = (
    select(tickets, _LAST_NOTE.label("last_note"))
    .where(tickets.c.customer_id == bindparam("customer"))
    .order_by(tickets.c.id.desc())
    .limit(bindparam("most"))
)


def open_ticket(
    connection: Connection,
    *,
    turn_id: str,
    conversation_id: str,
    customer_id: str,
    draft: TicketDraft,
    excerpt: Sequence[Line],
    now: float,
) -> str:
    """Opens the ticket that a turn asked for and gives its number; the same turn always gets the same ticket."""
    known = connection.execute(_OF_TURN, {"turn": turn_id}).scalar()
    if known is not None:
        return str(known)
    number = _next_number(connection, now)
    lines = [{"by": line.speaker, "text": line.text, "at": line.at} for line in excerpt[-EXCERPT_LINES:]]
    row = {
        "number": number,
        "turn_id": turn_id,
        "conversation_id": conversation_id,
        "customer_id": customer_id,
        "kind": draft.kind,
        "title": draft.title,
        "summary": draft.summary,
        "urgency": draft.urgency,
        "tags": orjson.dumps(draft.tags).decode(),
        "excerpt": orjson.dumps(lines).decode(),
        "opened_at": now,
        "updated_at": now,
    }
    connection.execute(_NEW_TICKET, row)
    key = f"{turn_id}:opened"
    record_event(connection, key=key, number=number, kind="opened", actor="bot", text=draft.title, now=now)
    return number


def apply_note(connection: Connection, note: TicketNote, *, turn_id: str, actor: str, now: float) -> bool:
    """Adds a note to a ticket and closes, reopens or urges it as the note says.

    False: there is no such ticket, or the note was taken before.
    """
    found = connection.execute(select(tickets.c.status).where(tickets.c.number == note.number)).scalar()
    if found is None:
        return False
    kind = "closed" if note.close else "reopened" if note.reopen else "urged" if note.urge else "note"
    key = f"{turn_id}:{note.number}:{kind}"
    if not record_event(connection, key=key, number=note.number, kind=kind, actor=actor, text=note.text, now=now):
        return False
    change: dict[str, object] = {"updated_at": now}
    if note.close:
        change |= {"status": "closed", "closed_at": now}
    elif note.reopen:
        change |= {"status": "open", "closed_at": None}
    elif note.urge:
        change |= {"urgency": "high"}
    connection.execute(update(tickets).where(tickets.c.number == note.number).values(change))
    return True


def known_tickets(connection: Connection, customer_id: str, *, limit: int = 5) -> tuple[KnownTicket, ...]:
    """The customer's tickets, newest first, each with its last words."""
    rows = connection.execute(_KNOWN, {"customer": customer_id, "most": limit})
    return tuple(
        KnownTicket(row.number, row.title, row.status, row.kind, row.opened_at, row.last_note or "") for row in rows
    )


def record_event(
    connection: Connection, *, key: str, number: str, kind: str, actor: str, text: str, now: float
) -> bool:
    """Writes one event of a ticket's life, once per key. True when it is new."""
    row = {"event_key": key, "number": number, "kind": kind, "actor": actor, "text": text, "at": now}
    return connection.execute(_NEW_EVENT.on(connection), row).rowcount == 1


def _next_number(connection: Connection, now: float) -> str:
    """`T-20261120-0001`: readable over the phone, counted per day in the shop's own day."""
    day = time.strftime("%Y%m%d", time.localtime(now))
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"ticket:{day}"))))
    prefix = f"T-{day}-"
    newest = connection.execute(_NEWEST, {"prefix": prefix}).scalar()
    count = int(newest.rsplit("-", 1)[1]) if newest else 0
    return f"{prefix}{count + 1:04d}"
