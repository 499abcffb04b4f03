"""The names of customers, which messages leave out. Best effort: what cannot be had within a second is left out."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from channels.wecom_kf.client import PEOPLE_LIMIT, KfCustomer, WecomKfClient
from conversation.errors import HuiyingError
from conversation.identity import Speaker
from conversation.messages import EventKind, Incoming, RoomEvent

logger = structlog.get_logger(__name__)

PATIENCE_S = 1.0
KEPT = 10_000
NAME_LIFE_S = 86_400.0
#: Whoever could not be named is not asked for again at once.
UNKNOWN_LIFE_S = 600.0
#: After a failed call nobody is asked for: the call may be forbidden to the app.
PAUSE_S = 60.0


class People:
    """Knows customers for a day. `clock` is Unix seconds; the second of patience is real time."""

    def __init__(self, client: WecomKfClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._known: OrderedDict[str, tuple[KfCustomer, float]] = OrderedDict()
        self._paused_until = 0.0

    async def known(self, external_userids: Sequence[str]) -> dict[str, KfCustomer]:
        """These customers; one of whom nothing is known has no name."""
        now = self._clock()
        unknown = [one for one in dict.fromkeys(external_userids) if self._known.get(one, (None, 0.0))[1] <= now]
        if now >= self._paused_until:
            for place in range(0, len(unknown), PEOPLE_LIMIT):
                await self._learn(unknown[place : place + PEOPLE_LIMIT])
        return {one: self._known[one][0] if one in self._known else KfCustomer(one) for one in external_userids}

    async def fill_in(self, incoming: Sequence[Incoming]) -> list[Incoming]:
        """The same with the names of customers, and with the unionid of those who enter."""
        ids = [one.sender.person_id for one in incoming if one.sender.speaker is Speaker.CUSTOMER]
        if not ids:
            return list(incoming)
        known = await self.known(ids)
        return [_filled(one, known.get(one.sender.person_id)) for one in incoming]

    async def _learn(self, external_userids: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = {one.external_userid: one for one in await self._client.customers(external_userids)}
        except (HuiyingError, TimeoutError) as failed:
            self._paused_until = self._clock() + PAUSE_S
            logger.info("wecom_kf.not_named", customers=len(external_userids), reason=str(failed) or "took too long")
            return
        for one in external_userids:
            life_s = NAME_LIFE_S if one in found else UNKNOWN_LIFE_S
            self._known[one] = (found.get(one) or KfCustomer(one), self._clock() + life_s)
            self._known.move_to_end(one)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)


def _filled(incoming: Incoming, customer: KfCustomer | None) -> Incoming:
    if customer is None or incoming.sender.speaker is not Speaker.CUSTOMER:
        return incoming
    named = replace(incoming, sender=replace(incoming.sender, name=customer.nickname))
    if isinstance(named, RoomEvent) and named.kind is EventKind.ENTERED and customer.unionid:
        return replace(named, detail={**named.detail, "unionid": customer.unionid})
    return named
