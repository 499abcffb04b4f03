"""Loads the case behind an escalation, for its brief: the conversation, its last lines, its moods and tickets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, select, update

from agents.handoff_brief import CaseFile
from conversation.codec import from_json, to_json
from conversation.findings import Emotion
from conversation.identity import Person, Room, Speaker
from conversation.turn import Conversation
from desk.escalations import Handoff, find_handoff
from desk.tickets import known_tickets
from store.conversation_rows import last_lines
from store.schema import conversations, customers


@dataclass(frozen=True, slots=True)
class Case:
    """An escalation and what its brief is written from."""

    handoff: Handoff
    file: CaseFile

    @property
    def question(self) -> str:
        """The customer's last words that say something, to look for knowledge with."""
        said = (line.text for line in reversed(self.file.turns) if line.speaker is Speaker.CUSTOMER)
        return next((text for text in said if len(text.strip()) > 3), "")


def load_case(connection: Connection, handoff_id: str) -> Case | None:
    """The case of an escalation, None when it is gone."""
    handoff = find_handoff(connection, handoff_id)
    if handoff is None:
        return None
    row = connection.execute(
        select(conversations, customers.c.tier)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .where(conversations.c.id == handoff.conversation_id)
    ).one()
    conversation = Conversation(
        conversation_id=row.id,
        room=from_json(Room, row.room),
        customer_id=row.customer_id,
        customer=from_json(Person, row.person),
        owner=row.owner,
        epoch=row.owner_epoch,
        waiting_for_staff=row.status == "waiting",
        summary=row.summary,
        unknown_count=row.unknown_count,
        moods=from_json(tuple[Emotion, ...], row.moods),
        tier=row.tier,
        tickets=known_tickets(connection, row.customer_id),
    )
    lines = last_lines(connection, [row.id])[row.id]
    return Case(handoff, CaseFile(lines, conversation, reason=handoff.reason))


def name_customer(connection: Connection, conversation: Conversation, name: str) -> None:
    """Keeps a customer's name that was learned after their first words."""
    person = to_json(replace(conversation.customer, name=name))
    about = conversations.c.id == conversation.conversation_id
    connection.execute(update(conversations).where(about).values(person=person))
    connection.execute(update(customers).where(customers.c.id == conversation.customer_id).values(name=name))
