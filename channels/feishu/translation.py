"""What the translators of events share: the terms they translate on, and how they refuse. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.feishu.envelope import Event
from channels.feishu.recent import Place
from channels.feishu.settings import PLATFORM
from conversation.errors import RefusedInput
from conversation.identity import Room, RoomKind, Speaker
from tools.feishu_values import as_text


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that is nothing to us; it is acknowledged all the same, or Feishu would repeat it for hours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a translator has to know. `now` is Unix seconds; `place_of` knows the messages seen lately.

    `keeps_topics`: the chat is a topic group, where each topic is a room of its own.
    """

    account: str
    bot_open_id: str
    staff_chat_id: str
    now: float
    place_of: Callable[[str], Place | None] = lambda message_id: None
    keeps_topics: bool = False

    def room(self, chat_id: str, kind: RoomKind, title: str = "") -> Room:
        """A room of this account."""
        return Room(PLATFORM, self.account, chat_id, kind, title)

    def speaker_in(self, chat_id: str) -> Speaker:
        """Who writes in a chat: staff in the staff chat, customers anywhere else."""
        return Speaker.STAFF if chat_id and chat_id == self.staff_chat_id else Speaker.CUSTOMER


def must(part: Mapping[str, Any], name: str) -> str:
    """A text that has to be there. Raises `RefusedInput` (400) when it is not."""
    value = as_text(part.get(name))
    if not value:
        raise RefusedInput(f"the event has no {name}")
    return value


def moment_of(event: Event, terms: Terms) -> float:
    """When an event happened, in Unix seconds; now, if it does not say."""
    return event.created_at or terms.now
