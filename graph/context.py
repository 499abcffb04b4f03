"""What the nodes of one turn may use: specialists, retriever, rules, clock. Handed in, never imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.answer import AnswerAgent
from agents.answer_checker import AnswerChecker
from agents.emotion import EmotionAgent
from agents.ticket import TicketAgent
from agents.triage import TriageAgent
from conversation.findings import Retrieval
from conversation.turn import Turn
from conversation.wording import Wording
from graph.thresholds import Thresholds


class FindsPassages(Protocol):
    """The retriever, as a turn needs it."""

    async def search(self, text: str, *, context: Sequence[str] = (), k: int = 5) -> Retrieval:
        """The `k` best passages for `text`; `context` are the customer's earlier lines, oldest first.

        Called once per turn, beside triage and emotion; an error leaves the turn without passages.
        """
        ...


@dataclass(frozen=True, slots=True)
class Specialists:
    """The agents of a turn."""

    triage: TriageAgent
    emotion: EmotionAgent
    answer: AnswerAgent
    checker: AnswerChecker
    ticket: TicketAgent


@dataclass(frozen=True, slots=True)
class TurnContext:
    """One turn's surroundings. `deadline` is a time of `clock` (monotonic seconds)."""

    turn: Turn
    specialists: Specialists
    retriever: FindsPassages
    thresholds: Thresholds
    words: Wording
    clock: Callable[[], float]
    deadline: float

    def budget(self, most: float) -> float:
        """The seconds a call may take: `most`, or what is left of the turn with a little kept for the ending."""
        return max(0.05, min(most, self.deadline - self.clock() - 0.5))
