"""What the agents conclude about a conversation in one turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Intent(StrEnum):
    """What a customer wants; a deployer may use further labels, so triage carries plain strings."""

    PRODUCT_INFO = "product_info"
    PRICE_PROMO = "price_promo"
    STOCK = "stock"
    ORDER_STATUS = "order_status"
    LOGISTICS = "logistics"
    CHANGE_ORDER = "change_order"
    REFUND = "refund"
    RETURN_EXCHANGE = "return_exchange"
    REPAIR = "repair"
    INVOICE = "invoice"
    ACCOUNT = "account"
    MEMBERSHIP = "membership"
    HOWTO = "howto"
    FAULT = "fault"
    COMPLAINT = "complaint"
    SUGGESTION_PRAISE = "suggestion_praise"
    HUMAN_REQUEST = "human_request"
    SMALLTALK = "smalltalk"
    THANKS_BYE = "thanks_bye"
    OTHER = "other"


class EmotionLabel(StrEnum):
    """The six moods told apart."""

    ANGRY = "angry"
    ANXIOUS = "anxious"
    DISAPPOINTED = "disappointed"
    CONFUSED = "confused"
    NEUTRAL = "neutral"
    SATISFIED = "satisfied"


@dataclass(frozen=True, slots=True)
class Flags:
    """Chances (0–1) that a text asks for a person, is urgent, tries to instruct the bot, or insults."""

    wants_human: float = 0.0
    urgent: float = 0.0
    injection: float = 0.0
    offensive: float = 0.0


@dataclass(frozen=True, slots=True)
class Triage:
    """What the customer wants. `confidence` is a chance (0–1); `category` groups intents for routing and reports."""

    intent: str = Intent.OTHER
    category: str = "other"
    confidence: float = 0.0
    flags: Flags = field(default_factory=Flags)


@dataclass(frozen=True, slots=True)
class Emotion:
    """How the customer feels. `scores` are chances per label, `intensity` 0–3, `valence` −1 (bad) … 1 (good)."""

    label: str = EmotionLabel.NEUTRAL
    scores: dict[str, float] = field(default_factory=dict)
    intensity: float = 0.0
    valence: float = 0.0

    @property
    def score(self) -> float:
        """The chance of the winning label."""
        return self.scores.get(self.label, 0.0)


@dataclass(frozen=True, slots=True)
class Passage:
    """An entry of the knowledge base found for a question. `score` orders passages; it is no chance."""

    entry_id: str
    version: int
    question: str
    answer: str
    score: float


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Passages, best first, and the calibrated chance (0–1) that the first one answers the question.

    `covered` is the chance (0–1) that the base holds an answer at all, be it the first passage or another one. Where a
    message asks several things, the first `parts` passages answer one of them each, and the chance is the least sure's.
    """

    passages: tuple[Passage, ...] = ()
    answerable: float = 0.0
    covered: float = 0.0
    parts: int = 1

    @property
    def answering(self) -> tuple[Passage, ...]:
        """The passages that answer: one for each thing that was asked."""
        return self.passages[: self.parts]


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer comes from: an entry at a version, and the words used."""

    entry_id: str
    version: int
    quote: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A drafted answer; `can_answer` is False when the evidence does not hold it."""

    text: str
    citations: tuple[Citation, ...] = ()
    can_answer: bool = True


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """Whether a drafted answer may leave; `problems` name what is unsupported."""

    passed: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What the language model cost in one turn (calls, tokens)."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a turn concluded; kept with the turn so that anyone can see why it said what it said."""

    triage: Triage = field(default_factory=Triage)
    emotion: Emotion = field(default_factory=Emotion)
    retrieval: Retrieval = field(default_factory=Retrieval)
    check: AnswerCheck | None = None
    defaulted: tuple[str, ...] = ()
