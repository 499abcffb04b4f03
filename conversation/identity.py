"""Who speaks and where: channels, rooms, people, and the only code that builds or splits our ids."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import uuid_utils


class Speaker(StrEnum):
    """Who a message is spoken by."""

    CUSTOMER = "customer"
    STAFF = "staff"
    BOT = "bot"


class RoomKind(StrEnum):
    """A chat with one person, or with many."""

    DIRECT = "direct"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Room:
    """A group or a 1:1 chat on a platform.

    `chat_id` is the platform's own id; for a 1:1 chat without one it is the person's id.
    """

    platform: str
    account: str
    chat_id: str
    kind: RoomKind
    title: str = ""

    @property
    def room_id(self) -> str:
        """Our id of the room; also the unit of pacing and of sending order."""
        return f"{self.platform}:{self.account}:{self.chat_id}"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on a platform. `person_id` is the platform's id (open_id, userid)."""

    person_id: str
    name: str = ""
    speaker: Speaker = Speaker.CUSTOMER


def conversation_key(room: Room, person: Person) -> str:
    """The lane in which messages are answered in order: one per person in a group, one per 1:1 chat."""
    if room.kind is RoomKind.DIRECT:
        return room.room_id
    return f"{room.room_id}:{person.person_id}"


def identity_id(room: Room, person: Person) -> str:
    """Our id of a platform identity (one customer may have several)."""
    return f"{room.platform}:{room.account}:{person.person_id}"


def dedup_key(platform: str, account: str, message_id: str) -> str:
    """The ledger's key: the platform's message id, never the text."""
    return f"{platform}:{account}:{message_id}"


def new_id(prefix: str) -> str:
    """A fresh id that sorts by time, e.g. `cv_0199…`."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
