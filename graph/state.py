"""What travels between the nodes of one turn. Nothing of it outlives the turn."""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

from agents.cues import Cue
from conversation.findings import Answer, AnswerCheck, Emotion, Retrieval, Triage, Usage
from conversation.outcomes import Outcome
from graph.escalation import Route


class TurnState(TypedDict, total=False):
    """The compact state of a turn; history stays in the context, untouched."""

    question: str
    """What is asked: the burst's words, or the option they pick."""
    asked_back: bool
    """Our last line asked which of several things was meant."""
    cues: frozenset[Cue]
    triage: Triage
    emotion: Emotion
    retrieval: Retrieval
    defaulted: Annotated[tuple[str, ...], operator.add]
    """The finders that failed or ran out of time."""
    route: Route
    draft: Answer
    """An answer that has not been checked yet."""
    drafted_by: str
    """`entry`, `extract` or `model`; empty when no draft could be made."""
    check: AnswerCheck
    outcome: Outcome
    usage: Annotated[Usage, operator.add]
    prompt_versions: Annotated[tuple[str, ...], operator.add]
