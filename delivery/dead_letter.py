"""What becomes of messages that cannot be answered: kept, told to the customer, and given to a person."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from conversation.errors import LeaseLost
from conversation.findings import Findings
from conversation.outcomes import HandedOff, TurnResult, Urgency
from conversation.turn import Turn
from conversation.wording import language_of, wording
from delivery.effects import Effects
from delivery.turn_commit import Committed, FinishedTurn
from delivery.turn_loading import LoadedLane
from store.lane_rows import SettledRow, release_own, settle_rows

logger = structlog.get_logger(__name__)

#: The honest line to a customer whose messages could not be dealt with.
Apology = Callable[[Turn], str]


def honest_line(turn: Turn) -> str:
    """Says in the customer's language that the message was not dealt with, and when a person answers."""
    words = wording(language_of([message.text for message in turn.burst]))
    return words.handed_off(turn.desk, because=words.dead_letter)


def dead_letter(loaded: LoadedLane, turn: Turn, apology: str, why: str) -> FinishedTurn:
    """The end of a turn that could not be thought: a handoff, with the inbox rows marked dead."""
    logger.error("turn.dead_letter", turn_id=turn.turn_id, lane=loaded.lane, why=why)
    due_s = turn.desk.reply_within_s if turn.desk.staffed else None
    outcome = HandedOff(apology, reason="failed", urgency=Urgency.HIGH, promise_due_s=due_s)
    result = TurnResult(outcome, Findings(), route="dead_letter")
    return FinishedTurn(loaded, turn, result, 0.0, takes_newer=False, failure=why[:500])


def bury(connection: Connection, finished: FinishedTurn, effects: Effects, now: float) -> Committed:
    """The least that must be written when the whole end of the turn cannot be: the rows are dead, a person is called.

    Raises `LeaseLost` when the lane is somebody else's.
    """
    loaded, outcome = finished.loaded, finished.result.outcome
    if not release_own(connection, loaded.lane, loaded.epoch):
        raise LeaseLost(f"lane {loaded.lane} was taken over")
    turn_id = finished.turn.turn_id
    settle_rows(connection, [SettledRow(row.id, turn_id, "dead", finished.failure) for row in loaded.spoken])
    if isinstance(outcome, HandedOff):
        effects.hand_off(connection, finished.turn, outcome, now, said=False)
    return Committed(more=True, scheduled=True)
