"""Wires the thinking: local models, the language model if one is configured, the agents, the graph."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from agents.answer import AnswerAgent
from agents.answer_checker import AnswerChecker
from agents.emotion import EmotionAgent, ModelEmotion
from agents.handoff_brief import BriefAgent
from agents.local_classifier import LocalEmotion, LocalFlags, LocalTriage
from agents.prompts import PromptLibrary
from agents.ticket import TicketAgent
from agents.triage import ModelTriage, TriageAgent
from graph.context import FindsPassages, Specialists
from graph.thresholds import Thresholds
from graph.turn import TurnThinker
from llm.configured_model import ConfiguredModel, Endpoint, configured_model
from llm.form import FormMethod
from settings import Settings


@dataclass(frozen=True, slots=True)
class Minds:
    """Everything that thinks. `model` is None where the LLM is off."""

    thinker: TurnThinker
    briefs: BriefAgent
    model: ConfiguredModel | None


async def build_minds(settings: Settings, retriever: FindsPassages) -> Minds:
    """The agents of the settings. The first start trains the local classifiers from the shipped examples."""
    cache = settings.data_dir / "models"
    intents, emotions, flags = await asyncio.to_thread(
        lambda: (LocalTriage.shipped(cache), LocalEmotion.shipped(cache), LocalFlags.shipped(cache))
    )
    prompts = PromptLibrary.load()
    model = configured_model(_endpoints(settings))
    triage_model = ModelTriage(model, prompts) if model and settings.llm.use_for_triage else None
    emotion_model = ModelEmotion(model, prompts) if model and settings.llm.use_for_emotion else None
    specialists = Specialists(
        triage=TriageAgent(intents, flags, triage_model),
        emotion=EmotionAgent(emotions, emotion_model),
        answer=AnswerAgent(prompts, model),
        checker=AnswerChecker(),
        ticket=TicketAgent(prompts, model if settings.llm.use_for_tickets else None),
    )
    asks_model = settings.llm.use_for_triage or settings.llm.use_for_emotion
    thresholds = replace(Thresholds(), answer_s=settings.llm.timeout_s, turn_s=settings.llm.timeout_s + 4)
    if asks_model:
        # The guard must outlast the model's own budget: cut off, it would throw the local reading away as well.
        thresholds = replace(thresholds, finder_s=2.5)
    return Minds(
        TurnThinker(specialists, retriever, thresholds=thresholds), BriefAgent(prompts, model, emotions), model
    )


def _endpoints(settings: Settings) -> list[Endpoint]:
    llm = settings.llm
    if not llm.configured:
        return []
    method = FormMethod(llm.structured_output)
    return [Endpoint(llm.base_url, name, llm.api_key, method) for name in (llm.model, *llm.fallback_models)]
