"""The brief staff read before they take over: ten seconds, no scrolling. Written off the critical path, by a timer.

Takes a `CaseFile`; gives a `Brief`: with a model in one call whose every fact is checked, otherwise by extraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from agents import brief_extract, case_facts
from agents.brief_extract import LINE_CHARS, SPEAKERS, SUGGESTION_CHARS, short
from agents.classifier import ReadsEmotion
from agents.figures import figures, links, names
from agents.prompts import PromptLibrary, as_data, clip
from conversation.findings import Citation, Emotion, Passage, Usage
from conversation.identity import Speaker
from conversation.redaction import Redact, redact
from conversation.staff_wording import StaffWording
from conversation.turn import Conversation, Line
from llm.chat_model import ChatModel, ModelUnavailable

FIELDS = ("reason", "passages", "turns")
HEADLINE_CHARS = 40
TURNS_TOKENS = 700
#: One line of so few characters needs no summary.
READS_ITSELF_CHARS = 60


@dataclass(frozen=True, slots=True)
class CaseFile:
    """What a brief is written from: the lines, oldest first, the conversation, passages found, and why a person is
    needed (a reason of `StaffWording.reasons`)."""

    turns: tuple[Line, ...]
    conversation: Conversation
    passages: tuple[Passage, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """The case in short. `headline` has at most 40 characters; a citation's quote is the title of its entry."""

    headline: str
    wants: str = ""
    tried: str = ""
    mood: str = ""
    facts: tuple[str, ...] = ()
    suggested_reply: str = ""
    citations: tuple[Citation, ...] = ()
    tickets: tuple[str, ...] = ()

    def as_text(self, words: StaffWording) -> str:
        """The brief as plain text, a line per section."""
        sections = (
            (words.wants, self.wants),
            (words.tried, self.tried),
            (words.mood, self.mood),
            (words.facts, "；".join(self.facts)),
            (words.tickets, "、".join(self.tickets)),
            (words.suggested_reply, self.suggested_reply),
        )
        return "\n".join([self.headline, *(f"{name}：{text}" for name, text in sections if text)])


class BriefForm(BaseModel):
    """What the model fills in."""

    headline: str
    wants: str
    tried: str
    facts: list[str]
    suggested_reply: str
    citations: list[int]


@dataclass(frozen=True, slots=True)
class WrittenBrief:
    """A brief and what it cost; `prompt_version` is empty when no model had a hand in it."""

    brief: Brief
    usage: Usage = field(default_factory=Usage)
    prompt_version: str = ""


class BriefAgent:
    """Writes briefs. `emotion` reads the mood of lines where the conversation has none on record."""

    def __init__(
        self,
        prompts: PromptLibrary,
        model: ChatModel | None = None,
        emotion: ReadsEmotion | None = None,
        *,
        redact: Redact = redact,
    ) -> None:
        self._redact = redact
        self._template = prompts.template("handoff_brief", FIELDS)
        self._model = model
        self._emotion = emotion

    async def write(self, case: CaseFile, *, budget_s: float = 10.0) -> WrittenBrief:
        """The brief for staff; never raises because of a model."""
        plain = self._extract(case)
        if self._model is None or _reads_itself(case):
            return WrittenBrief(plain)
        passages = case.passages[:3]
        values = {
            "reason": case.reason or "客户需要人工",
            "passages": _numbered(passages),
            "turns": _transcript(case.turns, self._redact),
        }
        prompt = self._template.prompt(values)
        try:
            filled = await self._model.fill(prompt, BriefForm, budget_s=budget_s)
        except ModelUnavailable as error:
            return WrittenBrief(plain, error.usage)
        form = filled.value
        if not _is_true(form, case):
            return WrittenBrief(plain, filled.usage)
        return WrittenBrief(_merged(form, plain, passages), filled.usage, prompt.version)

    def _extract(self, case: CaseFile) -> Brief:
        said = [line for line in case.turns if line.speaker is Speaker.CUSTOMER and line.text.strip()]
        moods = self._moods(case.conversation, said)
        main = brief_extract.main_line(said)
        matter = short(main, HEADLINE_CHARS) or "客户要求人工，尚未说明问题"
        suggestion, citations = brief_extract.suggest(main, moods, case.passages)
        return Brief(
            headline=short(f"{brief_extract.mood_mark(moods)}{matter}", HEADLINE_CHARS),
            wants=brief_extract.wants(main, said),
            tried=brief_extract.tried(case.turns),
            mood=brief_extract.course(moods),
            facts=case_facts.facts_of(said, case.conversation.tier),
            suggested_reply=suggestion,
            citations=citations,
            tickets=tuple(t.number for t in case.conversation.tickets if t.status not in ("resolved", "closed")),
        )

    def _moods(self, conversation: Conversation, said: Sequence[Line]) -> tuple[Emotion, ...]:
        if conversation.moods or self._emotion is None:
            return conversation.moods
        return tuple(self._emotion.read(line.text) for line in said[-6:])


def _reads_itself(case: CaseFile) -> bool:
    """A case of one short line: staff read it sooner than any summary of it, so no model is called."""
    said = [line for line in case.turns if line.speaker is not Speaker.BOT]
    return len(said) <= 1 and all(len(line.text) <= READS_ITSELF_CHARS for line in said)


def _transcript(turns: Sequence[Line], redact: Redact) -> str:
    """The newest lines that fit, personal data blanked."""
    lines: list[str] = []
    left = TURNS_TOKENS
    for line in reversed(turns):
        told = f"{SPEAKERS[line.speaker]}：{clip(as_data(redact(line.text)), 100)}"
        left -= len(told)
        if left < 0 and lines:
            break
        lines.insert(0, told)
    return "\n".join(lines)


def _numbered(passages: Sequence[Passage]) -> str:
    told = [f"[{n}] {as_data(p.question)}\n{clip(as_data(p.answer), 150)}" for n, p in enumerate(passages, start=1)]
    return "\n".join(told) or "（无）"


def _is_true(form: BriefForm, case: CaseFile) -> bool:
    """Every number, link and Latin name of the form was said, or stands in a passage; one invention spoils it all."""
    said = "\n".join(line.text for line in case.turns)
    written = "\n".join(f"{p.question}\n{p.answer}" for p in case.passages)
    told = "\n".join([form.headline, form.wants, form.tried, *form.facts])
    return (
        bool(form.headline.strip()) and _rests_on(told, said) and _rests_on(form.suggested_reply, f"{said}\n{written}")
    )


def _rests_on(text: str, evidence: str) -> bool:
    known = {figure.value for figure in figures(evidence)}
    folded = evidence.lower()
    return (
        all(figure.value in known for figure in figures(text))
        and links(text) <= links(evidence)
        and all(name.lower() in folded for name in names(text))
    )


def _merged(form: BriefForm, plain: Brief, passages: Sequence[Passage]) -> Brief:
    """The model's words; mood, tickets and the numbers of the case stay ours."""
    cited = [passages[n - 1] for n in dict.fromkeys(form.citations) if 1 <= n <= len(passages)]
    facts = (*plain.facts, *(fact for fact in form.facts if not any(own in fact or fact in own for own in plain.facts)))
    return replace(
        plain,
        headline=short(form.headline.strip(), HEADLINE_CHARS),
        wants=short(form.wants.strip(), LINE_CHARS) or plain.wants,
        tried=short(form.tried.strip(), LINE_CHARS) or plain.tried,
        facts=tuple(short(fact.strip(), 30) for fact in facts if fact.strip())[:6],
        suggested_reply=short(form.suggested_reply.strip(), SUGGESTION_CHARS) or plain.suggested_reply,
        citations=tuple(Citation(p.entry_id, p.version, p.question) for p in cited),
    )
