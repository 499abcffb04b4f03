"""The triage agent: what does the customer want. A local classifier answers; a model is asked only where allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pydantic import BaseModel, Field

from agents.classifier import ReadsFlags, ReadsIntent
from agents.prompts import PromptLibrary, as_data, clip
from conversation.findings import Flags, Intent, Triage, Usage
from conversation.redaction import Redact, redact
from llm.chat_model import ChatModel, ModelUnavailable

FIELDS = ("labels", "text")
TEXT_TOKENS = 200
#: Intents grouped for routing rules and reports; a deployer's own labels are their own category.
CATEGORIES: Mapping[str, str] = {
    Intent.PRODUCT_INFO: "presale",
    Intent.PRICE_PROMO: "presale",
    Intent.STOCK: "presale",
    Intent.ORDER_STATUS: "order",
    Intent.LOGISTICS: "order",
    Intent.CHANGE_ORDER: "order",
    Intent.REFUND: "aftersale",
    Intent.RETURN_EXCHANGE: "aftersale",
    Intent.REPAIR: "aftersale",
    Intent.INVOICE: "account",
    Intent.ACCOUNT: "account",
    Intent.MEMBERSHIP: "account",
    Intent.HOWTO: "usage",
    Intent.FAULT: "usage",
    Intent.COMPLAINT: "feedback",
    Intent.SUGGESTION_PRAISE: "feedback",
    Intent.HUMAN_REQUEST: "human",
    Intent.SMALLTALK: "social",
    Intent.THANKS_BYE: "social",
    Intent.OTHER: "other",
}


#: The chance of a flag that a model affirmed; of one that it denied, what is left.
SAID_SO = 0.9


class TriageForm(BaseModel):
    """What the model fills in; a flag that it leaves open stays as the classifier read it."""

    intent: str
    confidence: float = Field(ge=0, le=1)
    wants_human: bool | None = None
    urgent: bool | None = None
    injection: bool | None = None
    offensive: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelTriage:
    """When triage may ask a model: the classifiers abstain. Off where this is not given.

    They do where the best intent's chance is below `below`, or where a flag's likelier side (held or not) is below
    what `flags_below` has for it; a flag that is not in it is never doubted. `labels` are what the model may answer,
    each with how it is told of it.
    """

    model: ChatModel
    prompts: PromptLibrary
    labels: Mapping[str, str] = field(default_factory=lambda: {str(intent): str(intent) for intent in Intent})
    below: float = 0.35
    flags_below: Mapping[str, float] = field(default_factory=dict)
    budget_s: float = 2.0
    redact: Redact = redact


@dataclass(frozen=True, slots=True)
class ReadTriage:
    """A triage and what it cost."""

    triage: Triage
    usage: Usage = field(default_factory=Usage)
    prompt_version: str = ""


class TriageAgent:
    """Reads intent and flags of a burst. `categories` are those of a deployer's own intents."""

    def __init__(
        self,
        intents: ReadsIntent,
        flags: ReadsFlags,
        asks: ModelTriage | None = None,
        *,
        categories: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._categories = {**CATEGORIES, **categories}
        self._intents = intents
        self._flags = flags
        self._asks = asks
        self._template = asks.prompts.template("triage", FIELDS) if asks else None

    async def read(self, text: str) -> ReadTriage:
        """The triage of `text`. No call without `ModelTriage`; a model that fails leaves the classifiers' word."""
        flags = self._flags.read(text)
        scores = self._intents.scores(text)
        intent = max(scores, key=lambda label: scores[label], default=str(Intent.OTHER))
        local = Triage(intent, self._categories.get(intent, intent), scores.get(intent, 0.0), flags)
        if self._asks is None or not text.strip():
            return ReadTriage(local)
        doubted = _doubted(flags, self._asks.flags_below)
        if local.confidence >= self._asks.below and not doubted:
            return ReadTriage(local)
        return await self._ask(text, local, doubted, self._asks)

    async def _ask(self, text: str, local: Triage, doubted: frozenset[str], asks: ModelTriage) -> ReadTriage:
        assert self._template is not None  # it comes with `asks`
        values = {"labels": "、".join(asks.labels.values()), "text": clip(as_data(asks.redact(text)), TEXT_TOKENS)}
        prompt = self._template.prompt(values)
        try:
            filled = await asks.model.fill(prompt, TriageForm, budget_s=asks.budget_s)
        except ModelUnavailable as error:
            return ReadTriage(local, error.usage)
        form = filled.value
        triage = replace(local, flags=_told(local.flags, doubted, form))
        if form.intent in asks.labels and local.confidence < asks.below:
            category = self._categories.get(form.intent, form.intent)
            triage = replace(triage, intent=form.intent, category=category, confidence=form.confidence)
        return ReadTriage(triage, filled.usage, prompt.version)


def _doubted(flags: Flags, below: Mapping[str, float]) -> frozenset[str]:
    """The flags of which neither side is likely enough."""
    chances = {name: getattr(flags, name) for name in below}
    return frozenset(name for name, chance in chances.items() if max(chance, 1 - chance) < below[name])


def _told(flags: Flags, doubted: frozenset[str], form: TriageForm) -> Flags:
    """The flags, those in doubt as the model says."""
    said = {name: getattr(form, name) for name in doubted}
    return replace(flags, **{name: SAID_SO if yes else 1 - SAID_SO for name, yes in said.items() if yes is not None})
