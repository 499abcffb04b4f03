"""From our words to lines of the visitor's chat; pure."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import orjson

from channels.text_parts import split_text
from channels.web_widget.mailbox import CARD, HUSH, TEXT, Line, Speaker
from conversation.errors import GiveUp
from conversation.messages import Card, OutgoingMessage

#: Bytes of one line; a longer text becomes several. Nobody reads more than that in one bubble.
TEXT_LIMIT = 16_000


def line_id_of(idempotency_key: str) -> str:
    """The id of a line that we send: always the same one for the same key, and silent about our own ids."""
    return "wl" + hashlib.blake2b(idempotency_key.encode("utf-8", "replace"), digest_size=12).hexdigest()


def lines_of(message: OutgoingMessage, idempotency_key: str, speaker: Speaker, now: float) -> list[Line]:
    """The lines of a message, one as a rule. One without words ends the visitor's waiting.

    Raises `GiveUp` for what is an attachment alone: it lies on another platform, where no visitor can fetch it.
    """
    text = (message.card.as_text() if message.card else message.text).replace("\x00", "").strip()
    if not text and message.attachments:
        raise GiveUp("a file without words cannot be shown on a website: please write what it says")
    first = Line(
        line_id=line_id_of(idempotency_key),
        by=speaker.by,
        kind=TEXT if text else HUSH,
        at=now,
        owner=speaker.owner,
        name=speaker.name,
    )
    if message.card:
        return [replace(first, kind=CARD, text=text, card=card_json(message.card))]
    parts = split_text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), TEXT_LIMIT) or [""]
    rest = [replace(first, line_id=line_id_of(f"{idempotency_key}#{n}"), text=parts[n]) for n in range(1, len(parts))]
    return [replace(first, text=parts[0]), *rest]


def card_json(card: Card) -> str:
    """A card as the page renders it: a title and a list. Buttons are for staff; what a visitor can do, they write."""
    rows = [[name, value] for name, value in card.sections]
    return orjson.dumps({"title": card.title, "rows": rows, "note": card.note, "tone": card.tone.value}).decode()
