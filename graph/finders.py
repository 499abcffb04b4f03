"""The guard around the parallel finders: whatever happens inside one, the turn goes on with a default.

The guard sits inside the node: LangGraph's own node time-outs and error handlers would end a run whose join waits for
every finder, and the customer would meet silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Protocol

import structlog
from langgraph.runtime import Runtime

from graph.context import TurnContext
from graph.state import TurnState
from graph.thresholds import Thresholds

logger = structlog.get_logger(__name__)


class Node(Protocol):
    """A node of the graph, as LangGraph calls it."""

    def __call__(self, state: TurnState, runtime: Runtime[TurnContext]) -> Awaitable[TurnState]:
        """Takes the state, gives what it adds."""
        ...


def finder(
    name: str, *, within: Callable[[Thresholds], float], default: Callable[[], TurnState]
) -> Callable[[Node], Node]:
    """A node that gives `default()` and its `name` in `defaulted` when it fails or takes longer than `within`."""

    def guard(find: Node) -> Node:
        @wraps(find)
        async def guarded(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
            turn_id = runtime.context.turn.turn_id
            try:
                async with asyncio.timeout(within(runtime.context.thresholds)):
                    return await find(state, runtime)
            except TimeoutError:
                logger.warning("turn.finder_late", finder=name, turn=turn_id)
            except Exception:  # a finder's failure must never become the customer's
                logger.exception("turn.finder_failed", finder=name, turn=turn_id)
            return {**default(), "defaulted": (name,)}

        return guarded

    return guard
