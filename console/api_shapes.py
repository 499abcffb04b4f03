"""What the API answers with: its words and units are its outside contract. Times are Unix seconds, chances 0–1."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item", bound=BaseModel)


class Shape(BaseModel):
    """A part of an answer, made from our own values."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class PageOf(Shape, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(description="Pass as `after` for the next page; null on the last one.")


class RoomShape(Shape):
    """Where a conversation takes place."""

    platform: str
    account: str
    chat_id: str
    kind: str = Field(description="direct or group")
    title: str


class LastLineShape(Shape):
    """The newest line of a conversation."""

    spoken_by: str = Field(description="customer, staff or bot")
    kind: str
    text: str


class ConversationShape(Shape):
    """One matter of a customer in a room."""

    id: str
    room: RoomShape
    customer_id: str = Field(description="The platform's id of the customer.", validation_alias="person_id")
    customer_name: str = Field(validation_alias="name")
    status: str = Field(description="open, waiting (for staff), with_staff or resolved")
    owner: str = Field(description="bot, or the id of the staff member who answers")
    owner_name: str
    waiting_since: float | None
    handoff_reason: str = Field(validation_alias="reason")
    urgency: str
    opened_at: float
    last_message_at: float
    resolved_at: float | None
    last_line: LastLineShape | None = Field(validation_alias="last")


class LineShape(Shape):
    """One line as it was written."""

    id: int
    spoken_by: str = Field(description="customer, staff or bot")
    sender_name: str
    kind: str = Field(description="text, image, voice, file, video, location, link, card, sticker or other")
    text: str
    status: str = Field(description="received, queued, sent, failed, unknown, cancelled, recalled, draft or observed")
    turn_id: str
    at: float


class PassageShape(Shape):
    """An entry of the knowledge base found for a question; `score` orders passages and is no chance."""

    entry_id: str
    version: int
    question: str
    answer: str
    score: float


class RetrievalShape(Shape):
    """What the knowledge base holds on a question."""

    passages: list[PassageShape] = Field(description="Best first.")
    answerable: float = Field(description="The chance that the first passage answers the question.")
    covered: float = Field(description="The chance that the base holds an answer at all.")


class FlagsShape(Shape):
    """Chances that a text asks for a person, is urgent, tries to instruct the bot, or insults."""

    wants_human: float
    urgent: float
    injection: float
    offensive: float


class TriageShape(Shape):
    """What the customer wants."""

    intent: str
    category: str
    confidence: float
    flags: FlagsShape


class EmotionShape(Shape):
    """How the customer feels."""

    label: str
    scores: dict[str, float]
    intensity: float = Field(description="0–3")
    valence: float = Field(description="−1 (bad) … 1 (good)")


class CheckShape(Shape):
    """Whether a drafted answer might leave."""

    passed: bool
    problems: list[str]


class FindingsShape(Shape):
    """All that a turn concluded."""

    triage: TriageShape
    emotion: EmotionShape
    retrieval: RetrievalShape
    check: CheckShape | None
    defaulted: list[str] = Field(description="Finders that did not conclude in time.")


class CitationShape(Shape):
    """Where an answer comes from."""

    entry_id: str
    version: int
    quote: str


class TurnShape(Shape):
    """One finished thought of the bot: what came out, why, and what was found on the way."""

    id: str = Field(validation_alias="turn_id")
    outcome: str = Field(description="Answered, Clarified, Acted, TicketOpened, HandedOff, Relayed or StayedSilent")
    reason: str
    route: str
    reply: str
    findings: FindingsShape
    citations: list[CitationShape]
    llm_calls: int
    tokens: int
    duration_ms: int
    at: float


class ConversationDetail(Shape):
    """A conversation with one page of its lines, oldest first, and the turns that these lines belong to."""

    conversation: ConversationShape
    lines: list[LineShape]
    turns: list[TurnShape]
    next: int | None = Field(description="Pass as `after` for the lines that follow; null at the end.")


class TicketShape(Shape):
    """A ticket of the desk."""

    number: str
    conversation_id: str
    kind: str
    title: str
    summary: str
    urgency: str = Field(description="low, normal or high")
    status: str = Field(description="open, processing, waiting_customer, resolved or closed")
    external_system: str
    external_id: str
    opened_at: float
    updated_at: float
    closed_at: float | None


class TicketEventShape(Shape):
    """Something that happened to a ticket."""

    kind: str
    actor: str
    text: str
    at: float


class TicketDetail(Shape):
    """A ticket and its life, oldest event first."""

    ticket: TicketShape
    events: list[TicketEventShape]


class GapShape(Shape):
    """A question that the knowledge base could not answer."""

    id: int
    conversation_id: str
    question: str
    answerable: float
    status: str
    asked_at: float


class Problem(Shape):
    """Why there is no answer."""

    detail: str
