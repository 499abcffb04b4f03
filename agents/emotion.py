"""The emotion agent: how the customer feels now, and whether it has been getting worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from agents.classifier import ReadsEmotion
from agents.prompts import PromptLibrary, as_data, clip
from conversation.findings import Emotion, EmotionLabel, Usage
from conversation.redaction import redact
from llm.chat_model import ChatModel, ModelUnavailable

FIELDS = ("text",)
TEXT_TOKENS = 200
UPSET = frozenset({EmotionLabel.ANGRY, EmotionLabel.ANXIOUS, EmotionLabel.DISAPPOINTED})


class EmotionForm(BaseModel):
    """What the model fills in."""

    label: EmotionLabel
    intensity: float = Field(ge=0, le=3)
    valence: float = Field(ge=-1, le=1)


@dataclass(frozen=True, slots=True)
class ModelEmotion:
    """When emotion may ask a model: the classifier's chance of its own label is below `below`. Off without this."""

    model: ChatModel
    prompts: PromptLibrary
    below: float = 0.5
    budget_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What counts as getting worse, over the last `moods` moods (valence −1…1); the last one is at most `low`.

    Falling: of at least `fewest` moods none is more than `slack` better than the one before, and they fall by `fall`.
    Uneasy throughout: at least `fewest` are at most `uneasy`, and all together average `average` or less.
    """

    moods: int = 4
    fewest: int = 3
    low: float = -0.38
    slack: float = 0.1
    fall: float = 0.3
    uneasy: float = -0.25
    average: float = -0.35


@dataclass(frozen=True, slots=True)
class ReadMood:
    """An emotion and what it cost."""

    emotion: Emotion
    usage: Usage = field(default_factory=Usage)
    prompt_version: str = ""


class EmotionAgent:
    """Reads the mood of a burst."""

    def __init__(self, reader: ReadsEmotion, asks: ModelEmotion | None = None) -> None:
        self._reader = reader
        self._asks = asks
        self._template = asks.prompts.template("emotion", FIELDS) if asks else None

    async def read(self, text: str) -> ReadMood:
        """The mood of `text`. No call without `ModelEmotion`; a model that fails leaves the classifier's word."""
        local = self._reader.read(text)
        if self._asks is None or not text.strip() or local.score >= self._asks.below:
            return ReadMood(local)
        assert self._template is not None  # it comes with `asks`
        prompt = self._template.prompt({"text": clip(as_data(redact(text)), TEXT_TOKENS)})
        try:
            filled = await self._asks.model.fill(prompt, EmotionForm, budget_s=self._asks.budget_s)
        except ModelUnavailable as error:
            return ReadMood(local, error.usage)
        form = filled.value
        emotion = Emotion(form.label, {**local.scores, form.label: 1.0}, form.intensity, form.valence)
        return ReadMood(emotion, filled.usage, prompt.version)


def is_upset(emotion: Emotion, valence: float = -0.45, intensity: float = 1.5) -> bool:
    """True for a customer whose valence is `valence` or below, or who is angry, anxious or disappointed enough."""
    return emotion.valence <= valence or (emotion.label in UPSET and emotion.intensity >= intensity)


def is_worsening(moods: Sequence[Emotion], now: Emotion, rule: Trajectory | None = None) -> bool:
    """True when a customer has been getting unhappier line by line, or stays unhappy, however politely it is said.

    `moods` are the earlier ones, oldest first.
    """
    rule = rule or Trajectory()
    course = [mood.valence for mood in (*moods, now)][-rule.moods :]
    if len(course) < rule.fewest or course[-1] > rule.low:
        return False
    uneasy = sum(valence <= rule.uneasy for valence in course)
    if uneasy >= rule.fewest and sum(course) / len(course) <= rule.average:
        return True
    run = _falling_run(course, rule.slack)
    return len(run) >= rule.fewest and run[0] - run[-1] >= rule.fall


def _falling_run(course: Sequence[float], slack: float) -> Sequence[float]:
    """The longest end of `course` in which no mood is clearly better than the one before."""
    start = len(course) - 1
    while start and course[start] <= course[start - 1] + slack:
        start -= 1
    return course[start:]
