"""Remembers where recent messages stand: Feishu's reactions, recalls and quotes name a message and no more."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from conversation.identity import Person, Room

REMEMBERED = 4096
TEXT_KEPT = 400


@dataclass(frozen=True, slots=True)
class Place:
    """The room of a message, who wrote it, and the beginning of its words."""

    room: Room
    person: Person
    text: str = ""


class RecentMessages:
    """A bounded memory of this process. What it has forgotten is merely told with less detail."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._places: OrderedDict[str, Place] = OrderedDict()

    def remember(self, message_id: str, room: Room, person: Person, text: str) -> None:
        """Keeps a message, received or sent; the oldest one makes room."""
        if not message_id:
            return
        self._places[message_id] = Place(room, person, text[:TEXT_KEPT])
        self._places.move_to_end(message_id)
        if len(self._places) > self._limit:
            self._places.popitem(last=False)

    def place_of(self, message_id: str) -> Place | None:
        """Where a message stands, None when it is not remembered."""
        return self._places.get(message_id)
