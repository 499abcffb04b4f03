"""What becomes of a page of news: presses to the desk, the rest into the inbox, a welcome for who enters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from channels.channel import CardPresses, Intake
from channels.wecom_kf import outbound
from channels.wecom_kf.account import WecomKfSettings, chat_of
from channels.wecom_kf.client import Json
from channels.wecom_kf.contents import moment_of, words_at
from channels.wecom_kf.events import Unsupported
from channels.wecom_kf.inbound import PressedEntry, translate
from channels.wecom_kf.people import People
from channels.wecom_kf.sending import PartSender
from conversation.errors import HuiyingError
from conversation.identity import Person, Room, Speaker
from conversation.messages import EventKind, Incoming, RoomEvent

logger = structlog.get_logger(__name__)

#: Hears the unionid that the platform tells of a customer: it joins people across accounts and apps.
Learned = Callable[[Room, Person, str], Awaitable[object]]

_TOLD_LIMIT = 10_000


class Arrivals:
    """One per channel. `presses` may be missing: then a pressed entry is a line like any other.

    `learned` hears each unionid once in this process's memory.
    """

    def __init__(
        self,
        settings: WecomKfSettings,
        *,
        intake: Intake,
        presses: CardPresses | None,
        people: People,
        sender: PartSender,
        clock: Callable[[], float],
        learned: Learned | None = None,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._presses = presses
        self._people = people
        self._sender = sender
        self._clock = clock
        self._learned = learned
        self._told: OrderedDict[str, None] = OrderedDict()

    async def take(self, open_kfid: str, rows: Sequence[Json], oldest: float) -> None:
        """Keeps the rows of one page that are not older than `oldest` (Unix seconds).

        Raises `RetryLater` when they cannot be kept: the page must then be read again.
        """
        now = self._clock()
        young = [row for row in rows if moment_of(row, now) >= oldest]
        if len(young) < len(rows):
            ids = [words_at(row, "msgid")[:64] for row in rows if moment_of(row, now) < oldest]
            logger.warning("wecom_kf.too_old", account=self._settings.account, open_kfid=open_kfid, message_ids=ids)
        arrived = [one for row in young if (one := await self._item(row, open_kfid, now)) is not None]
        named = await self._people.fill_in(arrived)
        greeted = [self._to_greet(one, now) for one in named]
        kept = [_without_code(one) if code else one for one, code in zip(named, greeted, strict=True)]
        fresh = await self._intake.put(kept)
        for one, code, is_new in zip(named, greeted, fresh, strict=True):
            if code and is_new:
                await self._say(one, self._settings.greeting, "greeting", code=code)
        await self._tell_unionids(kept)

    async def _item(self, row: Json, open_kfid: str, now: float) -> Incoming | None:
        """What a row brings to the inbox, if it belongs there."""
        said = translate(row, account=self._settings.account, open_kfid=open_kfid, now=now)
        if isinstance(said, Unsupported):
            logger.info(
                "wecom_kf.unsupported",
                account=self._settings.account,
                open_kfid=open_kfid,
                message_id=said.message_id[:64],
                reason=said.reason,
            )
            return None
        if isinstance(said, PressedEntry):
            return await self._pressed(said)
        return said

    async def _pressed(self, entry: PressedEntry) -> Incoming | None:
        """Lets the desk do what the entry says; what means nothing to it stays a line of the customer."""
        if self._presses is None:
            return entry.message
        answer = await self._presses.pressed(entry.press)
        if not answer.good:
            return entry.message
        logger.info("wecom_kf.pressed", account=self._settings.account, message_id=entry.message.message_id)
        if answer.notice:
            await self._say(entry.message, answer.notice, "press")
        return None

    async def _tell_unionids(self, incoming: Sequence[Incoming]) -> None:
        if self._learned is None:
            return
        people = {one.sender.person_id: one for one in incoming if one.sender.speaker is Speaker.CUSTOMER}
        unheard = [one for one in people if one not in self._told]
        for person_id, customer in (await self._people.known(unheard)).items():
            if not customer.unionid:
                continue
            about = people[person_id]
            try:
                await self._learned(about.room, about.sender, customer.unionid)
            except HuiyingError as failed:
                logger.warning("wecom_kf.unionid_not_taken", dedup_key=about.key, reason=str(failed))
                continue
            self._told[person_id] = None
            if len(self._told) > _TOLD_LIMIT:
                self._told.popitem(last=False)

    def _to_greet(self, incoming: Incoming, now: float) -> str:
        """The code to greet by; empty where nobody is to be greeted, or it is too late."""
        if not self._settings.greeting or not isinstance(incoming, RoomEvent) or incoming.kind is not EventKind.ENTERED:
            return ""
        return outbound.code_of([incoming.reply_handle], now)

    async def _say(self, about: Incoming, words: str, why: str, *, code: str = "") -> None:
        """A line of courtesy; one that cannot be said is only logged."""
        try:
            bodies = outbound.texts(words)[:1]
            await self._sender.send(chat_of(about.room), bodies, f"{why}:{about.key}", code=code)
        except HuiyingError as failed:
            logger.warning("wecom_kf.not_said", dedup_key=about.key, why=why, reason=str(failed))


def _without_code(incoming: Incoming) -> Incoming:
    """A code works once: the one that we greet by is nobody else's."""
    return replace(incoming, reply_handle={})
