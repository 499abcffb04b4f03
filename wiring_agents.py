"""Wires the thinking: local models, the language model if one is configured, the agents, the graph."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.answer import AnswerAgent
from agents.answer_checker import AnswerChecker
from agents.emotion import EmotionAgent, ModelEmotion
from agents.handoff_brief import BriefAgent
from agents.own_intents import IntentBook, intent_book, own_intents, read_examples
from agents.prompts import PromptLibrary
from agents.ticket import TicketAgent
from agents.triage import ModelTriage, TriageAgent
from graph.context import FindsPassages, Specialists
from graph.thresholds import Thresholds
from graph.turn import TurnThinker
from llm.configured_model import ConfiguredModel, Endpoint, configured_model
from llm.form import FormMethod
from settings import Settings
from wiring_models import Classifiers, load_classifiers


@dataclass(frozen=True, slots=True)
class Minds:
    """Everything that thinks. `model` is None where the LLM is off."""

    thinker: TurnThinker
    briefs: BriefAgent
    model: ConfiguredModel | None
    intent_names: Mapping[str, str] = field(default_factory=dict)


async def build_minds(settings: Settings, retriever: FindsPassages) -> Minds:
    """The agents of the settings, with the classifiers that ship.

    Raises `BadSettings` for intents of one's own that cannot be learnt, `DamagedModel` for weights that are not whole.
    """
    local = await asyncio.to_thread(load_classifiers, settings)
    book = await asyncio.to_thread(build_intents, settings, local)
    redact = local.redactor.redact
    prompts = PromptLibrary.load()
    model = configured_model(_endpoints(settings))
    doubt, triage_model, emotion_model = local.doubt, None, None
    if model and settings.llm.use_for_triage:
        triage_model = ModelTriage(model, prompts, book.labels, doubt.intent, doubt.flags, redact=redact)
    if model and settings.llm.use_for_emotion:
        emotion_model = ModelEmotion(model, prompts, doubt.emotion, redact=redact)
    specialists = Specialists(
        triage=TriageAgent(book.reader, local.flags, triage_model, categories=book.categories),
        emotion=EmotionAgent(local.emotions, emotion_model),
        answer=AnswerAgent(prompts, model, redact=redact),
        checker=AnswerChecker(),
        ticket=TicketAgent(prompts, model if settings.llm.use_for_tickets else None, names=book.names, redact=redact),
    )
    asks_model = settings.llm.use_for_triage or settings.llm.use_for_emotion
    thresholds = replace(Thresholds(), answer_s=settings.llm.timeout_s, turn_s=settings.llm.timeout_s + 4)
    if asks_model:
        # The guard must outlast the model's own budget: cut off, it would throw the local reading away as well.
        thresholds = replace(thresholds, finder_s=2.5)
    thinker = TurnThinker(specialists, retriever, thresholds=thresholds)
    return Minds(thinker, BriefAgent(prompts, model, local.emotions, redact=redact), model, book.names)


def build_intents(settings: Settings, local: Classifiers) -> IntentBook:
    """The intents of the settings beside, or in place of, the built-in ones. Blocks; raises `BadSettings` in words."""
    chosen = settings.triage.intents
    rows = read_examples(Path(chosen.file)) if chosen.file else []
    described = {label: (one.examples, one.category, one.name) for label, one in chosen.labels.items()}
    extends = chosen.mode == "extend"
    own = own_intents(described, rows, extends=extends)
    return intent_book(local.intents, own, extends=extends, encoder=local.encoder)


def _endpoints(settings: Settings) -> list[Endpoint]:
    llm = settings.llm
    if not llm.configured:
        return []
    method = FormMethod(llm.structured_output)
    return [Endpoint(llm.base_url, name, llm.api_key, method) for name in (llm.model, *llm.fallback_models)]
