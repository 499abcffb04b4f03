"""The task `brief`: what staff would read before taking over each conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from agents.handoff_brief import BriefAgent, CaseFile
from agents.local_classifier import LocalEmotion
from agents.prompts import PromptLibrary
from conversation.findings import Retrieval
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.staff_wording import CHINESE
from conversation.turn import Conversation, Line
from evals.predict.options import Judge, PredictOptions
from evals.predict.row_files import BadRows, Row, text_of
from wiring_agents import build_minds

#: What other systems call who speaks.
_SPEAKERS = {"bot": Speaker.BOT, "assistant": Speaker.BOT, "customer": Speaker.CUSTOMER, "user": Speaker.CUSTOMER}


class NothingKnown:
    """A base that holds nothing: a brief looks nothing up."""

    async def search(self, text: str, *, context: Sequence[str] = (), k: int = 5) -> Retrieval:
        """Finds nothing."""
        return Retrieval()


def brief(options: PredictOptions, stack: ExitStack) -> Judge:
    """Writes briefs by extraction, or with `--llm` by the configured model."""
    runner = stack.enter_context(asyncio.Runner())
    writer = _writer(options, runner, stack)

    def judge(row: Row) -> dict[str, Any]:
        written = runner.run(writer.write(case_of(row)))
        return {"brief": written.brief.as_text(CHINESE)}

    return judge


def _writer(options: PredictOptions, runner: asyncio.Runner, stack: ExitStack) -> BriefAgent:
    if not options.llm:
        return BriefAgent(PromptLibrary.load(), emotion=LocalEmotion.shipped())
    minds = runner.run(build_minds(options.resolved(), NothingKnown()))
    if minds.model is not None:
        stack.callback(lambda model: runner.run(model.close()), minds.model)
    return minds.briefs


def case_of(row: Row) -> CaseFile:
    """The row's conversation. Raises `BadRows` for turns that are no list of objects."""
    turns = row.get("turns")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise BadRows("`turns` must be a list of objects with `role` and `text`")
    lines = tuple(
        Line(_SPEAKERS.get(str(turn.get("role")), Speaker.STAFF), text_of(turn), float(place))
        for place, turn in enumerate(turns)
    )
    person = Person("customer")
    room = Room(str(row.get("channel") or "chat"), "predict", str(row.get("id", "case")), RoomKind.DIRECT)
    return CaseFile(lines, Conversation(f"cv_{row.get('id', 'case')}", room, "customer", person))
