"""Runs one turn: a `Turn` in, a `TurnResult` with exactly one outcome out, whatever breaks on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import structlog

from conversation.errors import HuiyingError
from conversation.findings import Emotion, Findings, Retrieval, Triage, Usage
from conversation.identity import Speaker
from conversation.outcomes import TurnResult
from conversation.turn import Turn
from conversation.wording import Wording, language_of, wording
from graph import endings
from graph.context import FindsPassages, Specialists, TurnContext
from graph.state import TurnState
from graph.support_graph import build_support_graph
from graph.thresholds import Thresholds

logger = structlog.get_logger(__name__)


class NoOutcome(HuiyingError):
    """A run of the graph ended without an outcome: refuse it, the customer would meet silence."""


class TurnThinker:
    """Thinks turns. `words` gives the lines of a language, `clock` monotonic seconds."""

    def __init__(
        self,
        specialists: Specialists,
        retriever: FindsPassages,
        *,
        thresholds: Thresholds | None = None,
        words: Callable[[str], Wording] = wording,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._specialists = specialists
        self._retriever = retriever
        self._thresholds = thresholds or Thresholds()
        self._words = words
        self._clock = clock
        self._graph = build_support_graph()

    async def think(self, turn: Turn) -> TurnResult:
        """One outcome within the turn's time budget. Raises nothing but `CancelledError` (the turn is superseded)."""
        context = self._context(turn)
        try:
            async with asyncio.timeout(self._thresholds.turn_s):
                state = await self._graph.ainvoke({"question": turn.text}, context=context)
            return _result(cast(TurnState, state))
        except Exception:  # this is the one function that runs a turn; a person takes what it cannot
            logger.exception("turn.failed", turn=turn.turn_id, conversation=turn.conversation.conversation_id)
            return TurnResult(endings.lost(context), Findings(), route="failed")

    def _context(self, turn: Turn) -> TurnContext:
        said = [line.text for line in turn.history if line.speaker is Speaker.CUSTOMER]
        return TurnContext(
            turn=turn,
            specialists=self._specialists,
            retriever=self._retriever,
            thresholds=self._thresholds,
            words=self._words(language_of([*said[-3:], turn.text])),
            clock=self._clock,
            deadline=self._clock() + self._thresholds.turn_s,
        )


def _result(state: TurnState) -> TurnResult:
    outcome = state.get("outcome")
    if outcome is None:
        raise NoOutcome(f"the run ended at {state.get('route')} without an outcome")
    findings = Findings(
        state.get("triage", Triage()),
        state.get("emotion", Emotion()),
        state.get("retrieval", Retrieval()),
        state.get("check"),
        state.get("defaulted", ()),
    )
    route = state.get("route")
    name = f"{route.step}:{route.reason}" if route else "relay:staff_owns"
    return TurnResult(outcome, findings, state.get("usage", Usage()), name, state.get("prompt_versions", ()))
