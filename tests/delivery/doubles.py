"""Doubles at the edges of mail: a platform that records what it is told, a thinker that does as it is told, a desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from channels.channel import Capabilities, Receipt
from conversation.findings import Findings
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import ContentKind, EventKind, IncomingMessage, OutgoingMessage, RoomEvent
from conversation.outcomes import Answered, HandedOff, Outcome, TicketDraft, TicketNote, TurnResult
from conversation.turn import KnownTicket, Turn
from store.outbox_rows import OutboxRow

SAFE = Capabilities(cards=True, max_text_bytes=4096, resend_is_safe=True)
UNSAFE = replace(SAFE, resend_is_safe=False)
NOW = 1_800_000_000.0


def room(number: int = 1, kind: RoomKind = RoomKind.DIRECT) -> Room:
    return Room("stage", "main", f"room{number}", kind, f"房间{number}")


def message(
    number: int, text: str = "我的订单什么时候发货？", *, lane: int = 1, at: float = NOW, **changes: Any
) -> IncomingMessage:
    """A customer's line in the 1:1 room `lane`; its text ends with nothing that looks unfinished."""
    one = IncomingMessage(
        room=room(lane),
        sender=Person(f"p{lane}", f"客户{lane}"),
        message_id=f"m{number}",
        text=text,
        sent_at=at,
        reply_handle={"stream": f"s{number}"},
    )
    return replace(one, **changes)


def staff_message(number: int, text: str, **changes: Any) -> IncomingMessage:
    return message(number, text, sender=Person("zhang", "小张", Speaker.STAFF), **changes)


def picture(number: int, *, lane: int = 1) -> IncomingMessage:
    return message(number, "", lane=lane, kind=ContentKind.IMAGE)


def event(number: int, kind: EventKind, *, subject: str = "", lane: int = 1, at: float = NOW) -> RoomEvent:
    return RoomEvent(room(lane), Person(f"p{lane}", f"客户{lane}"), f"e{number}", kind, at, subject)


def answered(reply: str) -> TurnResult:
    return TurnResult(Answered(reply, reason="test"), Findings())


def echo(turn: Turn) -> TurnResult:
    """Answers with the words it was asked."""
    return answered(f"答：{turn.text}")


def always(outcome: Outcome) -> Callable[[Turn], Awaitable[TurnResult]]:
    async def think(_turn: Turn) -> TurnResult:
        return TurnResult(outcome, Findings())

    return think


@dataclass
class Thinker:
    """Thinks `how`, and remembers every turn it was given; `gate` keeps it thinking until the test opens it."""

    how: Callable[[Turn], TurnResult] = echo
    gate: asyncio.Event | None = None
    turns: list[Turn] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, turn: Turn) -> TurnResult:
        self.turns.append(turn)
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        return self.how(turn)


@dataclass
class StageChannel:
    """A platform that keeps what it is sent; `answers` are given or raised first, one per call."""

    capabilities: Capabilities = SAFE
    answers: list[Receipt | Exception] = field(default_factory=list)
    platform: str = "stage"
    account: str = "main"
    sent: list[tuple[str, OutgoingMessage]] = field(default_factory=list)
    calls: int = 0

    async def receive(self, _request: object) -> Any:
        raise NotImplementedError

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else Receipt(f"om_{self.calls}")
        if isinstance(answer, Exception):
            raise answer
        self.sent.append((idempotency_key, message))
        return answer

    async def close(self) -> None:
        return

    @property
    def texts(self) -> list[str]:
        return [message.text for _, message in self.sent]


@dataclass
class StageDesk:
    """A desk that only takes notes."""

    notes: list[tuple[Any, ...]] = field(default_factory=list)
    answers: Sequence[OutgoingMessage] = ()

    def known_tickets(
        self, connection: Connection, customer_ids: Sequence[str]
    ) -> Mapping[str, tuple[KnownTicket, ...]]:
        return {}

    def open_ticket(self, connection: Connection, turn: Turn, draft: TicketDraft, now: float) -> str:
        self.notes.append(("ticket", turn.turn_id))
        return "T-1"

    def apply_notes(self, connection: Connection, turn: Turn, notes: Sequence[TicketNote], now: float) -> None:
        self.notes.append(("notes", turn.turn_id))

    def hand_off(self, connection: Connection, turn: Turn, outcome: HandedOff, now: float, *, said: bool) -> None:
        self.notes.append(("hand_off", turn.turn_id, outcome.reason, said))

    def to_staff(self, connection: Connection, turn: Turn, now: float) -> None:
        self.notes.append(("to_staff", turn.text))

    def staff_line(self, connection: Connection, message: IncomingMessage, now: float) -> None:
        self.notes.append(("staff_line", message.text))

    def on_event(self, connection: Connection, event: RoomEvent, now: float) -> Sequence[OutgoingMessage]:
        self.notes.append(("event", event.kind.value))
        return self.answers

    def on_sent(self, connection: Connection, row: OutboxRow, receipt: Receipt, now: float) -> None:
        self.notes.append(("sent", row.kind, receipt.platform_message_id))

    def undeliverable(self, connection: Connection, row: OutboxRow, why: str, now: float) -> None:
        self.notes.append(("undeliverable", row.idempotency_key, why))
