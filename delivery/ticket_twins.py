"""Opens the twin of a ticket in another system and keeps it informed: a timer's work, repeated until it is done."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Connection, select

from conversation.codec import from_json
from conversation.identity import Person, Room
from delivery.timers import TimerCall
from desk.ticket_twins import remember_twin, ticket_row
from store.database import Database
from store.schema import conversations
from tools.ticket_system import NewTicket, TicketSystem

logger = structlog.get_logger(__name__)

FEISHU = "feishu"


class TicketTwins:
    """The actions of `open_twin` and `tell_twin` timers. `link` gives the page of a conversation.

    A `RetryLater` or `FateUnknown` from the other system leaves the timer waiting; its own idempotency by our ticket
    number keeps a second try from opening a second twin.
    """

    def __init__(
        self,
        database: Database,
        system: TicketSystem,
        *,
        name: str,
        link: Callable[[str], str],
    ) -> None:
        self._database = database
        self._system = system
        self._name = name
        self._link = link

    async def open(self, call: TimerCall) -> None:
        """Opens the twin of the ticket named by the timer, unless it has one."""
        number = str(call.payload["number"])
        row = await self._database.read(lambda connection: ticket_row(connection, number))
        if row is None or row.external_id:
            return
        guest = await self._database.read(lambda connection: _guest(connection, row.conversation_id))
        twin = await self._system.create(
            NewTicket(
                number=number,
                title=row.title,
                summary=row.summary,
                opened_at=row.opened_at,
                guest_id=guest,
                source=self._name,
                link=self._link(row.conversation_id),
                urgent=row.urgency == "high",
            )
        )
        await self._database.write(
            lambda connection: remember_twin(connection, number, self._name, twin.ticket_id, twin.chat_id)
        )
        logger.info("ticket.twin_opened", number=number, external_id=twin.ticket_id)

    async def tell(self, call: TimerCall) -> None:
        """Says in the twin what the customer added to our ticket."""
        row = await self._database.read(lambda connection: ticket_row(connection, str(call.payload["number"])))
        if row is not None and row.external_id:
            await self._system.add_message(row.external_id, str(call.payload["text"]))


def _guest(connection: Connection, conversation_id: str) -> str:
    """The customer's Feishu id, where they write from Feishu; the helpdesk's own default guest otherwise."""
    row = connection.execute(
        select(conversations.c.room, conversations.c.person).where(conversations.c.id == conversation_id)
    ).one()
    return from_json(Person, row.person).person_id if from_json(Room, row.room).platform == FEISHU else ""
