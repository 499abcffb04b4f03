"""The local classifiers: what a text wants, how its writer feels, what else it asks for; no LLM, no network.

Their weights ship with the release (`retrieval/models/weights/heads.npz`); see `agents/classifier.py` for the ports.
A damaged weights file raises `DamagedModel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from conversation.findings import Emotion, EmotionLabel, Flags, Intent
from retrieval.embedder import Embedder
from retrieval.models.few_shot import FewShotModel, train_few_shot
from retrieval.models.folding import fold
from retrieval.models.text_heads import TextHead, TextReader, vocabulary_from_arrays
from retrieval.models.weights_folder import SHIPPED, Arrays, DamagedModel, read_arrays
from retrieval.static_encoder import StaticEncoder

WEIGHTS = "heads.npz"
FLAGS = ("wants_human", "urgent", "injection", "offensive")
#: How good or bad each mood is (−1…1); the valence of a text is the mean over its chances.
VALENCE = {
    EmotionLabel.ANGRY: -0.9,
    EmotionLabel.DISAPPOINTED: -0.7,
    EmotionLabel.ANXIOUS: -0.5,
    EmotionLabel.CONFUSED: -0.2,
    EmotionLabel.NEUTRAL: 0.0,
    EmotionLabel.SATISFIED: 0.9,
}


@dataclass(frozen=True, slots=True)
class IntentReading:
    """A text's label, its chance (0–1), and whether the classifier would rather not say."""

    label: str
    score: float
    abstain: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """Where the classifiers abstain: the chance of the best intent, of the best mood, and of each flag's likelier side
    below which they were wrong too often on writers that they had not seen."""

    intent: float = 0.35
    emotion: float = 0.5
    flags: Mapping[str, float] = field(default_factory=dict)


class ReadsLabel(Protocol):
    """A trained model of intents, built in or learnt from a deployer's rows."""

    def scores(self, text: str) -> dict[str, float]:
        """A chance (0–1) per label."""
        ...

    def read(self, text: str) -> IntentReading:
        """The best label of a text with words."""
        ...


class LocalTriage:
    """Reads intents: the built-in twenty, or a deployer's own from a few examples each."""

    def __init__(self, model: ReadsLabel) -> None:
        self._model = model

    @classmethod
    def shipped(cls) -> LocalTriage:
        """The built-in intents."""
        return cls(_BuiltIn(_desk_reader(), _head("intent")))

    @classmethod
    def from_rows(
        cls, rows: Sequence[tuple[str, str]], oos: str | None = None, encoder: Embedder | None = None
    ) -> LocalTriage:
        """A deployer's own intents from (text, label) rows, three to ten or more a label.

        `oos` names the label that means "none of these", with or without rows of its own; `encoder` is the shipped one
        unless another is given. Raises ValueError for no rows.
        """
        texts, labels = [text for text, _ in rows], [label for _, label in rows]
        return cls(_Learnt(train_few_shot(texts, labels, encoder or StaticEncoder.shipped(), oos or "")))

    def scores(self, text: str) -> dict[str, float]:
        """See `ReadsIntent.scores`."""
        return self._model.scores(text) if fold(text) else {}

    def read(self, text: str) -> IntentReading:
        """The best label; the out-of-scope label, where there is one, for a text that looks like none of the rows."""
        reading = self._model.read(text)
        return reading if fold(text) else IntentReading(reading.label, 0.0, True)


class _BuiltIn:
    def __init__(self, reader: TextReader, head: TextHead) -> None:
        self._reader = reader
        self._head = head

    def scores(self, text: str) -> dict[str, float]:
        return self._head.chances(self._reader.read(text))

    def read(self, text: str) -> IntentReading:
        if not fold(text):
            return IntentReading(Intent.OTHER, 0.0, True)
        scores = self.scores(text)
        best = max(scores, key=lambda label: scores[label])
        return IntentReading(best, scores[best], scores[best] < self._head.unsure_below)


class _Learnt:
    def __init__(self, model: FewShotModel) -> None:
        self._model = model

    def scores(self, text: str) -> dict[str, float]:
        shares = self._model.read(text).chances
        shares.pop(self._model.stranger, None)
        return shares

    def read(self, text: str) -> IntentReading:
        reading = self._model.read(text)
        abstain = reading.abstain or not fold(text)
        label = self._model.stranger if abstain and self._model.stranger else reading.label
        return IntentReading(label, reading.chances.get(label, 0.0), abstain)


class LocalEmotion:
    """Reads the mood of a text, how strong it is (0–3) and how good or bad (−1…1)."""

    def __init__(self, reader: TextReader, moods: TextHead, strengths: TextHead) -> None:
        self._reader = reader
        self._moods = moods
        self._strengths = strengths

    @classmethod
    def shipped(cls) -> LocalEmotion:
        """The built-in moods."""
        return cls(_desk_reader(), _head("emotion"), _head("intensity"))

    def read(self, text: str) -> Emotion:
        """See `ReadsEmotion.read`."""
        if not fold(text):
            return Emotion(
                EmotionLabel.NEUTRAL, {label: float(label is EmotionLabel.NEUTRAL) for label in EmotionLabel}
            )
        reading = self._reader.read(text)
        chances = self._moods.chances(reading)
        scores = {label: chances.get(label, 0.0) for label in EmotionLabel}
        label = max(scores, key=lambda mood: scores[mood])
        intensity = sum(int(level) * chance for level, chance in self._strengths.chances(reading).items())
        valence = sum(VALENCE[mood] * chance for mood, chance in scores.items())
        return Emotion(label, {str(mood): chance for mood, chance in scores.items()}, intensity, valence)


class LocalFlags:
    """Reads the four flags of a text, each by itself."""

    def __init__(self, heads: Sequence[tuple[str, TextReader, TextHead]]) -> None:
        self._heads = heads

    @classmethod
    def shipped(cls) -> LocalFlags:
        """The built-in flags."""
        readers = {flag: _abuse_reader() if flag == "offensive" else _desk_reader() for flag in FLAGS}
        return cls([(flag, reader, _head(flag)) for flag, reader in readers.items()])

    def read(self, text: str) -> Flags:
        """See `ReadsFlags.read`."""
        if not fold(text):
            return Flags()
        return Flags(**{flag: head.chances(reader.read(text))[flag] for flag, reader, head in self._heads})


def shipped_doubt() -> Doubt:
    """Where the built-in classifiers abstain, as their training measured it."""
    flags = {flag: _head(flag).unsure_below for flag in FLAGS}
    return Doubt(_head("intent").unsure_below, _head("emotion").unsure_below, flags)


@cache
def _arrays() -> Arrays:
    return read_arrays(WEIGHTS)


def _head(name: str) -> TextHead:
    try:
        return TextHead.from_arrays(_arrays(), name)
    except KeyError as missing:
        raise DamagedModel(SHIPPED / WEIGHTS, f"it has no {missing}") from missing


@cache
def _desk_reader() -> TextReader:
    return _reader("desk")


@cache
def _abuse_reader() -> TextReader:
    return _reader("abuse")


def _reader(name: str) -> TextReader:
    own = {key.removeprefix(f"{name}."): array for key, array in _arrays().items() if key.startswith(f"{name}.")}
    try:
        return TextReader(vocabulary_from_arrays(own), StaticEncoder.shipped())
    except KeyError as missing:
        raise DamagedModel(SHIPPED / WEIGHTS, f"it has no {missing}") from missing
