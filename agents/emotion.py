"""The emotion agent: how the customer feels now, and whether it has been getting worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from agents.classifier import ReadsEmotion
from agents.prompts import PromptLibrary, as_data, clip
from conversation.findings import Emotion, EmotionLabel, Usage
from conversation.redaction import Redact, redact
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
    redact: Redact = redact


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What counts as getting worse: over the last `lines` lines a customer is unhappy with chance `average` in the
    mean, and now with chance `now` and at least `intensity` (0–3)."""

    lines: int = 3
    average: float = 0.45
    now: float = 0.6
    intensity: float = 1.2


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
        prompt = self._template.prompt({"text": clip(as_data(self._asks.redact(text)), TEXT_TOKENS)})
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


def unhappiness(emotion: Emotion) -> float:
    """The chance (0–1) that a customer is angry, anxious or disappointed; by valence where no chances are known."""
    if not emotion.scores:
        return max(0.0, -emotion.valence)
    return sum(emotion.scores.get(mood, 0.0) for mood in UPSET)


def is_worsening(moods: Sequence[Emotion], now: Emotion, rule: Trajectory | None = None) -> bool:
    """True when a customer has grown, or stayed, unhappy over several lines, however politely it is said.

    `moods` are the earlier ones, oldest first. One bad line is no course, and who calms down is not getting worse.
    """
    rule = rule or Trajectory()
    course = [unhappiness(mood) for mood in (*moods, now)][-rule.lines :]
    if len(course) < rule.lines or course[-1] < rule.now or now.intensity < rule.intensity:
        return False
    return sum(course) / len(course) >= rule.average
