"""The gate: may the bot speak on a group line that mentions nobody of ours? Pure, after training.

A line must be something the base can answer and sound like something said to the shop. What a room's own history
teaches (recalls, 别回了, staff corrections) is learnt on top of that, per room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conversation.findings import Retrieval
from retrieval.models.folding import fold
from retrieval.models.linear import LinearModel, Recipe, train, train_and_hold_out
from retrieval.models.logistic import Logistic, fit_logistic, sigmoid
from retrieval.models.model_cache import Arrays, trained
from retrieval.models.ngram_features import keys_of

EXAMPLES = Path(__file__).with_name("examples")
#: From this chance on the bot speaks where no room history is known, and where one is.
SPEAK_FROM, ROOM_SPEAKS_FROM = 0.5, 0.4
#: A room that has fewer rows than this, or only one kind of them, teaches nothing yet.
FEWEST_ROWS = 8
#: How much the sound of a line counts beside what the base holds, and at which share of known words it is believed:
#: in rooms that talk another language than the examples (code, brand names) it must not decide.
_SOUND_SHARE, _STRANGE, _FAMILIAR = 0.6, 0.3, 0.6
_RECIPE = Recipe(exclusive=False, rate=10.0)
_ROOM_RECIPE = Recipe(exclusive=False, epochs=6)
_SHAPES = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"[?？]",
        r"怎么|如何|什么|为什么|吗|呢|哪|多少|请问|有没有|能不能|可以|是不是|\b(?:how|what|why|can|does)\b",
        r"error|报错|错误|失败|问题|不了|bug|exception|不支持|坏了|不行",
    )
)
_LATIN = re.compile(r"[A-Za-z_]{3,}")

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """A line of a group and what the base holds on it."""

    text: str
    found: Retrieval


class LocalGate:
    """Reads whether a line sounds like one for the shop; knows no room."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model

    @classmethod
    def shipped(cls, cache_dir: Path | None = None) -> LocalGate:
        """The built-in gate. The first call trains; `cache_dir` keeps the result."""
        source = (EXAMPLES / "gate.jsonl").read_bytes()
        arrays = trained("gate", source + Path(__file__).read_bytes(), lambda: _train(source), cache_dir)
        return cls(LinearModel.from_arrays(arrays, "m"))

    def sounds(self, text: str) -> float:
        """The chance (0–1) that a line is said to the shop, by its words alone; 0 for a line without words."""
        return float(self._model.chances(keys_of(text))[0]) if fold(text) else 0.0

    def chance(self, heard: Heard) -> float:
        """The chance (0–1) that the bot should speak."""
        return float(sigmoid(np.array([self.logit(heard)]))[0]) if fold(heard.text) else 0.0

    def logit(self, heard: Heard) -> float:
        """`chance` as a logit: what the base holds, shifted by how the line sounds."""
        keys = keys_of(heard.text)
        known = len(self._model.vocabulary.row(keys)[0]) / max(1, len(keys))
        trust = min(1.0, max(0.0, (known - _STRANGE) / (_FAMILIAR - _STRANGE)))
        return _logit(heard.found.covered) + _SOUND_SHARE * trust * self._sound(heard.text)

    def for_room(self, history: Sequence[tuple[Heard, bool]]) -> RoomGate | None:
        """The gate of a room whose lines were marked: speak (True) or stay silent; None where they teach nothing."""
        if len(history) < FEWEST_ROWS or len({speaks for _, speaks in history}) < 2:
            return None
        keys = [keys_of(heard.text) for heard, _ in history]
        wanted = np.array([[float(speaks)] for _, speaks in history])
        words, held = train_and_hold_out(keys, wanted.astype(np.float32), ("speak",), _ROOM_RECIPE)
        known = np.array([self.logit(heard) for heard, _ in history])
        marks = np.stack([self.marks(heard) for heard, _ in history])[held.rows]
        marks = np.c_[marks, held.logits[:, 0]]
        right = wanted[held.rows, 0]
        correction = fit_logistic(marks, right, np.ones(len(right)), known=known[held.rows])
        return RoomGate(self, words, correction)

    def marks(self, heard: Heard) -> Numbers:
        """What a room may weigh for itself: both chances of the base, the best passage, sound and shape of the line."""
        found, plain = heard.found, fold(heard.text)
        best = found.passages[0].score if found.passages else 0.0
        shapes = [float(bool(shape.search(plain))) for shape in _SHAPES]
        size = [float(len(_LATIN.findall(plain))), float(np.log1p(len(heard.text)))]
        sound = self._sound(heard.text)
        return np.array([_logit(found.answerable), _logit(found.covered), best, sound, *shapes, *size])

    def _sound(self, text: str) -> float:
        return min(2.0, max(-2.0, float(self._model.logits(keys_of(text))[0]) / self._model.temperature))


class RoomGate:
    """The gate of one room: the built-in one, corrected by the room's own history."""

    def __init__(self, gate: LocalGate, words: LinearModel, correction: Logistic) -> None:
        self._gate = gate
        self._words = words
        self._correction = correction

    def chance(self, heard: Heard) -> float:
        """The chance (0–1) that the bot should speak."""
        if not fold(heard.text):
            return 0.0
        own = self._words.logits(keys_of(heard.text))[0]
        marks = np.append(self._gate.marks(heard), own)
        return float(sigmoid(self._correction.logits(marks[None, :]) + self._gate.logit(heard))[0])


def _train(source: bytes) -> Arrays:
    rows = [json.loads(line) for line in source.decode().splitlines() if line.strip()]
    wanted = np.array([[float(row["speak"])] for row in rows], np.float32)
    return train([keys_of(row["text"]) for row in rows], wanted, ("speak",), _RECIPE).to_arrays("m")


def _logit(chance: float) -> float:
    held = min(1 - 1e-4, max(1e-4, chance))
    return float(np.log(held / (1 - held)))
