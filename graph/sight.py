"""What the policy sees of a turn: the findings, the cues in the words, and what follows from the two."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from agents.cues import Cue
from agents.emotion import is_upset, is_worsening
from agents.likeness import likeness
from agents.slots import find_slots, is_only_numbers
from agents.ticket import NEEDS_ORDER, OPEN_STATUSES
from conversation.findings import Emotion, Intent, Retrieval, Triage
from conversation.messages import ContentKind
from conversation.turn import BOT, Turn
from graph.thresholds import Thresholds

#: Matters that want a person's hands, not a text.
HANDS = frozenset({*NEEDS_ORDER, Intent.REPAIR, Intent.FAULT, Intent.INVOICE, Intent.ACCOUNT})
ORDER_MATTERS = frozenset({Intent.ORDER_STATUS, Intent.LOGISTICS})


@dataclass(frozen=True)
class Sight:
    """One turn before the decision. `question` is what was asked, a picked option already put into words."""

    turn: Turn
    question: str
    cues: frozenset[Cue]
    triage: Triage = field(default_factory=Triage)
    emotion: Emotion = field(default_factory=Emotion)
    retrieval: Retrieval = field(default_factory=Retrieval)
    defaulted: tuple[str, ...] = ()
    can_compose: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)

    def is_about(self, *intents: str) -> bool:
        """True when triage is sure enough of one of `intents`."""
        return self.triage.intent in intents and self.triage.confidence >= self.thresholds.intent

    # Who speaks to whom

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

    # What the customer wants

    @property
    def wants_human(self) -> bool:
        """A person is asked for, by the words or by the classifiers."""
        if Cue.WANTS_HUMAN in self.cues:
            return True
        if Cue.NO_HUMAN in self.cues:
            return False
        return self.triage.flags.wants_human >= self.thresholds.wants_human or self.is_about(Intent.HUMAN_REQUEST)

    @property
    def asks_where_staff_is(self) -> bool:
        """人呢, 还要多久, or the call for a person once more."""
        return self.wants_human or bool(self.cues & {Cue.WHERE_IS_STAFF, Cue.NUDGE})

    @property
    def ticket_matter(self) -> bool:
        """The words are about a ticket: named as one, or urging and adding while one is open, or the number we asked for."""
        if Cue.TICKET in self.cues:
            return True
        has_open = any(ticket.status in OPEN_STATUSES for ticket in self.turn.conversation.tickets)
        return has_open and (bool(self.cues & {Cue.URGES, Cue.ADDS}) or is_only_numbers(self.question))

    @property
    def needs_hands(self) -> bool:
        """Something has to be done, by somebody: a request, or trouble with a concrete order or account."""
        if self.asks_how and not self.concrete:
            return False
        if self.is_about(*HANDS):
            return self.concrete or Cue.ASKS not in self.cues
        return Cue.REQUESTS in self.cues and (self.concrete or self.is_about(Intent.COMPLAINT))

    @property
    def concrete(self) -> bool:
        """One certain order, parcel or mishap is meant, not the rule in general."""
        if Cue.ASKS_HOW in self.cues and Cue.TROUBLE not in self.cues and not self.names_order:
            return False
        return self.names_order or bool(self.cues & {Cue.TROUBLE, Cue.OWN_ORDER})

    @property
    def asks_how(self) -> bool:
        """The way to do something is asked for, not the doing."""
        return Cue.ASKS_HOW in self.cues and Cue.REQUESTS not in self.cues

    @cached_property
    def names_order(self) -> bool:
        """An order or a parcel is given by its number."""
        slots = find_slots(self.question)
        return bool(slots.orders or slots.trackings)

    # How the customer feels

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

    # What the knowledge base holds

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

    # What came besides words

    @cached_property
    def wordless_media(self) -> ContentKind | None:
        """The kind of picture, voice or file that came without a word; None when there are words or nothing."""
        if self.question.strip():
            return None
        kinds = [m.kind for m in self.turn.burst] + [a.kind for m in self.turn.burst for a in m.attachments]
        silent = {ContentKind.TEXT, ContentKind.STICKER, ContentKind.OTHER}
        return next((kind for kind in kinds if kind not in silent), None)
