"""What comes in and what goes out: the values that travel between channels, inbox, turn and outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conversation.identity import Person, Room, conversation_key, dedup_key


class ContentKind(StrEnum):
    """What kind of thing a message is."""

    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"
    FILE = "file"
    VIDEO = "video"
    LOCATION = "location"
    LINK = "link"
    CARD = "card"
    STICKER = "sticker"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or file that belongs to a message. `reference` is the platform's key or URL, for the channel alone."""

    kind: ContentKind
    reference: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """The message somebody replied to, as far as the platform tells."""

    message_id: str = ""
    text: str = ""
    of_bot: bool = False


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One message as a person wrote it, translated from a platform.

    `text` is cleaned of the bot's own mention; `raw_text` is what was typed. `reply_handle` holds what only the
    channel understands and needs to answer this message (a stream id, a response URL); everybody else passes it on.
    `awaits`: the platform shows its sender that an answer is being written, until one comes; then even a silent turn
    is sent, without words. `sent_at` is Unix seconds. `thread_id` is the id of the message that roots the thread,
    where there is one.
    """

    room: Room
    sender: Person
    message_id: str
    text: str
    sent_at: float
    kind: ContentKind = ContentKind.TEXT
    raw_text: str = ""
    mentions_bot: bool = False
    mentions_others: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    quote: Quote | None = None
    thread_id: str = ""
    reply_handle: Mapping[str, str] = field(default_factory=dict)
    awaits: bool = False

    @property
    def key(self) -> str:
        """The de-duplication key."""
        return dedup_key(self.room.platform, self.room.account, self.message_id)

    @property
    def lane(self) -> str:
        """The conversation key under which the message waits."""
        return conversation_key(self.room, self.sender)


class EventKind(StrEnum):
    """Things people do in a room besides writing.

    STAFF_JOINED and STAFF_LEFT: somebody of the platform's own desk took the conversation there, or ended it.
    UNDELIVERED: the platform took a message of ours (`subject`) and could not deliver it after all.
    """

    ENTERED = "entered"
    LIKED = "liked"
    DISLIKED = "disliked"
    RECALLED = "recalled"
    BOT_ADDED = "bot_added"
    BOT_REMOVED = "bot_removed"
    TICKET_CHANGED = "ticket_changed"
    STAFF_JOINED = "staff_joined"
    STAFF_LEFT = "staff_left"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Something that happened in a room. `subject` is the id of the message or ticket it is about."""

    room: Room
    sender: Person
    event_id: str
    kind: EventKind
    at: float
    subject: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)
    reply_handle: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The de-duplication key."""
        return dedup_key(self.room.platform, self.room.account, self.event_id)

    @property
    def lane(self) -> str:
        """The conversation key under which the event waits."""
        return conversation_key(self.room, self.sender)


Incoming = IncomingMessage | RoomEvent


class ButtonStyle(StrEnum):
    """How much a button asks to be pressed."""

    PRIMARY = "primary"
    DEFAULT = "default"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a card. `value` comes back when it is pressed."""

    text: str
    value: Mapping[str, str]
    style: ButtonStyle = ButtonStyle.DEFAULT


class CardTone(StrEnum):
    """The colour family of a card's head."""

    CALM = "blue"
    URGENT = "red"
    WAITING = "orange"
    DONE = "green"
    OVER = "grey"


@dataclass(frozen=True, slots=True)
class Card:
    """A card in our own words; a channel renders it, or falls back to `as_text`."""

    title: str
    sections: tuple[tuple[str, str], ...]
    buttons: tuple[Button, ...] = ()
    tone: CardTone = CardTone.CALM
    note: str = ""

    def as_text(self) -> str:
        """The card for platforms that show no cards: title, then `name：value` lines."""
        lines = [f"【{self.title}】", *(f"{name}：{value}" for name, value in self.sections)]
        return "\n".join([*lines, self.note] if self.note else lines)


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message on its way out.

    At most one of `text` and `card` is set; neither means that nothing is said, and that the sender of an awaiting
    message must be shown so. `at` names the person to @ in a group. `reply_to` is the platform id of
    the message answered, `in_thread` asks for a reply inside its thread. `updates` is the platform id of a card to
    replace instead of sending a new message. `handles` are the reply handles of the messages answered, oldest first.
    """

    room: Room
    text: str = ""
    card: Card | None = None
    at: Person | None = None
    reply_to: str = ""
    in_thread: bool = False
    updates: str = ""
    handles: tuple[Mapping[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
