"""A pressed button of one of our cards, and what the presser sees at once."""

from __future__ import annotations

from dataclasses import dataclass

from conversation.identity import Person
from conversation.messages import Card


@dataclass(frozen=True, slots=True)
class CardPress:
    """A button of one of our cards was pressed. `value` is the button's; `card_message_id` the card's platform id."""

    platform: str
    account: str
    chat_id: str
    card_message_id: str
    operator: Person
    value: dict[str, str]
    press_id: str


@dataclass(frozen=True, slots=True)
class CardAnswer:
    """What the presser sees at once: a short notice, and the card as it is now."""

    notice: str
    good: bool = True
    card: Card | None = None
