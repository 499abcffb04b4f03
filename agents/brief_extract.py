"""Reads a conversation without a model: what it is about, what was tried, how the mood went, what could be said now."""

from __future__ import annotations

from collections.abc import Sequence

from agents.cues import SOCIAL, Cue, read_cues
from agents.emotion import is_upset, is_worsening
from agents.labels import MOOD_NAMES
from agents.likeness import likeness
from agents.sentences import best_sentences
from agents.slots import find_slots
from conversation.findings import Citation, Emotion, Passage
from conversation.identity import Speaker
from conversation.turn import Line
from conversation.wording import CHINESE, ENGLISH

SPEAKERS = {Speaker.CUSTOMER: "客户", Speaker.BOT: "机器人", Speaker.STAFF: "同事"}
POLITE_LINES = frozenset(
    {"", *(line for w in (CHINESE, ENGLISH) for line in (w.greeting, w.thanks, w.goodbye, w.can_do))}
)
LINE_CHARS = 90
SUGGESTION_CHARS = 140
#: A passage is a fair suggestion when its question is at least this like the customer's.
FITS = 0.35


def main_line(said: Sequence[Line]) -> str:
    """The customer line that says best what it is about; later ones win when they say as much."""
    best, most = "", 0.0
    for place, line in enumerate(said):
        cues = read_cues(line.text)
        if cues & SOCIAL:
            continue
        weight = min(len(_without_numbers(line.text)), 60) / 20 + 0.3 * place / len(said)
        weight += 1.5 * len(cues & {Cue.REQUESTS, Cue.TROUBLE, Cue.ASKS_HOW, Cue.OWN_ORDER})
        weight -= 4.0 * (Cue.WANTS_HUMAN in cues and len(line.text) < 12)
        if weight > most:
            best, most = line.text, weight
    return " ".join(best.split())


def _without_numbers(text: str) -> str:
    """`text` without order and parcel numbers: a number names the case, it does not say what is wrong."""
    slots = find_slots(text)
    for number in slots.orders + slots.trackings:
        text = text.replace(number, "")
    return text.strip()


def wants(main: str, said: Sequence[Line]) -> str:
    """What the customer wants, with the last line where it adds something."""
    last = next((" ".join(line.text.split()) for line in reversed(said) if not read_cues(line.text) & SOCIAL), "")
    told = short(main or last, LINE_CHARS)
    return told if last in ("", main) or not main else f"{told}；最近一句：{short(last, 40)}"


def tried(turns: Sequence[Line]) -> str:
    """What the bot and colleagues have said so far: the last two lines that were more than a greeting."""
    earlier = _until_last_question(turns)
    told = [line for line in earlier if line.speaker is not Speaker.CUSTOMER and line.text.strip() not in POLITE_LINES]
    if not told:
        return "尚未答复"
    last = [f"{_teller(line)}：{short(' '.join(line.text.split()), 40)}" for line in told[-2:]]
    return f"共答复 {len(told)} 次。" + "；".join(last)


def _until_last_question(turns: Sequence[Line]) -> Sequence[Line]:
    """Without what was said after the customer's last line: that is the announcement of the handoff itself."""
    places = [place for place, line in enumerate(turns) if line.speaker is Speaker.CUSTOMER]
    return turns[: places[-1] + 1] if places else turns


def _teller(line: Line) -> str:
    return SPEAKERS[line.speaker] + (line.name if line.speaker is Speaker.STAFF else "")


def mood_mark(moods: Sequence[Emotion]) -> str:
    """【生气】 in front of an upset customer's headline."""
    return f"【{MOOD_NAMES.get(moods[-1].label, moods[-1].label)}】" if moods and is_upset(moods[-1]) else ""


def course(moods: Sequence[Emotion]) -> str:
    """平静 → 着急 → 生气（越来越差）: equal neighbours are told once."""
    if not moods:
        return ""
    told = [MOOD_NAMES.get(mood.label, mood.label) for mood in moods[-6:]]
    steps = [name for place, name in enumerate(told) if place == 0 or name != told[place - 1]]
    return " → ".join(steps) + ("（越来越差）" if is_worsening(moods[:-1], moods[-1]) else "")


def suggest(main: str, moods: Sequence[Emotion], passages: Sequence[Passage]) -> tuple[str, tuple[Citation, ...]]:
    """A reply staff can send as it is, and the entry it rests on, if one fits the question."""
    sorry = "非常抱歉给您带来不便。" if moods and is_upset(moods[-1]) else ""
    matter = _without_numbers(main)
    best = max(passages[:3], key=lambda passage: likeness(matter, passage.question), default=None)
    if best is not None and matter and likeness(matter, best.question) >= FITS:
        text = best_sentences(main, best.answer, SUGGESTION_CHARS)
        return f"您好，{sorry}{text}", (Citation(best.entry_id, best.version, best.question),)
    if not main:
        return f"您好，我是人工客服。{sorry}请问遇到了什么问题？", ()
    orders = find_slots(main).orders
    about = f"您的订单 {orders[0]} " if orders else "您说的情况"
    return f"您好，我是人工客服。{sorry}{about}我已经看到，现在为您核实，请稍等。", ()


def short(text: str, most: int) -> str:
    """`text` in at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
