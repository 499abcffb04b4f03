"""From a route to an answer that may leave: draft, check, and the honest way out when the check says no."""

from __future__ import annotations

from dataclasses import replace

from agents.answer import AnswerAgent
from conversation.findings import Answer, AnswerCheck, Usage
from conversation.identity import Speaker
from conversation.outcomes import Answered
from graph.context import TurnContext
from graph.escalation import decide_after_check
from graph.sight import Sight
from graph.state import TurnState
from llm.chat_model import ModelUnavailable

REASONS = {"entry": "faq", "extract": "extract", "model": "composed"}
#: Earlier lines whose facts an answer may repeat.
SAID_LINES = 12


async def draft_answer(reason: str, sight: Sight, context: TurnContext) -> TurnState:
    """The draft for `faq`, `extract` or `compose`; a model that fails leaves an extract, or nothing."""
    agent = context.specialists.answer
    if reason == "faq":
        return {"draft": agent.verbatim(sight.retrieval), "drafted_by": "entry"}
    if reason == "extract":
        return {"draft": agent.extract(sight.question, sight.retrieval), "drafted_by": "extract"}
    turn = context.turn
    try:
        composed = await agent.compose(
            sight.question,
            sight.retrieval,
            turn.history,
            turn.conversation.summary,
            budget_s=context.budget(context.thresholds.answer_s),
        )
    except ModelUnavailable as error:
        return {**_extracted(agent, sight), "usage": error.usage}
    return {
        "draft": composed.answer,
        "drafted_by": "model",
        "usage": composed.usage,
        "prompt_versions": (composed.prompt_version,),
    }


def settle_answer(state: TurnState, sight: Sight, context: TurnContext) -> TurnState:
    """The outcome, where a draft may leave; otherwise the next route. Only a model's words need the check."""
    draft, author = state["draft"], state["drafted_by"]
    check = AnswerCheck(draft.can_answer and bool(draft.text))
    if author == "model":
        check = context.specialists.checker.check(draft, sight.retrieval.passages, _said(context, sight.question))
        if not check.passed and draft.can_answer:
            draft = _extracted(context.specialists.answer, sight)["draft"]
            author = "extract"
    if author == "extract" and draft.can_answer and sight.is_guess:
        asked = "”、“".join(passage.question.strip() for passage in sight.retrieval.answering)
        draft = replace(draft, text=context.words.perhaps.format(question=asked, answer=draft.text))
    if check.passed or (author == "extract" and draft.can_answer):
        return {"check": check, "outcome": Answered(draft.text, REASONS[author], draft.citations)}
    return {"check": check, "route": decide_after_check(sight)}


def _extracted(agent: AnswerAgent, sight: Sight) -> TurnState:
    """An extract where the base holds the answer well enough without a model."""
    nothing = Answer("", can_answer=False)
    draft = agent.extract(sight.question, sight.retrieval) if sight.may_extract else nothing
    return {"draft": draft, "drafted_by": "extract", "usage": Usage()}


def _said(context: TurnContext, question: str) -> list[str]:
    """What the customer and staff said: facts an answer may repeat. The bot's own earlier words prove nothing."""
    lines = context.turn.history[-SAID_LINES:]
    return [*(line.text for line in lines if line.speaker is not Speaker.BOT), question]
