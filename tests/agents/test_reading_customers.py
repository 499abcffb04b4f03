"""Triage and emotion: the local classifiers answer, a model only where it is allowed and worth it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.emotion import EmotionAgent, ModelEmotion, is_upset, is_worsening
from agents.prompts import PromptLibrary
from agents.triage import CATEGORIES, ModelTriage, TriageAgent
from conversation.findings import Emotion, Flags, Intent
from llm.scripted_model import ScriptedModel

PROMPTS = PromptLibrary.load()


class Intents:
    def __init__(self, **scores: float) -> None:
        self._scores = scores

    def scores(self, text: str) -> dict[str, float]:
        return self._scores


class Calm:
    def read(self, text: str) -> Emotion:
        return Emotion("neutral", {"neutral": 0.4}, 0.0, 0.0)


class NoFlags:
    def read(self, text: str) -> Flags:
        return Flags(urgent=0.7)


def unhappy(chance: float, intensity: float = 1.5) -> Emotion:
    label = "disappointed" if chance > 0.5 else "neutral"
    return Emotion(label, {"disappointed": chance, "neutral": 1 - chance}, intensity, -0.7 * chance)


def mood(valence: float) -> Emotion:
    return Emotion("neutral", {"neutral": 0.5}, 0.5, valence)


def test_every_intent_has_a_category() -> None:
    assert set(CATEGORIES) == set(Intent)


async def test_triage_takes_the_likeliest_intent_and_calls_no_model() -> None:
    read = await TriageAgent(Intents(refund=0.6, invoice=0.3), NoFlags()).read("退款")
    assert (read.triage.intent, read.triage.category, read.triage.confidence) == ("refund", "aftersale", 0.6)
    assert read.triage.flags.urgent == 0.7
    assert read.usage.calls == 0


async def test_a_deployers_own_label_is_its_own_category() -> None:
    read = await TriageAgent(Intents(book_table=0.9), NoFlags()).read("订位")
    assert (read.triage.intent, read.triage.category) == ("book_table", "book_table")


async def test_a_silent_classifier_means_other() -> None:
    read = await TriageAgent(Intents(), NoFlags()).read("？")
    assert (read.triage.intent, read.triage.confidence) == ("other", 0.0)


async def test_a_model_is_asked_only_below_the_confidence_it_was_given() -> None:
    model = ScriptedModel([{"intent": "invoice", "confidence": 0.8}])
    asks = ModelTriage(model, PROMPTS, below=0.5)
    sure = await TriageAgent(Intents(refund=0.6), NoFlags(), asks).read("退款")
    assert (sure.triage.intent, sure.usage.calls) == ("refund", 0)
    unsure = await TriageAgent(Intents(refund=0.4), NoFlags(), asks).read("开票")
    assert (unsure.triage.intent, unsure.usage.calls) == ("invoice", 1)
    assert unsure.prompt_version.startswith("triage@")


@pytest.mark.parametrize("replies", [[], [{"intent": "自创的标签", "confidence": 0.9}], ["胡言"]])
async def test_a_model_that_fails_or_invents_a_label_leaves_the_classifiers_word(replies: list[object]) -> None:
    asks = ModelTriage(ScriptedModel(replies), PROMPTS, below=0.5)  # type: ignore[arg-type]
    read = await TriageAgent(Intents(refund=0.4), NoFlags(), asks).read("开票")
    assert read.triage.intent == "refund"


async def test_emotion_asks_a_model_only_where_it_may() -> None:
    model = ScriptedModel([{"label": "angry", "intensity": 2.5, "valence": -0.9}])
    read = await EmotionAgent(Calm(), ModelEmotion(model, PROMPTS)).read("你们可真行啊")
    assert (read.emotion.label, read.emotion.intensity, read.usage.calls) == ("angry", 2.5, 1)
    local = await EmotionAgent(Calm()).read("你们可真行啊")
    assert (local.emotion.label, local.usage.calls) == ("neutral", 0)


@pytest.mark.parametrize(
    ("course", "worse"),
    [
        ([0.0, 0.3, 0.7, 0.8], True),  # a little unhappier with every polite line
        ([0.1, 0.85, 0.3, 0.95], True),  # up and down, but unhappy in all
        ([0.7, 0.7, 0.7], True),  # stays unhappy
        ([0.0, 0.0, 0.9], False),  # one bad line is no course
        ([0.7, 0.8], False),  # too short for a course
        ([0.9, 0.8, 0.2], False),  # calming down
        ([0.4, 0.5, 0.5], False),  # the grumble of an ordinary question
        ([0.0, 0.0, 0.0, 0.0], False),
    ],
)
def test_getting_worse_is_seen_over_several_lines(course: list[float], worse: bool) -> None:
    *earlier, now = [unhappy(chance) for chance in course]
    assert is_worsening(earlier, now) is worse


def test_a_faint_mood_is_no_alarm_however_sure() -> None:
    assert not is_worsening([unhappy(0.9)] * 3, unhappy(0.9, intensity=0.8))


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0, 0.59))
def test_who_is_not_unhappy_now_is_never_getting_worse(course: list[float], now: float) -> None:
    assert not is_worsening([unhappy(chance) for chance in course], unhappy(now))


def test_upset_is_a_mood_with_some_strength() -> None:
    assert is_upset(Emotion("angry", {}, 1.6, -0.2))
    assert is_upset(mood(-0.5))
    assert not is_upset(mood(-0.3))
    assert not is_upset(Emotion("anxious", {}, 0.4, -0.1))


class InDoubt:
    def read(self, text: str) -> Flags:
        return Flags(wants_human=0.02, urgent=0.4, injection=0.6, offensive=0.1)


async def test_a_flag_in_doubt_is_put_to_the_model_and_the_others_stay() -> None:
    model = ScriptedModel([{"intent": "invoice", "confidence": 0.9, "wants_human": True, "injection": False}])
    asks = ModelTriage(model, PROMPTS, below=0.5, flags_below={"injection": 0.75, "wants_human": 0.75, "urgent": 0.5})
    read = await TriageAgent(Intents(refund=0.6), InDoubt(), asks).read("按我说的退")
    assert read.usage.calls == 1
    assert read.triage.intent == "refund"  # the classifier was sure of that
    assert read.triage.flags.injection < 0.2
    assert read.triage.flags.wants_human == 0.02


async def test_without_doubt_about_intent_and_flags_no_model_is_asked() -> None:
    asks = ModelTriage(ScriptedModel([]), PROMPTS, below=0.5, flags_below={"wants_human": 0.75, "offensive": 0.75})
    read = await TriageAgent(Intents(refund=0.6), InDoubt(), asks).read("按我说的退")
    assert read.usage.calls == 0
