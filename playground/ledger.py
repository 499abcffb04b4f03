"""What a platform saw, in order: messages, webhooks it posted, calls it took, rules that were broken.

The doubles write it, tests read the plain lists, the playground page follows `changes()` as server-sent events.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["customer", "bot", "staff"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the people in the chat see it now; `at` is Unix seconds of the double's clock.

    `seq` is that of its latest change. `extra` holds what only one platform has (stream state, feedback id, uuid…).
    """

    seq: int
    platform: str
    chat_id: str
    message_id: str
    sender: str
    sender_name: str
    sender_role: Role
    kind: str
    text: str
    at: float
    card: dict[str, Any] | None = None
    reply_to: str | None = None
    thread_id: str | None = None
    recalled: bool = False
    updated: bool = False
    reactions: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give the record as a dict that `json.dumps` takes."""
        return {**dataclasses.asdict(self), "reactions": list(self.reactions)}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook post. `outcome`: answered, refused (not 2xx), late, unreachable, withheld (by a fault)."""

    platform: str
    key: str
    kind: str
    at: float
    outcome: Literal["answered", "refused", "late", "unreachable", "withheld"]
    status: int | None


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One API call that the platform took. `code` is the platform's own (0 = ok), None where the answer had none."""

    platform: str
    call: str
    path: str
    at: float
    status: int
    code: int | None
    body: dict[str, Any]


class DoubleLedger:
    """In-memory record, in order. Not thread safe: use it on the event loop that runs the doubles."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.deliveries: list[Delivery] = []
        self.calls: list[ApiCall] = []
        self.violations: list[str] = []
        self._changes: list[dict[str, Any]] = []
        self._place: dict[str, int] = {}
        self._news = asyncio.Event()

    @property
    def last_seq(self) -> int:
        """The seq of the newest change, 0 when nothing happened yet."""
        return len(self._changes)

    def add(self, **fields: Any) -> Message:
        """Record a new message; takes every field of `Message` but `seq`."""
        message = Message(seq=self.last_seq + 1, **fields)
        self._place[message.message_id] = len(self.messages)
        self.messages.append(message)
        self._tell("added", message.as_json())
        return message

    def change(self, message_id: str, change: str = "updated", **fields: Any) -> Message:
        """Record that a known message looks different now. Unknown id: KeyError."""
        place = self._place[message_id]
        message = dataclasses.replace(self.messages[place], seq=self.last_seq + 1, **fields)
        self.messages[place] = message
        self._tell(change, message.as_json())
        return message

    def note(self, change: str, **fields: Any) -> None:
        """Record something that is no message (a ticket, an event); `fields` must be JSON-able."""
        self._tell(change, fields)

    def violation(self, text: str) -> None:
        """Record a broken protocol rule, in words."""
        self.violations.append(text)
        self._tell("violation", {"text": text})

    def delivered(self, delivery: Delivery) -> None:
        """Record a webhook post and its fate."""
        self.deliveries.append(delivery)
        self._tell("delivery", dataclasses.asdict(delivery))

    def called(self, call: ApiCall) -> None:
        """Record an API call and the answer's code."""
        self.calls.append(call)
        self._tell("call", {**dataclasses.asdict(call), "body": None})

    def message(self, message_id: str) -> Message:
        """Give the message as it looks now. Unknown id: KeyError."""
        return self.messages[self._place[message_id]]

    def knows(self, message_id: str) -> bool:
        """Tell whether this message was ever seen."""
        return message_id in self._place

    def of(self, chat_id: str | None = None, role: Role | None = None, kind: str | None = None) -> list[Message]:
        """Give the messages that fit every given filter, oldest first, recalled ones too."""
        return [
            one
            for one in self.messages
            if (chat_id is None or one.chat_id == chat_id)
            and (role is None or one.sender_role == role)
            and (kind is None or one.kind == kind)
        ]

    def texts(self, chat_id: str | None = None, role: Role | None = None) -> list[str]:
        """Give the texts of `of(chat_id, role)`."""
        return [one.text for one in self.of(chat_id, role)]

    def transcript(self, chat_id: str | None = None) -> str:
        """Give the chat as lines, for reading in a failed test."""
        return "\n".join(f"[{one.sender_role} {one.sender_name}] {one.kind}: {one.text}" for one in self.of(chat_id))

    async def changes(self, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """Give every change whose seq is over `after`, then wait for more, forever.

        A change is `{"seq", "change", …}`; for added, updated, recalled and reacted the rest is the message record.
        """
        place = after
        while True:
            while place < len(self._changes):
                place += 1
                yield dict(self._changes[place - 1])
            await self._news.wait()

    async def until(self, found: Callable[[Message], bool], timeout_s: float = 5.0) -> Message:
        """Wait for a message that fits, and give it. TimeoutError holds the transcript."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for one in self.messages:
                        if found(one):
                            return one
                    await self._news.wait()
        except TimeoutError as late:
            raise TimeoutError(f"no such message within {timeout_s} s; seen:\n{self.transcript()}") from late

    def _tell(self, change: str, fields: dict[str, Any]) -> None:
        self._changes.append({**fields, "seq": self.last_seq + 1, "change": change})
        # Waiters hold the old event: waking them by replacing it loses nobody and needs no lock.
        self._news.set()
        self._news = asyncio.Event()
