"""Writes the brief of an escalation and sends its card to staff: a timer's work, off the customer's path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from sqlalchemy import Connection, update

from agents.handoff_brief import BriefAgent, CaseFile, WrittenBrief
from conversation.codec import to_json
from conversation.findings import Retrieval
from conversation.identity import Person, Room
from conversation.messages import OutgoingMessage
from conversation.staff_wording import StaffWording
from delivery.case_loading import Case, load_case, name_customer
from delivery.desk_effects import ESCALATION
from delivery.timers import TimerCall
from desk.escalations import keep_brief
from desk.staff_desk import card_now
from store.database import Database
from store.outbox_rows import SYSTEM, put_in_outbox
from store.schema import turns

logger = structlog.get_logger(__name__)

Find = Callable[[str], Awaitable[Retrieval]]
#: What a person in a room is called, for platforms whose messages do not say; empty when it cannot be had.
NameOf = Callable[[Room, Person], Awaitable[str]]


async def nameless(_room: Room, _person: Person) -> str:
    """Nobody can be asked for names."""
    return ""


class BriefWriter:
    """The action of `write_brief` timers.

    `staff_room` is None where no staff group is configured: the console shows the escalation all the same.
    """

    def __init__(
        self,
        database: Database,
        agent: BriefAgent,
        find: Find,
        *,
        staff_room: Room | None,
        words: StaffWording,
        clock: Callable[[], float],
        name_of: NameOf = nameless,
    ) -> None:
        self._database = database
        self._agent = agent
        self._find = find
        self._staff_room = staff_room
        self._words = words
        self._clock = clock
        self._name_of = name_of

    async def write(self, call: TimerCall) -> None:
        """Writes and sends once per escalation; a repeat writes the brief anew and sends nothing twice."""
        handoff_id = str(call.payload["handoff_id"])
        case = await self._database.read(lambda connection: load_case(connection, handoff_id))
        if case is None:
            logger.warning("brief.no_case", handoff_id=handoff_id)
            return
        written = await self._agent.write(await self._with_passages(case))
        name = await self._missing_name(case)
        await self._database.write(lambda connection: self._keep(connection, case, written, name))

    async def _missing_name(self, case: Case) -> str:
        """The customer's name where the conversation does not know it yet."""
        conversation = case.file.conversation
        return "" if conversation.customer.name else await self._name_of(conversation.room, conversation.customer)

    async def _with_passages(self, case: Case) -> CaseFile:
        if not case.question:
            return case.file
        found = await self._find(case.question)
        return replace(case.file, passages=found.passages[:3])

    def _keep(self, connection: Connection, case: Case, written: WrittenBrief, name: str) -> None:
        handoff = case.handoff
        if name:
            name_customer(connection, case.file.conversation, name)
        keep_brief(connection, handoff.handoff_id, to_json(written.brief))
        if written.usage.calls:
            _count_usage(connection, handoff.turn_id, written)
        card = card_now(connection, handoff.handoff_id, self._words)
        if self._staff_room is None or card is None:
            return
        put_in_outbox(
            connection,
            OutgoingMessage(self._staff_room, card=card),
            key=f"card:{handoff.handoff_id}",
            now=self._clock(),
            conversation_id=handoff.conversation_id,
            author=SYSTEM,
            kind=ESCALATION,
        )


def _count_usage(connection: Connection, turn_id: str, written: WrittenBrief) -> None:
    """Adds what the brief cost to the turn that asked for it."""
    usage = written.usage
    connection.execute(
        update(turns)
        .where(turns.c.id == turn_id)
        .values(
            llm_calls=turns.c.llm_calls + usage.calls,
            prompt_tokens=turns.c.prompt_tokens + usage.prompt_tokens,
            completion_tokens=turns.c.completion_tokens + usage.completion_tokens,
        )
    )
