"""The brief staff read before they take over: ten seconds, no scrolling. Written off the critical path, by a timer.

Takes a `CaseFile`; gives a `Brief`. With a model in one call whose every fact is checked, otherwise by extraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from agents import case_facts
from agents.classifier import ReadsEmotion
from agents.cues import SOCIAL, Cue, read_cues
from agents.emotion import is_upset, is_worsening
from agents.figures import figures, links, names
from agents.labels import MOOD_NAMES
from agents.likeness import likeness
from agents.prompts import PromptLibrary, as_data, clip
from agents.sentences import best_sentences
from conversation.findings import Citation, Emotion, Passage, Usage
from conversation.identity import Speaker
from conversation.redaction import redact
from conversation.staff_wording import StaffWording
from conversation.turn import Conversation, Line
from llm.chat_model import ChatModel, ModelUnavailable

FIELDS = ("reason", "passages", "turns")
HEADLINE_CHARS = 40
LINE_CHARS = 90
SUGGESTION_CHARS = 140
TURNS_TOKENS = 700
#: A passage is a fair suggestion when its question is at least this like the customer's.
FITS = 0.35
SPEAKERS = {Speaker.CUSTOMER: "客户", Speaker.BOT: "机器人", Speaker.STAFF: "同事"}


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
        self, prompts: PromptLibrary, model: ChatModel | None = None, emotion: ReadsEmotion | None = None
    ) -> None:
        self._template = prompts.template("handoff_brief", FIELDS)
        self._model = model
        self._emotion = emotion

    async def write(self, case: CaseFile, *, budget_s: float = 10.0) -> WrittenBrief:
        """The brief for staff; never raises because of a model."""
        plain = self._extract(case)
        if self._model is None:
            return WrittenBrief(plain)
        passages = case.passages[:3]
        values = {
            "reason": case.reason or "客户需要人工",
            "passages": _numbered(passages),
            "turns": _transcript(case.turns),
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
        main = _main_line(said)
        matter = _short(main, HEADLINE_CHARS) or "客户要求人工，尚未说明问题"
        suggestion, citations = _suggest(main, moods, case.passages)
        return Brief(
            headline=_short(f"{_mood_mark(moods)}{matter}", HEADLINE_CHARS),
            wants=_wants(main, said),
            tried=_tried(case.turns),
            mood=_course(moods),
            facts=case_facts.facts_of(said, case.conversation.tier),
            suggested_reply=suggestion,
            citations=citations,
            tickets=tuple(t.number for t in case.conversation.tickets if t.status not in ("resolved", "closed")),
        )

    def _moods(self, conversation: Conversation, said: Sequence[Line]) -> tuple[Emotion, ...]:
        if conversation.moods or self._emotion is None:
            return conversation.moods
        return tuple(self._emotion.read(line.text) for line in said[-6:])


def _main_line(said: Sequence[Line]) -> str:
    """The customer line that says best what it is about; later ones win when they say as much."""
    best, most = "", 0.0
    for place, line in enumerate(said):
        cues = read_cues(line.text)
        if cues & SOCIAL:
            continue
        weight = min(len(line.text), 60) / 20 + 0.3 * place / len(said)
        weight += 1.5 * len(cues & {Cue.REQUESTS, Cue.TROUBLE, Cue.ASKS_HOW, Cue.OWN_ORDER})
        weight -= 4.0 * (Cue.WANTS_HUMAN in cues and len(line.text) < 12)
        if weight > most:
            best, most = line.text, weight
    return " ".join(best.split())


def _wants(main: str, said: Sequence[Line]) -> str:
    last = next((" ".join(line.text.split()) for line in reversed(said) if not read_cues(line.text) & SOCIAL), "")
    wants = _short(main or last, LINE_CHARS)
    return wants if last in ("", main) or not main else f"{wants}；最近一句：{_short(last, 40)}"


def _tried(turns: Sequence[Line]) -> str:
    told = [line for line in turns if line.speaker is not Speaker.CUSTOMER and line.text.strip()]
    if not told:
        return "尚未答复"
    last = told[-1]
    who = SPEAKERS[last.speaker] + (last.name if last.speaker is Speaker.STAFF else "")
    return f"已答复 {len(told)} 次，最近{who}说：{_short(' '.join(last.text.split()), 60)}"


def _mood_mark(moods: Sequence[Emotion]) -> str:
    return f"【{MOOD_NAMES.get(moods[-1].label, moods[-1].label)}】" if moods and is_upset(moods[-1]) else ""


def _course(moods: Sequence[Emotion]) -> str:
    """平静 → 着急 → 生气（越来越差）: equal neighbours are told once."""
    if not moods:
        return ""
    told = [MOOD_NAMES.get(mood.label, mood.label) for mood in moods[-6:]]
    steps = [name for place, name in enumerate(told) if place == 0 or name != told[place - 1]]
    return " → ".join(steps) + ("（越来越差）" if is_worsening(moods[:-1], moods[-1]) else "")


def _suggest(main: str, moods: Sequence[Emotion], passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    sorry = "非常抱歉给您带来不便。" if moods and is_upset(moods[-1]) else ""
    best = max(passages[:3], key=lambda passage: likeness(main, passage.question), default=None)
    if best is not None and main and likeness(main, best.question) >= FITS:
        text = best_sentences(main, best.answer, SUGGESTION_CHARS)
        return f"{sorry}您好，{text}", (Citation(best.entry_id, best.version, best.question),)
    if not main:
        return f"{sorry}您好，我是人工客服，请问遇到了什么问题？", ()
    return f"{sorry}您好，我是人工客服，已看到您说的“{_short(main, 30)}”，我先为您核实。", ()


def _transcript(turns: Sequence[Line]) -> str:
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
        headline=_short(form.headline.strip(), HEADLINE_CHARS),
        wants=_short(form.wants.strip(), LINE_CHARS) or plain.wants,
        tried=_short(form.tried.strip(), LINE_CHARS) or plain.tried,
        facts=tuple(_short(fact.strip(), 30) for fact in facts if fact.strip())[:6],
        suggested_reply=_short(form.suggested_reply.strip(), SUGGESTION_CHARS) or plain.suggested_reply,
        citations=tuple(Citation(p.entry_id, p.version, p.question) for p in cited),
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
