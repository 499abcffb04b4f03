"""The gate: may the bot speak on a group line that mentions nobody of ours?

A line must belong to what the base is about and sound like something said to the company. What a room's own history
teaches (recalls, 别回了, staff corrections) is learnt on top of that, per room. The weights ship
(`retrieval/models/weights/gate.npz`, made by `training/gate.py`); the language of a base is learnt when it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from agents.gate_marks import LibraryMarks
from agents.gate_room import RoomMarks, correct, learn_room
from conversation.findings import Retrieval
from retrieval.models.folding import fold
from retrieval.models.logistic import Logistic, sigmoid
from retrieval.models.text_heads import TextHead, TextReader, vocabulary_from_arrays
from retrieval.models.weights_folder import SHIPPED, DamagedModel, read_arrays
from retrieval.models.word_model import WordModel
from retrieval.static_encoder import StaticEncoder

WEIGHTS = "gate.npz"
#: From this chance on the bot speaks where no room history is known, and where one is: half of the best F1 that can
#: be had is where F1 is best for chances that mean what they say.
SPEAK_FROM, ROOM_SPEAKS_FROM = 0.4, 0.4
#: A room that has fewer rows than this, or only one kind of them, teaches nothing yet.
FEWEST_ROWS = 8
#: Below so many words (natural logarithm) a base shows no language of its own and the search is asked; above the
#: second number its language decides; in between both count.
_SMALL, _LARGE = np.log(20_000.0), np.log(200_000.0)
#: A sound further from even than this (logit) says no more.
_SUREST_SOUND = 4.0
#: Ridge of a room's correction: a gate that knows the language of a base is believed more.
_RIDGE, _RIDGE_OF_LANGUAGE = 3.0, 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A line of a group and what the base holds on it."""

    text: str
    found: Retrieval


@dataclass(frozen=True, slots=True, eq=False)
class GateModel:
    """What ships: the head that hears a line's sound, the language of talk, and how a base's marks are
    weighed, or in a small base what the search found and the sound."""

    sounds: TextHead
    reader: TextReader
    talk: WordModel
    weighing: Logistic
    searching: Logistic


class LocalGate:
    """Reads whether a line is one for the company; knows no room."""

    def __init__(self, model: GateModel, base: LibraryMarks | None = None) -> None:
        self._model = model
        self._base = base
        size = np.log(max(1.0, base.size)) if base else 0.0
        self._language_share = float(np.clip((size - _SMALL) / (_LARGE - _SMALL), 0.0, 1.0))

    @classmethod
    def shipped(cls) -> LocalGate:
        """The built-in gate. Raises `DamagedModel`."""
        return cls(shipped_model())

    def knowing(self, texts: Iterable[str]) -> LocalGate:
        """The gate of a base, which learns the language of its texts: a million words take about five seconds."""
        return LocalGate(self._model, LibraryMarks.learn(texts, self._model.talk))

    def sounds(self, text: str) -> float:
        """The chance (0–1) that a line is said to the company, by its words alone; 0 for a line without words."""
        if not fold(text):
            return 0.0
        return self._model.sounds.chances(self._model.reader.read(text))["sounds"]

    def chance(self, heard: Heard) -> float:
        """The chance (0–1) that the bot should speak."""
        return float(sigmoid(np.array([self.logit(heard)]))[0]) if fold(heard.text) else 0.0

    def logit(self, heard: Heard) -> float:
        """`chance` as a logit."""
        share = self._language_share
        logit = 0.0
        if share < 1.0:
            marks = np.array([held_logit(heard.found.covered), self._sound(heard.text)])
            logit += (1 - share) * float(self._model.searching.logits(marks))
        if share > 0.0 and self._base:
            marks = self._base.of(heard.text)
            logit += share * float(self._model.weighing.logits(marks))
        return logit

    def for_room(self, history: Sequence[tuple[Heard, bool]]) -> RoomGate | None:
        """The gate of a room whose lines were marked: speak (True) or stay silent; None where they teach nothing.

        Lines stand in the order they were written, as far as that is known.
        """
        if len(history) < FEWEST_ROWS or len({speaks for _, speaks in history}) < 2:
            return None
        wanted = np.array([float(speaks) for _, speaks in history])
        library = self._base if self._language_share else None
        room, held = learn_room([heard.text for heard, _ in history], wanted, StaticEncoder.shipped(), library)
        known = np.array([self.logit(heard) for heard, _ in history])
        ridge = _RIDGE_OF_LANGUAGE if library else _RIDGE
        return RoomGate(self, room, correct(np.c_[known, held], known, wanted, ridge))

    def _sound(self, text: str) -> float:
        return min(_SUREST_SOUND, max(-_SUREST_SOUND, held_logit(self.sounds(text))))


class RoomGate:
    """The gate of one room: the built-in one, corrected by the room's own history."""

    def __init__(self, gate: LocalGate, room: RoomMarks, correction: Logistic) -> None:
        self._gate = gate
        self._room = room
        self._correction = correction

    def chance(self, heard: Heard) -> float:
        """The chance (0–1) that the bot should speak."""
        if not fold(heard.text):
            return 0.0
        known = self._gate.logit(heard)
        correction = self._correction.logits(np.append(known, self._room.of(heard.text)))
        return float(sigmoid(np.array([correction + known]))[0])


@cache
def shipped_model() -> GateModel:
    """The weights of this release. Raises `DamagedModel`."""
    arrays = read_arrays(WEIGHTS)
    try:
        return GateModel(
            TextHead.from_arrays(arrays, "sounds"),
            TextReader(vocabulary_from_arrays(arrays), StaticEncoder.shipped()),
            WordModel.from_arrays(arrays, "talk"),
            Logistic(arrays["weighing"]),
            Logistic(arrays["searching"]),
        )
    except KeyError as problem:
        raise DamagedModel(SHIPPED / WEIGHTS, f"it holds no {problem}") from problem


def held_logit(chance: float) -> float:
    """A chance as a logit, held away from certainty."""
    held = min(1 - 1e-3, max(1e-3, chance))
    return float(np.log(held / (1 - held)))
