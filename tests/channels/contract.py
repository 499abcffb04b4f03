"""What every channel's stage offers to the one suite for all channels: `tests/contracts/test_channel_contract.py`.

A stage module `tests/channels/<platform>/stage.py` has `contract_stage(tmp_path)`, an async context manager that gives
a `ChannelStage`.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from channels.channel import Channel
from conversation.card_press import CardAnswer, CardPress
from conversation.identity import Room
from conversation.messages import Incoming, IncomingMessage
from store.database import Database
from store.migrate import migrate
from store.open_database import open_database


@dataclass
class KeptIntake:
    """An inbox that remembers: `items` are the new ones, once per key; `offered` counts repeats too.

    `broken`, where a test sets it, is raised by the next put.
    """

    items: list[Incoming] = field(default_factory=list)
    offered: int = 0
    broken: Exception | None = None
    _keys: set[str] = field(default_factory=set)

    async def put(self, incoming: Sequence[Incoming]) -> Sequence[bool]:
        if self.broken:
            broken, self.broken = self.broken, None
            raise broken
        news = []
        for item in incoming:
            self.offered += 1
            news.append(item.key not in self._keys)
            if news[-1]:
                self._keys.add(item.key)
                self.items.append(item)
        return news

    @property
    def messages(self) -> list[IncomingMessage]:
        return [item for item in self.items if isinstance(item, IncomingMessage)]


@dataclass
class KeptPresses:
    """A desk that remembers every press and answers all alike."""

    seen: list[CardPress] = field(default_factory=list)
    answer: CardAnswer = field(default_factory=lambda: CardAnswer("已转人工"))

    async def pressed(self, press: CardPress) -> CardAnswer:
        self.seen.append(press)
        return self.answer


class ChannelFaults(Protocol):
    """Misbehaviour of the double at the channel's next send. Leave a method out where the platform has no such thing.

    `refuse_once`: the next send is refused for good, with `code` or, without one, a code that no retry heals.
    """

    def lose_answer_once(self) -> None: ...

    def refuse_once(self, code: int | None = None) -> None: ...

    def busy_once(self) -> None: ...

    def expire_token(self) -> None: ...


class ChannelStage(Protocol):
    """One channel in front of its platform's double, with customers in 1:1 chats (in a group where there are none)."""

    channel: Channel
    intake: KeptIntake
    presses: KeptPresses
    faults: ChannelFaults
    #: What no error text may hold: secrets and tokens of the account.
    secrets: tuple[str, ...]
    #: True where a text over the limit ends in "…" instead of going on in a next message.
    cuts_long_texts: bool

    async def deliver(self, text: str, message_id: str, *, sender: str = "alice", at: float | None = None) -> int:
        """One customer's text as freshly signed webhook bytes (and all that follows them); gives the HTTP status.

        `message_id` stands for the platform's: the same one again is the platform's redelivery.
        """
        ...

    async def deliver_forged(self, text: str) -> int:
        """The same with a wrong signature."""
        ...

    async def deliver_plain(self, plain: bytes) -> int:
        """Any bytes as the plaintext of a rightly signed and encrypted webhook; gives the HTTP status."""
        ...

    def samples(self) -> list[bytes]:
        """Plaintexts of real messages and events, for mutation; every one is kept, pressed or logged as it is."""
        ...

    def room(self, sender: str) -> Room:
        """The room in which that customer is answered."""
        ...

    async def shown(self, sender: str) -> list[str]:
        """What the double shows that customer of ours, oldest first; a card as the words on it (see `card_words`)."""
        ...


@asynccontextmanager
async def kept_database(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh SQLite database with the schema."""
    path = tmp_path / "contract.sqlite3"
    shutil.copy(_empty_database(), path)
    database = open_database(f"sqlite:///{path}")
    try:
        yield database
    finally:
        await database.close()


def card_words(card: Any) -> str:
    """All strings of a card's JSON, line by line."""
    if isinstance(card, dict):
        return "\n".join(filter(None, map(card_words, card.values())))
    if isinstance(card, list):
        return "\n".join(filter(None, map(card_words, card)))
    return card if isinstance(card, str) else ""


@functools.cache
def _empty_database() -> Path:
    path = Path(tempfile.mkdtemp(prefix="huiying-contract-")) / "empty.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


ContractStage = AbstractAsyncContextManager[ChannelStage]
