"""What came besides words."""

from __future__ import annotations

from conversation.messages import ContentKind
from conversation.turn import Turn

#: Kinds that need no words about them.
UNREMARKABLE = frozenset({ContentKind.TEXT, ContentKind.STICKER, ContentKind.OTHER})


def first_media(turn: Turn) -> ContentKind | None:
    """The kind of the burst's first picture, voice or file; None when there is none."""
    kinds = [m.kind for m in turn.burst] + [a.kind for m in turn.burst for a in m.attachments]
    return next((kind for kind in kinds if kind not in UNREMARKABLE), None)
