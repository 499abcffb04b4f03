"""The triage agent: what does the customer want. A local classifier answers; a model is asked only where allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import BaseModel, Field

from agents.classifier import ReadsFlags, ReadsIntent
from agents.prompts import PromptLibrary, as_data, clip
from conversation.findings import Intent, Triage, Usage
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


class TriageForm(BaseModel):
    """What the model fills in."""

    intent: str
    confidence: float = Field(ge=0, le=1)


@dataclass(frozen=True, slots=True)
class ModelTriage:
    """When triage may ask a model: the classifier's best chance is below `below`. Off where this is not given.

    `labels` are what it may answer, each with how it is told of it.
    """

    model: ChatModel
    prompts: PromptLibrary
    labels: Mapping[str, str] = field(default_factory=lambda: {str(intent): str(intent) for intent in Intent})
    below: float = 0.35
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
        """The triage of `text`. No call without `ModelTriage`; a model that fails leaves the classifier's word."""
        flags = self._flags.read(text)
        scores = self._intents.scores(text)
        intent = max(scores, key=lambda label: scores[label], default=str(Intent.OTHER))
        local = Triage(intent, self._categories.get(intent, intent), scores.get(intent, 0.0), flags)
        if self._asks is None or not text.strip() or local.confidence >= self._asks.below:
            return ReadTriage(local)
        return await self._ask(text, local, self._asks)

    async def _ask(self, text: str, local: Triage, asks: ModelTriage) -> ReadTriage:
        assert self._template is not None  # it comes with `asks`
        values = {"labels": "、".join(asks.labels.values()), "text": clip(as_data(asks.redact(text)), TEXT_TOKENS)}
        prompt = self._template.prompt(values)
        try:
            filled = await asks.model.fill(prompt, TriageForm, budget_s=asks.budget_s)
        except ModelUnavailable as error:
            return ReadTriage(local, error.usage)
        form = filled.value
        if form.intent not in asks.labels:
            return ReadTriage(local, filled.usage, prompt.version)
        category = self._categories.get(form.intent, form.intent)
        triage = Triage(form.intent, category, form.confidence, local.flags)
        return ReadTriage(triage, filled.usage, prompt.version)
