"""The ports of the local classifiers: the small trained models that read a text in under a millisecond, without I/O.

`agents/local_classifier.py` has the trained adapters; triage, emotion and the turn's flags are built on these.
"""

from __future__ import annotations

from typing import Protocol

from conversation.findings import Emotion, Flags


class ReadsIntent(Protocol):
    """Says what a text wants."""

    def scores(self, text: str) -> dict[str, float]:
        """A calibrated chance (0–1) per intent label; the chances add up to at most 1, the rest is "none of these".

        Called once per turn with the burst's words; empty text gives an empty dict. Never raises, never blocks.
        """
        ...


class ReadsEmotion(Protocol):
    """Says how the writer of a text feels."""

    def read(self, text: str) -> Emotion:
        """The mood of these words alone (the trajectory is the agent's matter). Empty text is neutral."""
        ...


class ReadsFlags(Protocol):
    """Says what a text asks for besides its matter: a person, haste, another master; and whether it insults."""

    def read(self, text: str) -> Flags:
        """The chances (0–1) of the four flags. Empty text gives zeros."""
        ...
