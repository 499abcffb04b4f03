"""How a turn ends, and what it asks the desk to do. Every turn has exactly one outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from conversation.findings import Citation, Findings, Usage


class Urgency(StrEnum):
    """How soon a person must look."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """A ticket to be opened with the turn. `kind` is an intent, `summary` is for staff."""

    kind: str
    title: str
    summary: str
    urgency: Urgency = Urgency.NORMAL
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketNote:
    """Words to be added to an existing ticket; `close` and `reopen` change its status with them."""

    number: str
    text: str
    close: bool = False
    reopen: bool = False
    urge: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The customer got an answer. `citations` is empty for greetings and thanks."""

    reply: str
    reason: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Clarified:
    """The customer was asked something, or told what we can and cannot do."""

    reply: str
    reason: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Acted:
    """Something was looked up or done for the customer."""

    reply: str
    reason: str
    notes: tuple[TicketNote, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketOpened:
    """A ticket was opened. `{number}` in `reply` is replaced by the ticket's number when it is written."""

    reply: str
    reason: str
    ticket: TicketDraft


@dataclass(frozen=True, slots=True)
class HandedOff:
    """A person takes over. `reply` is the honest line for the customer; a brief for staff follows.

    `promise_due_s` is the time in seconds within which the reply says a person answers; None if it says no time.
    """

    reply: str
    reason: str
    urgency: Urgency = Urgency.NORMAL
    promise_due_s: float | None = None


@dataclass(frozen=True, slots=True)
class Relayed:
    """Words were passed between customer and staff; the bot said nothing of its own."""

    reason: str


@dataclass(frozen=True, slots=True)
class StayedSilent:
    """Nothing was said, on purpose."""

    reason: str


Outcome = Answered | Clarified | Acted | TicketOpened | HandedOff | Relayed | StayedSilent

OUTCOMES: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Answered, Clarified, Acted, TicketOpened, HandedOff, Relayed, StayedSilent)
}


def reply_of(outcome: Outcome) -> str:
    """The words for the customer, or an empty string."""
    return "" if isinstance(outcome, Relayed | StayedSilent) else outcome.reply


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What one turn of thought came to."""

    outcome: Outcome
    findings: Findings
    usage: Usage = field(default_factory=Usage)
    route: str = ""
    prompt_versions: tuple[str, ...] = ()
