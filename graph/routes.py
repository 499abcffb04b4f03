"""The questions asked between nodes: pure functions from the state to the name of the next node.

They are coroutines because LangGraph runs plain functions in a thread: a hop of its own for every question.
"""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.graph import END
from langgraph.runtime import Runtime

from conversation.turn import BOT
from graph.context import TurnContext
from graph.state import TurnState

FINDERS = ("triage", "read_emotion", "retrieve")


async def who_speaks(state: TurnState, runtime: Runtime[TurnContext]) -> str | Sequence[str]:
    """Staff, or the bot? A staff member's conversation is relayed; otherwise all finders set out at once."""
    return "relay" if runtime.context.turn.conversation.owner != BOT else FINDERS


async def what_next(state: TurnState) -> str:
    """The node that the policy table chose."""
    return state["route"].step


async def may_leave(state: TurnState) -> str:
    """The end, where the answer passed its check; else the honest way out."""
    return END if "outcome" in state else state["route"].step
