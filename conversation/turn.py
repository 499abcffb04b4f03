"""What a turn is given to think about: a bounded window of one conversation, and the room's rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from conversation.findings import Emotion
from conversation.identity import Person, Room, Speaker
from conversation.messages import IncomingMessage


class SendRight(StrEnum):
    """How far the bot may go in a room: watch, draft, send after a person's tap, or send."""

    OBSERVE = "observe"
    DRAFT = "draft"
    TAP = "tap"
    AUTO = "auto"


BOT = "bot"


@dataclass(frozen=True, slots=True)
class Line:
    """One earlier line of the conversation, as the turn sees it."""

    speaker: Speaker
    text: str
    at: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class KnownTicket:
    """A ticket of this customer, newest first in a list."""

    number: str
    title: str
    status: str
    kind: str
    opened_at: float
    last_note: str = ""


@dataclass(frozen=True, slots=True)
class DeskHours:
    """Whether people are at the desk now, and the words for when: `opens` is such as "明天 9:00"."""

    staffed: bool = True
    opens: str = ""
    reply_within_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """One matter of a customer in a room, as far as a turn needs it.

    `owner` is `"bot"` or a staff member's id; `epoch` counts changes of owner. `unknown_count` counts questions in a
    row that the base could not answer; `waiting_for_staff` is True between the escalation and the moment a person
    takes over. `moods` are the last emotions, oldest first.
    """

    conversation_id: str
    room: Room
    customer_id: str
    customer: Person
    owner: str = BOT
    epoch: int = 0
    waiting_for_staff: bool = False
    summary: str = ""
    unknown_count: int = 0
    moods: tuple[Emotion, ...] = ()
    tier: str = "normal"
    tickets: tuple[KnownTicket, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One thought to be had. `turn_id` comes from the first unanswered message and survives restarts.

    `burst` are the new messages (at least one), oldest first; `history` the earlier lines, oldest first, at most 20.
    `now` is Unix seconds.
    """

    turn_id: str
    conversation: Conversation
    burst: tuple[IncomingMessage, ...]
    history: tuple[Line, ...] = ()
    now: float = 0.0
    send_right: SendRight = SendRight.AUTO
    desk: DeskHours = field(default_factory=DeskHours)

    @property
    def text(self) -> str:
        """The burst's words as one text, a line per message, without empty ones."""
        return "\n".join(message.text for message in self.burst if message.text.strip())

    @property
    def addressed(self) -> bool:
        """True when the bot is clearly spoken to: a 1:1 chat, a mention, or a quote of the bot."""
        if self.conversation.room.kind == "direct":
            return True
        return any(m.mentions_bot or (m.quote is not None and m.quote.of_bot) for m in self.burst)
