"""The policy: one table, read from top to bottom, the first row that holds decides. Pure; no model has a say here.

Takes a `Sight`; gives a `Route`: which node goes on, and the reason kept with the turn (staff see those of hand_off).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from agents.cues import Cue
from conversation.findings import Intent
from graph.sight import ORDER_MATTERS, Sight


class Step(StrEnum):
    """The nodes a decision can lead to."""

    RELAY = "relay"
    STAY_SILENT = "stay_silent"
    CHAT = "chat"
    CLARIFY = "clarify"
    ANSWER = "answer"
    ACT = "act"
    OPEN_TICKET = "open_ticket"
    HAND_OFF = "hand_off"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a turn goes, and why."""

    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """When `holds`, go to `step` for `reason`."""

    holds: Callable[[Sight], bool]
    step: Step
    reason: str


def _cue(*cues: Cue) -> Callable[[Sight], bool]:
    return lambda sight: bool(sight.cues.intersection(cues))


#: While a person is on the way, the bot opens nothing new: it answers what it surely knows and passes on the rest.
WAITING: tuple[Row, ...] = (
    Row(_cue(Cue.TICKET), Step.ACT, "ticket"),
    Row(lambda s: s.has_faq and not s.wants_human, Step.ANSWER, "faq"),
    Row(lambda s: s.asks_where_staff_is, Step.CHAT, "still_waiting"),
    Row(_cue(Cue.THANKS), Step.CHAT, "thanks"),
    Row(lambda s: True, Step.RELAY, "waiting_for_staff"),
)

TABLE: tuple[Row, ...] = (
    # Is it for us?
    Row(lambda s: s.staff_owns, Step.RELAY, "staff_owns"),
    Row(lambda s: not s.addressed, Step.STAY_SILENT, "not_addressed"),
    # A person, when it matters.
    Row(lambda s: s.wants_human, Step.HAND_OFF, "customer_asked"),
    Row(lambda s: s.injects and not s.has_faq, Step.CHAT, "refusal"),
    Row(lambda s: s.offends or s.angry, Step.HAND_OFF, "upset"),
    Row(lambda s: s.complains_unhappily, Step.HAND_OFF, "complaint"),
    Row(_cue(Cue.THREATENS), Step.HAND_OFF, "complaint"),
    Row(lambda s: s.worsening, Step.HAND_OFF, "mood_worsening"),
    # Messages without a matter of their own.
    Row(lambda s: s.wordless_media and s.was_upset, Step.HAND_OFF, "media"),
    Row(lambda s: s.wordless_media, Step.CLARIFY, "media"),
    Row(_cue(Cue.EMPTY), Step.STAY_SILENT, "no_words"),
    Row(_cue(Cue.THANKS), Step.CHAT, "thanks"),
    Row(lambda s: Cue.GOODBYE in s.cues and not s.asked_back, Step.CHAT, "goodbye"),
    Row(_cue(Cue.NOD), Step.STAY_SILENT, "nod"),
    Row(_cue(Cue.WHO_ARE_YOU), Step.CHAT, "can_do"),
    Row(_cue(Cue.GREETING, Cue.NUDGE), Step.CHAT, "greeting"),
    # Tickets the customer has, and matters that want hands.
    Row(lambda s: s.ticket_matter, Step.ACT, "ticket"),
    Row(lambda s: s.only_hands_help, Step.OPEN_TICKET, "request"),
    # An answer that did not help is not given twice.
    Row(lambda s: s.not_helped and s.unknown_again, Step.HAND_OFF, "unknown_twice"),
    Row(lambda s: s.not_helped, Step.CLARIFY, "not_helped"),
    # What the knowledge base holds.
    Row(lambda s: s.has_faq, Step.ANSWER, "faq"),
    Row(lambda s: s.asks_for_hands, Step.OPEN_TICKET, "request"),
    Row(lambda s: s.is_about(Intent.COMPLAINT), Step.OPEN_TICKET, "complaint"),
    Row(lambda s: s.may_compose, Step.ANSWER, "compose"),
    Row(lambda s: s.may_extract, Step.ANSWER, "extract"),
    Row(lambda s: s.needs_hands and not s.asks_how, Step.OPEN_TICKET, "request"),
    # Nothing to know.
    Row(lambda s: s.is_about(Intent.THANKS_BYE) and not s.asks, Step.CHAT, "thanks"),
    Row(lambda s: s.is_about(Intent.SUGGESTION_PRAISE) and not s.asks, Step.CHAT, "feedback"),
    Row(lambda s: s.small_talk, Step.CHAT, "small_talk"),
    Row(lambda s: s.may_clarify and not s.asked_back, Step.CLARIFY, "candidates"),
    Row(lambda s: s.needs_hands, Step.OPEN_TICKET, "request"),
    Row(lambda s: s.is_about(*ORDER_MATTERS) and not s.asks_how, Step.OPEN_TICKET, "request"),
    # We do not know: say so once, then a person. Options that did not hit it were once.
    Row(lambda s: "retrieve" in s.defaulted, Step.HAND_OFF, "failed"),
    Row(lambda s: s.unknown_again or s.asked_back, Step.HAND_OFF, "unknown_twice"),
    Row(lambda s: True, Step.CLARIFY, "unknown"),
)

#: An answer was drafted and did not pass its check, or the model did not know: what is left to do honestly.
AFTER_CHECK: tuple[Row, ...] = (
    Row(lambda s: s.needs_hands, Step.OPEN_TICKET, "request"),
    Row(lambda s: s.unknown_again, Step.HAND_OFF, "check_failed"),
    Row(lambda s: s.may_clarify and not s.asked_back, Step.CLARIFY, "candidates"),
    Row(lambda s: True, Step.CLARIFY, "unknown"),
)


def decide(sight: Sight) -> Route:
    """The route of a turn. Always exactly one."""
    table = WAITING if sight.waits_for_staff and sight.addressed and not sight.staff_owns else TABLE
    return first_row(table, sight)


def decide_after_check(sight: Sight) -> Route:
    """The route of a turn whose drafted answer must not leave."""
    return first_row(AFTER_CHECK, sight)


def first_row(table: tuple[Row, ...], sight: Sight) -> Route:
    """The first row of `table` that holds; every table ends with one that always does."""
    row = next(row for row in table if row.holds(sight))
    return Route(row.step, row.reason)
