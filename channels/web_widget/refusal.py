"""A refusal that the visitor's page can act upon: a word for the script beside the reason for our log."""

from __future__ import annotations

from conversation.errors import RefusedInput


class WidgetRefusal(RefusedInput):
    """`word` tells the script what to do: token (ask for a new one), rate (wait `after_s`), too_long, empty, bad."""

    def __init__(self, word: str, reason: str, status: int = 400, after_s: float = 0.0) -> None:
        super().__init__(reason, status)
        self.word = word
        self.after_s = after_s
