"""What Feishu's events leave out and staff need: the names of people, the words of a quoted message. Best effort.

Sits between `inbound` and the inbox; whatever cannot be had within a second is left out, never waited for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from channels.feishu.client import FeishuClient, KnownUser
from channels.feishu.patience import Patience
from conversation.identity import Person, Speaker
from conversation.messages import EventKind, Incoming, IncomingMessage, Quote

NAMES_KEPT = 10_000
NAME_LIFE_S = 86_400.0
#: A name that could not be had is not asked for again at once: Feishu's free edition counts every call.
UNKNOWN_LIFE_S = 600.0

Known = tuple[KnownUser, float]


class People:
    """Fills in names and quotes. `clock` is Unix seconds."""

    def __init__(self, client: FeishuClient, patience: Patience, app_id: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._patience = patience
        self._app_id = app_id
        self._clock = clock
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._learning: dict[str, asyncio.Task[Known]] = {}

    async def fill_in(self, incoming: Incoming) -> Incoming:
        """The same with the quoted words, as far as they can be had, and the sender's name.

        A customer's name is not waited for: where it is not known yet, it is learned beside the acknowledgement.
        """
        if isinstance(incoming, IncomingMessage):
            quote = await self._quoted(incoming.quote)
            if incoming.sender.speaker is Speaker.CUSTOMER:
                return replace(incoming, sender=self._named_if_known(incoming.sender), quote=quote)
            return replace(incoming, sender=await self.named(incoming.sender), quote=quote)
        if incoming.kind is EventKind.TICKET_CHANGED:
            return replace(incoming, sender=await self.named(incoming.sender))
        return incoming

    async def named(self, person: Person) -> Person:
        """The person with a name, if one can be had."""
        if person.name or not person.person_id.startswith("ou_"):
            return person
        return replace(person, name=(await self.user(person.person_id)).name)

    async def user(self, open_id: str) -> KnownUser:
        """What Feishu tells of a user; empty parts where it tells nothing."""
        known = self._known.get(open_id)
        if known is None or known[1] <= self._clock():
            learning = self._learning.get(open_id)
            known = await (asyncio.shield(learning) if learning else self._ask(open_id))
        return known[0]

    def _named_if_known(self, person: Person) -> Person:
        if person.name or not person.person_id.startswith("ou_"):
            return person
        known = self._known.get(person.person_id)
        if known is not None and known[1] > self._clock():
            return replace(person, name=known[0].name)
        if person.person_id not in self._learning:
            task = asyncio.create_task(self._ask(person.person_id))
            self._learning[person.person_id] = task
            task.add_done_callback(lambda _: self._learning.pop(person.person_id, None))
        return person

    async def close(self) -> None:
        """Stops learning names."""
        learning = list(self._learning.values())
        for task in learning:
            task.cancel()
        await asyncio.gather(*learning, return_exceptions=True)

    async def _ask(self, open_id: str) -> Known:
        user = await self._patience.ask("name", self._client.user, open_id) or KnownUser()
        known = (user, self._clock() + (NAME_LIFE_S if user.name else UNKNOWN_LIFE_S))
        self._known[open_id] = known
        self._known.move_to_end(open_id)
        if len(self._known) > NAMES_KEPT:
            self._known.popitem(last=False)
        return known

    async def _quoted(self, quote: Quote | None) -> Quote | None:
        if quote is None or quote.text or quote.of_bot:
            return quote
        message = await self._patience.ask("quote", self._client.message, quote.message_id)
        if message is None:
            return quote
        return replace(quote, text=message.text, of_bot=message.app_id == self._app_id)
