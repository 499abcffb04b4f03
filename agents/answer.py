"""The answering agent: an entry word for word, an extract of one, or a composed answer in one model call.

Takes a question and the passages found for it; gives an `Answer` that `answer_checker` examines before it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from agents.prompts import PromptLibrary, as_data, clip, estimate_tokens
from agents.sentences import best_sentences
from conversation.findings import Answer, Citation, Passage, Retrieval, Usage
from conversation.identity import Speaker
from conversation.redaction import Redact, redact
from conversation.turn import Line
from llm.chat_model import ChatModel, Prompt

FIELDS = ("passages", "window", "question")
SPEAKERS = {Speaker.CUSTOMER: "客户", Speaker.BOT: "机器人", Speaker.STAFF: "人工客服"}
QUOTE_CHARS = 120


class AnswerForm(BaseModel):
    """What the model fills in."""

    can_answer: bool
    answer: str
    citations: list[int]


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """How much goes into an answering prompt (tokens by `estimate_tokens`).

    The window of earlier lines takes at most `window_share` of all the rest, so that a long conversation costs
    hardly more than a new one.
    """

    passages: int = 3
    passage_tokens: int = 450
    question_tokens: int = 120
    window_lines: int = 6
    window_share: float = 0.22


@dataclass(frozen=True, slots=True)
class Composed:
    """An answer a model wrote, what it cost, and by which version of the prompt."""

    answer: Answer
    usage: Usage
    prompt_version: str


class AnswerAgent:
    """Answers from passages. `model` None is the LLM-off agent: it has `verbatim` and `extract` alone."""

    def __init__(
        self,
        prompts: PromptLibrary,
        model: ChatModel | None,
        limits: PromptLimits | None = None,
        *,
        redact: Redact = redact,
    ) -> None:
        self._redact = redact
        self._template = prompts.template("answer", FIELDS)
        self._model = model
        self._limits = limits or PromptLimits()

    @property
    def can_compose(self) -> bool:
        """True when a model is configured."""
        return self._model is not None

    def verbatim(self, retrieval: Retrieval) -> Answer:
        """The answer as the knowledge manager wrote it; one after the other where several things were asked."""
        told = [(passage, passage.answer.strip()) for passage in retrieval.answering if passage.answer.strip()]
        return _joined(told)

    def extract(self, question: str, retrieval: Retrieval) -> Answer:
        """The sentences of what answers that speak of the question; not answerable without passages."""
        told = [(p, best_sentences(question, p.answer)) for p in retrieval.answering if p.answer.strip()]
        return _joined(told) if told else Answer("", can_answer=False)

    async def compose(
        self, question: str, retrieval: Retrieval, history: Sequence[Line], summary: str, *, budget_s: float
    ) -> Composed:
        """One model call. Raises `ModelUnavailable`; `can_answer` False when the passages do not hold the answer."""
        if self._model is None:
            return Composed(Answer("", can_answer=False), Usage(), "")
        passages = retrieval.passages[: self._limits.passages]
        prompt = self.prompt(question, passages, history, summary)
        filled = await self._model.fill(prompt, AnswerForm, budget_s=budget_s)
        form = filled.value
        cited = [passages[n - 1] for n in dict.fromkeys(form.citations) if 1 <= n <= len(passages)]
        text = form.answer.strip()
        citations = tuple(_cite(passage, best_sentences(text, passage.answer, QUOTE_CHARS)) for passage in cited)
        return Composed(Answer(text, citations, form.can_answer and bool(text)), filled.usage, prompt.version)

    def prompt(self, question: str, passages: Sequence[Passage], history: Sequence[Line], summary: str) -> Prompt:
        """The bounded prompt: same size whatever the length of the conversation, personal data blanked."""
        limits = self._limits
        asked = clip(as_data(self._redact(question)), limits.question_tokens)
        evidence = self._evidence(question, passages)
        rest = estimate_tokens(self._template.system) + estimate_tokens(evidence) + estimate_tokens(asked)
        window = self._window(history, summary, int(rest * limits.window_share))
        return self._template.prompt({"passages": evidence, "window": window, "question": asked})

    def _evidence(self, question: str, passages: Sequence[Passage]) -> str:
        left = self._limits.passage_tokens
        lines: list[str] = []
        for number, passage in enumerate(passages, start=1):
            share = left // (len(passages) - number + 1)
            text = best_sentences(question, as_data(passage.answer), most=max(120, int(share * 1.6)))
            line = clip(f"[{number}] {as_data(passage.question)}\n{text}", share)
            left -= estimate_tokens(line)
            lines.append(line)
        return "\n".join(lines)

    def _window(self, history: Sequence[Line], summary: str, tokens: int) -> str:
        """The newest earlier lines that fit, then what the summary still has room for."""
        left = tokens - estimate_tokens("<此前对话>\n\n</此前对话>\n")
        lines: list[str] = []
        for line in reversed(history[-self._limits.window_lines :]):
            told = clip(f"{SPEAKERS[line.speaker]}：{as_data(self._redact(line.text))}", min(40, max(left, 0)))
            if left < 8 or not told:
                break
            lines.insert(0, told)
            left -= estimate_tokens(told) + 1
        if summary and left > 12:
            lines.insert(0, clip(f"摘要：{as_data(self._redact(summary))}", left))
        return "<此前对话>\n" + "\n".join(lines) + "\n</此前对话>\n" if lines else ""


def _joined(told: Sequence[tuple[Passage, str]]) -> Answer:
    return Answer("\n".join(text for _, text in told), tuple(_cite(passage, text) for passage, text in told))


def _cite(passage: Passage, quote: str) -> Citation:
    words = quote.strip()
    return Citation(passage.entry_id, passage.version, words[:QUOTE_CHARS] + ("…" if len(words) > QUOTE_CHARS else ""))
