"""The local classifiers: what a text wants, how its writer feels, what else it asks for; no language model, no network.

They are trained in seconds from the labelled examples beside this file and kept in a cache folder; see
`agents/classifier.py` for the ports they fill. Training blocks: build them off the event loop.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversation.findings import Emotion, EmotionLabel, Flags, Intent
from retrieval.models.few_shot import FewShotModel, train_few_shot
from retrieval.models.folding import fold
from retrieval.models.linear import LinearModel, Recipe, one_hot, train
from retrieval.models.model_cache import Arrays, trained
from retrieval.models.ngram_features import keys_of

EXAMPLES = Path(__file__).with_name("examples")
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
#: Below this chance the best built-in intent is right less often than wrong (held-out examples).
UNSURE = 0.3
_NEVER_URGENT = frozenset(
    (Intent.PRODUCT_INFO, Intent.PRICE_PROMO, Intent.MEMBERSHIP, Intent.SUGGESTION_PRAISE, Intent.THANKS_BYE)
)
#: Intents whose examples are, as a rule, asked calmly.
_MOSTLY_CALM = frozenset(Intent) - {
    *(Intent.FAULT, Intent.COMPLAINT, Intent.SUGGESTION_PRAISE, Intent.HUMAN_REQUEST),
    *(Intent.SMALLTALK, Intent.THANKS_BYE, Intent.OTHER),
}
#: One in so many. Measured on held-out examples: at 10, calm questions taken for upset fall from 57 to about 20 in a
#: hundred, and the six moods lose four points; at 4 they lose twelve.
_CALM_SHARE = 10
_RECIPE = Recipe(folds=3)
_FLAG_RECIPE = Recipe(exclusive=False, rate=10.0, favour=3.0, folds=3)


@dataclass(frozen=True, slots=True)
class IntentReading:
    """A text's label, its chance (0–1), and whether the classifier would rather not say."""

    label: str
    score: float
    abstain: bool


class LocalTriage:
    """Reads intents: the built-in twenty, or a deployer's own from a few examples each."""

    def __init__(self, model: LinearModel | FewShotModel) -> None:
        self._model = model

    @classmethod
    def shipped(cls, cache_dir: Path | None = None) -> LocalTriage:
        """The built-in intents. The first call trains for some seconds; `cache_dir` keeps the result."""
        source = (EXAMPLES / "intents.jsonl").read_bytes()
        arrays = trained("intents", source + _code(), lambda: _train_intents(source), cache_dir)
        return cls(LinearModel.from_arrays(arrays, "m"))

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[str, str]], oos: str | None = None) -> LocalTriage:
        """A deployer's own intents from (text, label) rows, three to ten or more a label.

        `oos` names the label that means "none of these", with or without rows of its own. Raises ValueError for no
        rows.
        """
        texts, labels = [text for text, _ in rows], [label for _, label in rows]
        return cls(train_few_shot(texts, labels, oos or ""))

    def scores(self, text: str) -> dict[str, float]:
        """See `ReadsIntent.scores`."""
        if not fold(text):
            return {}
        if isinstance(self._model, LinearModel):
            return self._model.read(text)
        shares = self._model.read(text).chances
        shares.pop(self._model.stranger, None)
        return shares

    def read(self, text: str) -> IntentReading:
        """The best label; the out-of-scope label, where there is one, for a text that looks like none of the rows."""
        if isinstance(self._model, LinearModel):
            scores = self.scores(text) or {Intent.OTHER: 0.0}
            best = max(scores, key=lambda label: scores[label])
            return IntentReading(best, scores[best], scores[best] < UNSURE)
        reading = self._model.read(text)
        abstain = reading.abstain or not fold(text)
        label = self._model.stranger if abstain and self._model.stranger else reading.label
        return IntentReading(label, reading.chances.get(label, 0.0), abstain)


class LocalEmotion:
    """Reads the mood of a text, how strong it is (0–3) and how good or bad (−1…1)."""

    def __init__(self, moods: LinearModel, strengths: LinearModel) -> None:
        self._moods = moods
        self._strengths = strengths

    @classmethod
    def shipped(cls, cache_dir: Path | None = None) -> LocalEmotion:
        """The built-in moods. The first call trains; `cache_dir` keeps the result."""
        source, intents = (EXAMPLES / "emotions.jsonl").read_bytes(), (EXAMPLES / "intents.jsonl").read_bytes()
        arrays = trained("emotions", source + intents + _code(), lambda: _train_emotions(source, intents), cache_dir)
        return cls(LinearModel.from_arrays(arrays, "m"), LinearModel.from_arrays(arrays, "s"))

    def read(self, text: str) -> Emotion:
        """See `ReadsEmotion.read`."""
        if not fold(text):
            return Emotion(
                EmotionLabel.NEUTRAL, {label: float(label is EmotionLabel.NEUTRAL) for label in EmotionLabel}
            )
        keys = keys_of(text)
        chances = dict(zip(self._moods.labels, self._moods.chances(keys).tolist(), strict=True))
        scores = {label: chances.get(label, 0.0) for label in EmotionLabel}
        label = max(scores, key=lambda mood: scores[mood])
        strengths = zip(self._strengths.labels, self._strengths.chances(keys).tolist(), strict=True)
        intensity = sum(int(level) * chance for level, chance in strengths)
        valence = sum(VALENCE[mood] * chance for mood, chance in scores.items())
        return Emotion(label, {str(mood): chance for mood, chance in scores.items()}, intensity, valence)


class LocalFlags:
    """Reads the four flags of a text, each by itself."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model

    @classmethod
    def shipped(cls, cache_dir: Path | None = None) -> LocalFlags:
        """The built-in flags. The first call trains; `cache_dir` keeps the result."""
        source, intents = (EXAMPLES / "flags.jsonl").read_bytes(), (EXAMPLES / "intents.jsonl").read_bytes()
        arrays = trained("flags", source + intents + _code(), lambda: _train_flags(source, intents), cache_dir)
        return cls(LinearModel.from_arrays(arrays, "m"))

    def read(self, text: str) -> Flags:
        """See `ReadsFlags.read`."""
        return Flags(**self._model.read(text)) if fold(text) else Flags()


def _code() -> bytes:
    return Path(__file__).read_bytes()


def _rows(source: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in source.decode().splitlines() if line.strip()]


def _train_intents(source: bytes) -> Arrays:
    rows = _rows(source)
    labels = [str(row["label"]) for row in rows]
    return _one_of(rows, labels).to_arrays("m")


def _train_emotions(source: bytes, intents: bytes) -> Arrays:
    """The examples of moods alone take half of all plain questions for upset, so some plain questions are added."""
    rows = _rows(source)
    calm = [row for row in _rows(intents) if row["label"] in _MOSTLY_CALM][::_CALM_SHARE]
    texts = rows + calm
    moods = _one_of(texts, [str(row["label"]) for row in rows] + [str(EmotionLabel.NEUTRAL)] * len(calm))
    strengths = _one_of(texts, [str(int(row["intensity"])) for row in rows] + ["0"] * len(calm))
    return {**moods.to_arrays("m"), **strengths.to_arrays("s")}


def _train_flags(source: bytes, intents: bytes) -> Arrays:
    rows, others = _rows(source), _rows(intents)
    known = [[float(row[flag]) for flag in FLAGS] for row in rows]
    targets = np.array(known + [_flags_of_intent(str(row["label"])) for row in others], np.float32)
    return train([keys_of(str(row["text"])) for row in rows + others], targets, FLAGS, _FLAG_RECIPE).to_arrays("m")


def _flags_of_intent(intent: str) -> list[float]:
    """What an intent's examples teach about flags: who wants a refund wants no person; haste is unknown."""
    unknown = float("nan")
    offensive = unknown if intent == Intent.OTHER else 0.0
    urgent = 0.0 if intent in _NEVER_URGENT else unknown
    wants_human = 1.0 if intent == Intent.HUMAN_REQUEST else unknown if intent == Intent.COMPLAINT else 0.0
    return [wants_human, urgent, unknown if intent == Intent.OTHER else 0.0, offensive]


def _one_of(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> LinearModel:
    order = sorted(set(labels))
    return train([keys_of(str(row["text"])) for row in rows], one_hot(labels, order), order, _RECIPE)
