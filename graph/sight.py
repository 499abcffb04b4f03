"""What the policy sees of a turn: the findings, the cues in the words, and what follows from the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from agents.cues import Cue
from agents.emotion import is_upset, is_worsening
from agents.likeness import likeness, plain
from agents.slots import find_slots, is_only_numbers
from agents.ticket import NEEDS_ORDER, OPEN_STATUSES
from conversation.findings import Emotion, Intent, Retrieval, Triage
from conversation.identity import Speaker
from conversation.turn import BOT, Turn
from graph.media import first_media
from graph.thresholds import Thresholds

#: Matters that want a person's hands, not a text.
HANDS = frozenset({*NEEDS_ORDER, Intent.REPAIR, Intent.FAULT, Intent.INVOICE, Intent.ACCOUNT})
#: Earlier lines in which an answer counts as given.
SAID_LINES = 6
ORDER_MATTERS = frozenset({Intent.ORDER_STATUS, Intent.LOGISTICS})


@dataclass(frozen=True)
class Sight:
    """One turn before the decision. `question` is what was asked, a picked option already put into words.

    `asked_back`: the line before was our own question which of several things was meant.
    """

    turn: Turn
    question: str
    cues: frozenset[Cue]
    triage: Triage = field(default_factory=Triage)
    emotion: Emotion = field(default_factory=Emotion)
    retrieval: Retrieval = field(default_factory=Retrieval)
    defaulted: tuple[str, ...] = ()
    can_compose: bool = False
    asked_back: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)

    def is_about(self, *intents: str) -> bool:
        """True when triage is sure enough of one of `intents`."""
        return self.triage.intent in intents and self.triage.confidence >= self.thresholds.intent

    @property
    def staff_owns(self) -> bool:
        """A person has the conversation: the bot has no say."""
        return self.turn.conversation.owner != BOT

    @property
    def waits_for_staff(self) -> bool:
        """A person was called and has not come yet."""
        return self.turn.conversation.waiting_for_staff

    @property
    def addressed(self) -> bool:
        """The bot is spoken to."""
        return self.turn.addressed

    @property
    def wants_human(self) -> bool:
        """A person is asked for, by the words or by the classifiers."""
        if Cue.WANTS_HUMAN in self.cues:
            return True
        if Cue.NO_HUMAN in self.cues:
            return False
        flag = self.triage.flags.wants_human
        return flag >= self.thresholds.wants_human or (
            flag >= self.thresholds.wants_human_seconded and self.is_about(Intent.HUMAN_REQUEST)
        )

    @property
    def asks_where_staff_is(self) -> bool:
        """人呢, 还要多久, or the call for a person once more."""
        return self.wants_human or bool(self.cues & {Cue.WHERE_IS_STAFF, Cue.NUDGE, Cue.GREETING, Cue.URGES})

    @property
    def ticket_matter(self) -> bool:
        """About a ticket: named as one, or urging and adding while one is open, or the number we asked for."""
        if Cue.TICKET in self.cues:
            return True
        has_open = any(ticket.status in OPEN_STATUSES for ticket in self.turn.conversation.tickets)
        return has_open and (bool(self.cues & {Cue.URGES, Cue.ADDS}) or is_only_numbers(self.question))

    @property
    def asks_how(self) -> bool:
        """The way to do something is asked for, not the doing."""
        return Cue.ASKS_HOW in self.cues and Cue.REQUESTS not in self.cues

    @property
    def concrete(self) -> bool:
        """One certain order, parcel or mishap is meant, not the rule in general."""
        return self.names_order or bool(self.cues & {Cue.TROUBLE, Cue.OWN_ORDER})

    @property
    def needs_hands(self) -> bool:
        """Something has to be done by somebody: a request, or trouble with something concrete."""
        troubled = Cue.TROUBLE in self.cues and self.triage.confidence >= self.thresholds.leaning
        if self.triage.intent in HANDS and troubled:
            return True
        if self.is_about(*HANDS):
            return self.concrete or Cue.ASKS not in self.cues or Cue.REQUESTS in self.cues
        return Cue.REQUESTS in self.cues and self.concrete

    @property
    def asks_for_hands(self) -> bool:
        """The doing is asked for outright, not the way to do it."""
        return self.needs_hands and not self.asks_how and (Cue.REQUESTS in self.cues or self.concrete)

    @property
    def only_hands_help(self) -> bool:
        """No entry of a knowledge base can settle it: the state of an order, or a request about something concrete.

        An entry written for just this trouble settles it all the same, unless an order is named or help asked for.
        """
        if not self.needs_hands or self.asks_how:
            return False
        if self.names_order or (Cue.REQUESTS in self.cues and (self.concrete or Cue.ASKS not in self.cues)):
            return True
        in_trouble = Cue.TROUBLE in self.cues and self.triage.intent in NEEDS_ORDER
        return (in_trouble or (self.is_about(*ORDER_MATTERS) and self.concrete)) and not self.has_exact_faq

    @property
    def asks(self) -> bool:
        """A question is asked, or something to be done: praise and thanks do neither."""
        return bool(self.cues & {Cue.ASKS, Cue.REQUESTS})

    @property
    def small_talk(self) -> bool:
        """A chat about the weather. A question about ourselves is none, and any other question only when it is sure."""
        if not self.is_about(Intent.SMALLTALK) or Cue.REQUESTS in self.cues:
            return False
        return not self.asks or (
            Cue.ABOUT_US not in self.cues and self.triage.confidence >= self.thresholds.intent_sure
        )

    @cached_property
    def names_order(self) -> bool:
        """An order or a parcel is given by its number."""
        slots = find_slots(self.question)
        return bool(slots.orders or slots.trackings)

    @property
    def injects(self) -> bool:
        """The words try to instruct the bot."""
        return self.triage.flags.injection >= self.thresholds.injection

    @property
    def offends(self) -> bool:
        """The words insult."""
        return self.triage.flags.offensive >= self.thresholds.offensive

    @property
    def was_upset(self) -> bool:
        """Unhappy in the line before this one."""
        moods = self.turn.conversation.moods
        return bool(moods) and is_upset(moods[-1])

    @property
    def angry(self) -> bool:
        """Loud anger, whatever it is about."""
        return self.emotion.label == "angry" and self.emotion.intensity >= self.thresholds.angry

    @property
    def upset(self) -> bool:
        """Unhappy enough for an apology."""
        return is_upset(self.emotion)

    @property
    def complains_unhappily(self) -> bool:
        """A complaint that is meant."""
        return self.is_about(Intent.COMPLAINT) and self.emotion.valence <= self.thresholds.complaint_valence

    @property
    def worsening(self) -> bool:
        """Unhappier line by line, however politely."""
        return is_worsening(self.turn.conversation.moods, self.emotion, self.thresholds.trajectory)

    @property
    def presses(self) -> bool:
        """Somebody should look soon."""
        urgent = self.triage.flags.urgent >= self.thresholds.urgent
        return urgent or self.angry or self.offends or self.worsening or self.turn.conversation.tier == "vip"

    @cached_property
    def nearness(self) -> float:
        """How nearly the best entry's question is the one asked."""
        passages = self.retrieval.passages
        return likeness(self.question, passages[0].question) if passages else 0.0

    @property
    def has_faq(self) -> bool:
        """An entry that may be given word for word."""
        if not self.retrieval.passages or not self.retrieval.passages[0].answer.strip():
            return False
        rule, chance = self.thresholds, self.retrieval.answerable
        return chance >= rule.faq_sure or (chance >= rule.faq and self.nearness >= rule.near)

    @property
    def has_exact_faq(self) -> bool:
        """An entry whose question is the one asked."""
        return self.has_faq and self.nearness >= self.thresholds.exact

    @property
    def is_guess(self) -> bool:
        """The best entry may well be about something else: say which question it answers."""
        return self.retrieval.answerable < self.thresholds.faq and self.nearness < self.thresholds.near

    @property
    def may_extract(self) -> bool:
        """The best entry answers it more likely than not."""
        return bool(self.retrieval.passages) and self.retrieval.answerable >= self.thresholds.answer

    @property
    def may_compose(self) -> bool:
        """There is a model, and something for it to work with."""
        return (
            self.can_compose and bool(self.retrieval.passages) and self.retrieval.answerable >= self.thresholds.compose
        )

    @property
    def may_clarify(self) -> bool:
        """There are candidates worth offering."""
        return bool(self.retrieval.passages) and self.retrieval.answerable >= self.thresholds.clarify

    @cached_property
    def not_helped(self) -> bool:
        """Our answer did not do: the customer says so, or asks again what we would answer with the same words."""
        told = [plain(line.text) for line in self.turn.history[-SAID_LINES:] if line.speaker is Speaker.BOT]
        if not any(told):
            return False
        if Cue.NOT_HELPED in self.cues:
            return True
        if not (self.has_faq or self.may_extract):
            return False
        ours = plain(self.retrieval.passages[0].answer)
        return len(ours) > 8 and any(ours[:80] in line or (len(line) > 8 and line in ours) for line in told)

    @property
    def unknown_again(self) -> bool:
        """The questions before this one went unanswered, too."""
        return self.turn.conversation.unknown_count >= self.thresholds.unknown

    @property
    def wordless_media(self) -> bool:
        """A picture, voice or file came without a word."""
        return not self.question.strip() and first_media(self.turn) is not None
