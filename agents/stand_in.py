"""Stand-ins for classifiers whose weights are damaged, learnt at start from the few examples beside this file.

Much weaker than what ships: only for a deployer who would rather run badly than not at all (`damaged_models`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.local_classifier import FLAGS, VALENCE, LocalTriage
from conversation.findings import Emotion, EmotionLabel, Flags
from retrieval.embedder import Embedder

EXAMPLES = Path(__file__).with_name("examples")
#: How strong a mood is taken to be (0–3) when nothing can tell.
_STRENGTH = 1.5
_YES, _NO = "yes", "no"


class StandInEmotion:
    """Reads moods by the examples of moods."""

    def __init__(self, encoder: Embedder) -> None:
        self._moods = LocalTriage.from_rows([(row["text"], row["label"]) for row in _rows("emotions")], encoder=encoder)

    def read(self, text: str) -> Emotion:
        """See `ReadsEmotion.read`."""
        found = self._moods.scores(text)
        scores = {label: found.get(label, 0.0) for label in EmotionLabel}
        scores[EmotionLabel.NEUTRAL] += 1.0 - sum(scores.values())
        label = max(scores, key=lambda mood: scores[mood])
        upset = 1.0 - scores[EmotionLabel.NEUTRAL]
        valence = sum(VALENCE[mood] * chance for mood, chance in scores.items())
        return Emotion(label, {str(mood): chance for mood, chance in scores.items()}, _STRENGTH * upset, valence)


class StandInFlags:
    """Reads flags by the examples of flags."""

    def __init__(self, encoder: Embedder) -> None:
        rows = _rows("flags")
        self._readers = {flag: _learnt(flag, rows, encoder) for flag in FLAGS}

    def read(self, text: str) -> Flags:
        """See `ReadsFlags.read`."""
        return Flags(**{flag: reader.scores(text).get(_YES, 0.0) for flag, reader in self._readers.items()})


def stand_in_intents(encoder: Embedder) -> LocalTriage:
    """Reads the built-in intents by their examples."""
    return LocalTriage.from_rows([(row["text"], row["label"]) for row in _rows("intents")], encoder=encoder)


def _learnt(flag: str, rows: list[dict[str, Any]], encoder: Embedder) -> LocalTriage:
    return LocalTriage.from_rows([(row["text"], _YES if row[flag] else _NO) for row in rows], encoder=encoder)


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
