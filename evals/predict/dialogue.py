"""The task `dialogue`: scripted customers talk to the real turn graph, in memory, without any platform."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from agents.emotion import is_worsening
from conversation.findings import Citation, Emotion, EmotionLabel
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import IncomingMessage
from conversation.outcomes import Acted, Answered, HandedOff, Outcome, TicketOpened, TurnResult, reply_of
from conversation.turn import BOT, Conversation, DeskHours, KnownTicket, Line, Turn
from delivery.turn_record import MOODS_KEPT, is_gap
from evals.predict.offline_knowledge import knowledge_at
from evals.predict.options import Judge, PredictOptions
from evals.predict.row_files import BadRows, Row
from graph.turn import TurnThinker
from wiring_agents import build_minds

HISTORY_LINES = 20
#: Midnight in China of a Wednesday; `local_time` is counted from it.
DAY = 1_773_763_200.0
TURN_S, LINE_S = 90.0, 3.0
#: A mood this bad, read with this chance, is shown to staff though the bot goes on by itself.
BAD_MOODS = frozenset({EmotionLabel.ANGRY, EmotionLabel.ANXIOUS, EmotionLabel.DISAPPOINTED})
BAD_CHANCE, BAD_INTENSITY = 0.6, 1.5


def dialogue(options: PredictOptions, stack: ExitStack) -> Judge:
    """Plays each row's customer. Business tools are the language model's alone, so `--tools` only has to exist."""
    assert options.kb is not None
    if options.tools is not None and not options.tools.exists():
        raise BadRows(f"{options.tools}: there is no such file")
    runner = stack.enter_context(asyncio.Runner())
    minds = runner.run(build_minds(options.resolved(), knowledge_at(options.kb, options.resolved())))
    if minds.model is not None:
        stack.callback(lambda model: runner.run(model.close()), minds.model)
    return lambda row: {"turns": runner.run(Play(row, minds.thinker).turns())}


class Play:
    """One scripted customer: keeps what the tables would keep between turns."""

    def __init__(self, row: Row, thinker: TurnThinker) -> None:
        if not isinstance(row.get("turns"), list):
            raise BadRows("`turns` must be a list of objects with `customer`: [lines]")
        self._row = row
        self._thinker = thinker
        self._now = DAY + _seconds(row.get("local_time"))
        self._history: list[Line] = []
        self._conversation = _opened(row)
        self._desk = DeskHours(staffed=not row.get("out_of_hours", False))

    async def turns(self) -> list[dict[str, Any]]:
        """What came of each turn."""
        return [await self._turn(number, turn) for number, turn in enumerate(self._row["turns"], start=1)]

    async def _turn(self, number: int, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise BadRows(f"turn {number} must be an object with `customer`: [lines]")
        self._now += TURN_S
        self._staff_lines(given)
        burst = self._burst(number, _texts(given.get("customer")))
        if not burst:
            return {"outcome": "StayedSilent", "reply": "", "citations": [], "alert": False}
        turn = Turn(f"tn_{number}", self._conversation, burst, tuple(self._history), self._now, desk=self._desk)
        result = await self._thinker.think(turn)
        return self._ended(number, turn, result)

    def _staff_lines(self, given: dict[str, Any]) -> None:
        if "owner" in given:
            self._conversation = replace(self._conversation, owner=_owner(given["owner"]))
        for text in _texts(given.get("staff")):
            self._remember(Line(Speaker.STAFF, text, self._now))

    def _burst(self, number: int, texts: Sequence[str]) -> tuple[IncomingMessage, ...]:
        messages = []
        for place, text in enumerate(texts):
            self._now += LINE_S
            name, room, person = f"m{number}_{place}", self._conversation.room, self._conversation.customer
            messages.append(IncomingMessage(room, person, name, text, self._now, raw_text=text, mentions_bot=True))
        return tuple(messages)

    def _ended(self, number: int, turn: Turn, result: TurnResult) -> dict[str, Any]:
        outcome, before = result.outcome, self._conversation
        reply = reply_of(outcome).replace("{number}", f"T-{number}")
        for message in turn.burst:
            self._remember(Line(Speaker.CUSTOMER, message.text, message.sent_at))
        if reply:
            self._remember(Line(Speaker.BOT, reply, self._now))
        self._conversation = _after(before, result, number, self._now)
        citations: tuple[Citation, ...] = outcome.citations if isinstance(outcome, Answered) else ()
        return {
            "outcome": type(outcome).__name__,
            "reply": reply,
            "citations": [{"entry": c.entry_id, "version": c.version, "quote": c.quote} for c in citations],
            "alert": _alerts(before, result),
            "reason": outcome.reason,
        }

    def _remember(self, line: Line) -> None:
        self._history = [*self._history, line][-HISTORY_LINES:]


def _opened(row: Row) -> Conversation:
    customer = row.get("customer") if isinstance(row.get("customer"), dict) else {}
    assert isinstance(customer, dict)
    name = str(row.get("id", "play"))
    room = Room(str(row.get("channel") or "chat"), "predict", name, RoomKind.DIRECT)
    person = Person(f"customer-{name}", str(customer.get("name") or ""))
    tier = str(customer.get("tier") or "normal")
    return Conversation(f"cv_{name}", room, f"cu_{name}", person, owner=_owner(row.get("owner")), tier=tier)


def _owner(value: Any) -> str:
    return str(value) if value else BOT


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(text) for text in value or () if text is not None]


def _seconds(local_time: Any) -> float:
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", str(local_time or "10:00").strip())
    return (int(match[1]) * 60 + int(match[2])) * 60.0 if match else 36_000.0


def _after(before: Conversation, result: TurnResult, number: int, now: float) -> Conversation:
    """The conversation as the commit of the turn would leave it."""
    outcome = result.outcome
    unknown = before.unknown_count
    if reply_of(outcome) and not isinstance(outcome, HandedOff):
        unknown = unknown + 1 if is_gap(outcome) else 0
    return replace(
        before,
        unknown_count=unknown,
        moods=(*before.moods, result.findings.emotion)[-MOODS_KEPT:],
        waiting_for_staff=before.waiting_for_staff or isinstance(outcome, HandedOff),
        tickets=_tickets(before.tickets, outcome, number, now),
    )


def _tickets(tickets: tuple[KnownTicket, ...], outcome: Outcome, number: int, now: float) -> tuple[KnownTicket, ...]:
    if isinstance(outcome, TicketOpened):
        draft = outcome.ticket
        return (KnownTicket(f"T-{number}", draft.title, "open", draft.kind, now), *tickets)
    if isinstance(outcome, Acted):
        closed = {note.number for note in outcome.notes if note.close}
        return tuple(replace(t, status="closed") if t.number in closed else t for t in tickets)
    return tickets


def _alerts(before: Conversation, result: TurnResult) -> bool:
    """Whether a person is told: the conversation is handed over, or shown to staff for its mood."""
    if isinstance(result.outcome, HandedOff):
        return True
    mood = result.findings.emotion
    return _is_bad(mood) or is_worsening(before.moods, mood)


def _is_bad(mood: Emotion) -> bool:
    return mood.label in BAD_MOODS and mood.score >= BAD_CHANCE and mood.intensity >= BAD_INTENSITY
