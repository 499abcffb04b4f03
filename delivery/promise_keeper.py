"""Looks after promises: when the time has passed and nobody came, staff are reminded and the customer is told."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from conversation.identity import Room
from conversation.messages import OutgoingMessage
from conversation.staff_wording import StaffWording
from conversation.turn import DeskHours
from conversation.wording import Wording
from delivery.timers import TimerCall
from desk import promises, relay
from desk.escalations import Handoff, open_handoff_of
from store.database import Database
from store.outbox_rows import SYSTEM, put_in_outbox


class PromiseKeeper:
    """The action of `promise_due` timers."""

    def __init__(
        self,
        database: Database,
        *,
        staff_room: Room | None,
        words: StaffWording,
        wording: Wording,
        desk_hours: Callable[[float], DeskHours],
        clock: Callable[[], float],
        scarce_platforms: frozenset[str] = frozenset(),
    ) -> None:
        self._database = database
        self._staff_room = staff_room
        self._words = words
        self._wording = wording
        self._desk_hours = desk_hours
        self._clock = clock
        self._scarce = scarce_platforms

    async def due(self, call: TimerCall) -> None:
        """Chases a promise of a turn that is still open; kept promises pass in silence."""
        turn_id, conversation_id = str(call.payload["turn_id"]), str(call.payload["conversation_id"])
        await self._database.write(lambda connection: self._chase(connection, turn_id, conversation_id))

    def _chase(self, connection: Connection, turn_id: str, conversation_id: str) -> None:
        now = self._clock()
        handoff = open_handoff_of(connection, conversation_id)
        if not promises.break_overdue(connection, turn_id, now) or handoff is None or handoff.status != "waiting":
            return
        self._remind_staff(connection, handoff, turn_id, now)
        if relay.platform_of(connection, conversation_id) not in self._scarce:
            text = self._wording.still_waiting(self._desk_hours(now))
            relay.tell_customer(connection, conversation_id, text, key=f"late:{turn_id}", now=now)

    def _remind_staff(self, connection: Connection, handoff: Handoff, turn_id: str, now: float) -> None:
        key = f"remind:{turn_id}"
        if handoff.card_message_id:
            relay.tell_staff(connection, handoff, self._words.still_waiting, key=key, now=now)
        elif self._staff_room is not None:
            message = OutgoingMessage(self._staff_room, text=self._words.still_waiting)
            put_in_outbox(connection, message, key=key, now=now, author=SYSTEM, kind="notice")
