"""The desk behind the cards: 接单, 归还机器人 and 已解决 pressed in Feishu, decided at once and in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError
from sqlalchemy import Connection, select

from agents.handoff_brief import Brief
from conversation.card_press import CardAnswer, CardPress
from conversation.codec import from_json
from conversation.identity import Person, Room, Speaker
from conversation.messages import Card
from conversation.staff_wording import StaffWording
from conversation.wording import Wording
from desk import ownership
from desk.escalation_card import CaseHead, escalation_card
from desk.escalations import Handoff, find_handoff
from desk.ownership import Change, Ownership
from desk.relay import platform_of, tell_customer
from store.database import Database
from store.schema import conversations, customers

_WISHES = {"take": ownership.take_over, "give_back": ownership.give_back, "resolve": ownership.resolve}


class StaffDesk:
    """Decides what a pressed button does. `scarce_platforms` get no courtesy lines: each costs a reply there."""

    def __init__(
        self,
        database: Database,
        *,
        wording: Wording,
        staff_wording: StaffWording,
        clock: Callable[[], float],
        scarce_platforms: frozenset[str] = frozenset(),
    ) -> None:
        self._database = database
        self._wording = wording
        self._words = staff_wording
        self._clock = clock
        self._scarce = scarce_platforms

    async def pressed(self, press: CardPress) -> CardAnswer:
        """See `CardPresses.pressed`. Pressing again is harmless: the answer tells how things stand."""
        return await self._database.write(lambda connection: self._decide(connection, press))

    def _decide(self, connection: Connection, press: CardPress) -> CardAnswer:
        wish = _WISHES.get(press.value.get("action", ""))
        if wish is None:
            return CardAnswer(self._words.not_understood, good=False)
        handoff = find_handoff(connection, press.value.get("handoff", ""))
        if handoff is None:
            return CardAnswer(self._words.gone, good=False)
        now = self._clock()
        staff = Person(press.operator.person_id, press.operator.name, Speaker.STAFF)
        result = wish(connection, handoff.conversation_id, staff, now)
        if result.change is Change.DONE:
            self._be_courteous(connection, handoff, press.value["action"], result, now)
        notice, good = self._notice(press.value["action"], result)
        return CardAnswer(notice, good, card_now(connection, handoff.handoff_id, self._words))

    def _be_courteous(
        self, connection: Connection, handoff: Handoff, action: str, result: Ownership, now: float
    ) -> None:
        if platform_of(connection, handoff.conversation_id) in self._scarce:
            return
        text = self._wording.taken_over if action == "take" else self._wording.returned
        key = f"courtesy:{handoff.handoff_id}:{action}:{result.epoch}"
        tell_customer(connection, handoff.conversation_id, text, key=key, now=now)

    def _notice(self, action: str, result: Ownership) -> tuple[str, bool]:
        words = self._words
        done = {"take": words.taken_by_you, "give_back": words.given_back, "resolve": words.resolved}
        said = {
            Change.DONE: done[action],
            Change.ALREADY_YOURS: words.already_yours,
            Change.TAKEN_BY_OTHER: words.taken_by_other.format(name=result.owner_name or result.owner_id),
            Change.NOT_OWNED: words.not_owned,
            Change.GONE: words.gone,
        }
        return said[result.change], result.change in (Change.DONE, Change.ALREADY_YOURS)


def card_now(connection: Connection, handoff_id: str, words: StaffWording) -> Card | None:
    """The escalation's card as it should look now; None when its brief is not written yet."""
    handoff = find_handoff(connection, handoff_id)
    if handoff is None:
        return None
    try:
        brief = from_json(Brief, handoff.brief)
    except ValidationError:
        return None
    return escalation_card(handoff, brief, case_head(connection, handoff.conversation_id), words)


def case_head(connection: Connection, conversation_id: str) -> CaseHead:
    """Who the customer of a conversation is, and where they wrote."""
    query = (
        select(conversations.c.room, conversations.c.person, customers.c.name, customers.c.tier)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .where(conversations.c.id == conversation_id)
    )
    row = connection.execute(query).one()
    room, person = from_json(Room, row.room), from_json(Person, row.person)
    return CaseHead(person.name or row.name or person.person_id, room.title, room.platform, row.tier)
