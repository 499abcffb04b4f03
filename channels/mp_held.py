"""Webhooks that are held open for their answer, and the answers that leave by them; used by the 公众号.

The platform waits five seconds for a passive reply. Who thinks and who holds may be different processes, so the
database decides who got there first (`mp_claims`); events in memory only make it quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from channels import mp_claims as claims
from channels.mp_claims import Fate
from conversation.errors import RetryLater
from store.database import Database

logger = structlog.get_logger(__name__)

#: How often a holder looks for offers of other processes, and a sender for holders there.
LOOK_S = 0.2
#: Nothing is offered to a webhook in the last moments of its hold, and this much is waited after it.
MARGIN_S = 0.3

Handles = Sequence[Mapping[str, str]]


@dataclass(slots=True, eq=False)
class _Held:
    """A webhook (or several deliveries of the same one) that waits in this process."""

    offered: asyncio.Event = field(default_factory=asyncio.Event)
    given: asyncio.Event = field(default_factory=asyncio.Event)
    released: bool = False
    waiting: int = 0


class HeldReplies:
    """The held webhooks of one account; `owner` is `platform:account`, `hold_s` how long one is held (0: never)."""

    def __init__(self, database: Database, *, owner: str, hold_s: float, clock: Callable[[], float]) -> None:
        self._database = database
        self._owner = owner
        self._hold_s = hold_s
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._looking: asyncio.Task[None] | None = None

    def handle(self, message_id: str) -> dict[str, str]:
        """What the answer to a message must carry to find its webhook; empty where none is held."""
        if self._hold_s <= 0:
            return {}
        return {"held": claims.held_id(self._owner, message_id), "held_until": str(self._clock() + self._hold_s)}

    async def answer(self, handle: Mapping[str, str], *, repeated: bool) -> str | None:
        """Waits for the text to answer the webhook of `handle` with; None when there is none in time.

        `repeated`: the message was kept before, so its answer may be there already, or may have gone another way.
        """
        stream_id, until = _read(handle)
        if not stream_id:
            return None
        if repeated and await self._database.read(partial(claims.fate_of, stream_id=stream_id)) is not None:
            return await self._pick_up(stream_id)
        held = self._held.setdefault(stream_id, _Held())
        held.waiting += 1
        self._look()
        try:
            if not await _within(held.offered, until - self._clock()) or held.released:
                return None
            text = await self._pick_up(stream_id)
            held.given.set()
            return text
        finally:
            held.waiting -= 1
            if not held.waiting:
                self._held.pop(stream_id, None)

    async def offer(self, handles: Handles, text: str, key: str) -> bool:
        """Gives `text` to the newest webhook that is held; True when it left there, False when it must go otherwise.

        Never both: a text that no webhook took in time is withdrawn first. The same key finds its fate again. Raises
        `RetryLater` when the database is gone.
        """
        until = dict(one for one in map(_read, handles) if one[0])
        now = self._clock()
        open_ids = {stream_id for stream_id, end in until.items() if end - now > MARGIN_S}
        if not until:
            return False
        write = partial(
            claims.offer, ids=list(until), open_ids=open_ids, text=text, key=key, owner=self._owner, now=now
        )
        offer = await self._database.write(write)
        fate = offer.fate if offer else Fate.WITHDRAWN
        if offer and fate is Fate.WAITING:
            fate = await self._awaited(offer.stream_id, until[offer.stream_id])
        self.release(handles)
        return fate is Fate.GIVEN

    def release(self, handles: Handles) -> None:
        """Lets the webhooks of these handles go that are held in this process: nothing will come for them."""
        for stream_id, _ in map(_read, handles):
            held = self._held.get(stream_id)
            if held and not held.offered.is_set():
                held.released = True
                held.offered.set()

    async def close(self) -> None:
        """Lets every held webhook go."""
        for held in self._held.values():
            held.released = not held.offered.is_set()
            held.offered.set()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _awaited(self, stream_id: str, until: float) -> Fate:
        """What becomes of an offer; when its webhook is over it is withdrawn."""
        loop = asyncio.get_running_loop()
        end = loop.time() + max(0.0, until - self._clock()) + MARGIN_S
        while (left := end - loop.time()) > 0:
            if held := self._held.get(stream_id):
                held.offered.set()
                await _within(held.given, min(LOOK_S, left))
            else:
                await asyncio.sleep(min(LOOK_S, left))
            fate = await self._database.read(partial(claims.fate_of, stream_id=stream_id))
            if fate is not Fate.WAITING:
                return fate or Fate.WITHDRAWN
        withdrawn = await self._database.write(partial(claims.withdraw, stream_id=stream_id, now=self._clock()))
        return Fate.WITHDRAWN if withdrawn else Fate.GIVEN

    async def _pick_up(self, stream_id: str) -> str | None:
        try:
            return await self._database.write(partial(claims.pick_up, stream_id=stream_id, now=self._clock()))
        except RetryLater:
            # Not picked up, so the sender withdraws it and takes the other way.
            logger.warning("mp.hold_not_answered", owner=self._owner)
            return None

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_for_offers())

    async def _look_for_offers(self) -> None:
        """Finds what other processes offer, for all held webhooks at once, as long as there are any."""
        while self._held:
            await asyncio.sleep(LOOK_S)
            unoffered = [stream_id for stream_id, held in self._held.items() if not held.offered.is_set()]
            try:
                found = await self._database.read(partial(claims.offered_among, ids=unoffered)) if unoffered else set()
            except RetryLater:
                continue
            for stream_id in found:
                if held := self._held.get(stream_id):
                    held.offered.set()


def _read(handle: Mapping[str, str]) -> tuple[str, float]:
    """(row, until when it is held) of a handle; an empty id where it is none of ours."""
    try:
        return handle.get("held", ""), float(handle.get("held_until", "0"))
    except ValueError:
        return "", 0.0


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came in time."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return False
    return True
