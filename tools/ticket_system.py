"""The port of a ticket system beside ours: where a ticket gets a twin that staff of another system work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class TicketState(StrEnum):
    """Where a ticket stands; the values are those of our tickets table."""

    OPEN = "open"
    PROCESSING = "processing"
    WAITING_CUSTOMER = "waiting_customer"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_over(self) -> bool:
        """Whether nobody has to do anything any more."""
        return self in (TicketState.RESOLVED, TicketState.CLOSED)


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket of ours that shall have a twin.

    `number` is ours and makes `create` idempotent; `guest_id` is the person there for whom the twin is opened (empty:
    the system's own default); `link` leads to the conversation; `opened_at` is Unix seconds.
    """

    number: str
    title: str
    summary: str
    opened_at: float
    guest_id: str = ""
    source: str = ""
    link: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class ExternalTicket:
    """A twin as it stands there. Times are Unix seconds, None where that system has none."""

    ticket_id: str
    state: TicketState
    chat_id: str = ""
    agents: tuple[str, ...] = ()
    solved: bool | None = None
    created_at: float | None = None
    updated_at: float | None = None
    closed_at: float | None = None


@dataclass(frozen=True, slots=True)
class TicketLine:
    """A message inside a twin. `author_id` is the person's id there, `at` is Unix seconds."""

    message_id: str
    text: str
    author_id: str
    author_name: str
    at: float


class TicketSystem(Protocol):
    """Another system's tickets. Every call raises `RetryLater`, `GiveUp`, and where it writes `FateUnknown`."""

    async def create(self, ticket: NewTicket) -> ExternalTicket:
        """Opens the twin of our ticket, or gives the one that an earlier, half-finished call opened.

        Call it only while our row names no twin yet; after `RetryLater` or `FateUnknown` call it again.
        """
        ...

    async def add_message(self, ticket_id: str, text: str) -> str:
        """Says something in the twin and gives the message's id."""
        ...

    async def messages(self, ticket_id: str, since: float | None = None) -> Sequence[TicketLine]:
        """What was said in the twin from `since` (Unix seconds) on, oldest first."""
        ...

    async def fetch(self, ticket_id: str) -> ExternalTicket:
        """How the twin stands now."""
        ...

    async def list_updated(self, since: float, until: float) -> Sequence[ExternalTicket]:
        """The twins that changed between two moments (Unix seconds); a sweep for events that never came."""
        ...

    async def set_status(self, ticket_id: str, state: TicketState, comment: str = "") -> bool:
        """Sets the twin's status. False: that system would not let us, so the change was only announced in words."""
        ...
