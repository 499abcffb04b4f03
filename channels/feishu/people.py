"""What Feishu's events leave out and staff need: the names of people, the words of a quoted message. Best effort.

Sits between `inbound` and the inbox; whatever cannot be had within a second is left out, never waited for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from channels.feishu.client import FeishuClient
from conversation.errors import HuiyingError
from conversation.identity import Person, Speaker
from conversation.messages import EventKind, Incoming, IncomingMessage, Quote
from tools.feishu_errors import FeishuRefused

logger = structlog.get_logger(__name__)

PATIENCE_S = 1.0
NAMES_KEPT = 10_000
NAME_LIFE_S = 86_400.0
#: A name that could not be had is not asked for again at once: Feishu's free edition counts every call.
UNKNOWN_LIFE_S = 600.0
#: Codes that concern the app, not the person or message: nothing of the kind can be had for a while.
SCOPE_PAUSE_S = 3_600.0
_NO_SCOPE = frozenset({99991672, 99991679, 99991403})

Found = TypeVar("Found")


class People:
    """Fills in names and quotes. `clock` is Unix seconds; the second of patience is real time."""

    def __init__(self, client: FeishuClient, app_id: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._app_id = app_id
        self._clock = clock
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._paused_until: dict[str, float] = {}
        self._learning: dict[str, asyncio.Task[tuple[str, float]]] = {}

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
        known = self._names.get(person.person_id)
        if known is None or known[1] <= self._clock():
            learning = self._learning.get(person.person_id)
            known = await (asyncio.shield(learning) if learning else self._ask_name(person.person_id))
        return replace(person, name=known[0])

    def _named_if_known(self, person: Person) -> Person:
        if person.name or not person.person_id.startswith("ou_"):
            return person
        known = self._names.get(person.person_id)
        if known is not None and known[1] > self._clock():
            return replace(person, name=known[0])
        if person.person_id not in self._learning:
            task = asyncio.create_task(self._ask_name(person.person_id))
            self._learning[person.person_id] = task
            task.add_done_callback(lambda _: self._learning.pop(person.person_id, None))
        return person

    async def close(self) -> None:
        """Stops learning names."""
        learning = list(self._learning.values())
        for task in learning:
            task.cancel()
        await asyncio.gather(*learning, return_exceptions=True)

    async def _ask_name(self, open_id: str) -> tuple[str, float]:
        name = await self._try("name", self._client.user_name, open_id) or ""
        known = (name, self._clock() + (NAME_LIFE_S if name else UNKNOWN_LIFE_S))
        self._names[open_id] = known
        self._names.move_to_end(open_id)
        if len(self._names) > NAMES_KEPT:
            self._names.popitem(last=False)
        return known

    async def _quoted(self, quote: Quote | None) -> Quote | None:
        if quote is None or quote.text or quote.of_bot:
            return quote
        message = await self._try("quote", self._client.message, quote.message_id)
        if message is None:
            return quote
        return replace(quote, text=message.text, of_bot=message.app_id == self._app_id)

    async def _try(self, what: str, ask: Callable[[str], Awaitable[Found]], subject: str) -> Found | None:
        if self._clock() < self._paused_until.get(what, 0.0):
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await ask(subject)
        except TimeoutError:
            logger.info("feishu.not_filled_in", what=what, subject=subject, reason="took too long")
        except HuiyingError as refused:
            if isinstance(refused, FeishuRefused) and refused.code in _NO_SCOPE:
                self._paused_until[what] = self._clock() + SCOPE_PAUSE_S
            logger.info("feishu.not_filled_in", what=what, subject=subject, reason=str(refused))
        return None
