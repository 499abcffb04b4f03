"""What one try to send came to. Pure; used by the send worker."""

from __future__ import annotations

from dataclasses import dataclass

from channels.channel import Receipt
from conversation.errors import GiveUp, PersonHolds, RetryLater
from delivery.retry_policy import next_send
from delivery.terms import DeliveryTerms
from store.outbox_rows import OutboxRow


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Again:
    """To be tried again at `at` (Unix seconds)."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Buried:
    """Nothing will help, or it was tried often enough."""

    why: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A person has the chat on the platform: the bot's line is dropped, and nobody need be told."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have arrived, and sending it again could double it: a person decides."""

    why: str


Verdict = Sent | Again | Buried | Withdrawn | Unknown
#: The outbox status that a verdict leads to.
STATUS: dict[type[Verdict], str] = {
    Sent: "sent",
    Again: "queued",
    Buried: "buried",
    Withdrawn: "cancelled",
    Unknown: "unknown",
}


def judge(
    outcome: Receipt | Exception,
    row: OutboxRow,
    terms: DeliveryTerms,
    *,
    resend_is_safe: bool,
    now: float,
    chance: float,
) -> Verdict:
    """The verdict on what `Channel.send` gave or raised.

    Whatever is neither `RetryLater` nor `GiveUp` leaves the fate of the message open: a time-out, a lost answer, a
    fault of ours after the bytes left.
    """
    if isinstance(outcome, Receipt):
        return Sent(outcome)
    why = str(outcome) or repr(outcome)
    if isinstance(outcome, PersonHolds) and row.author == "bot":
        return Withdrawn(why)
    if isinstance(outcome, GiveUp):
        return Buried(why)
    if not isinstance(outcome, RetryLater) and not resend_is_safe:
        return Unknown(why)
    at = next_send(
        tries=row.attempts,
        created_at=row.created_at,
        now=now,
        after_s=outcome.after_s if isinstance(outcome, RetryLater) else None,
        chance=chance,
        max_tries=terms.max_sends,
        limit_s=terms.give_up_sending_s,
    )
    if at is not None:
        return Again(at, why)
    # The last try may have arrived: only a refusal is proof that it did not.
    return Buried(why) if isinstance(outcome, RetryLater) else Unknown(why)
