"""The one transaction that ends a turn: lines, findings, tickets, promises, gap, outbox and inbox, or none of them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from conversation.errors import LeaseLost, Superseded
from conversation.outcomes import Acted, HandedOff, Relayed, TicketOpened, TurnResult, reply_of
from conversation.turn import SendRight, Turn
from delivery.effects import Effects
from delivery.turn_loading import LoadedLane
from delivery.turn_record import (
    UNSENT,
    bot_line,
    customer_line,
    gap_row,
    is_gap,
    outgoing,
    reply_key,
    state_after,
    turn_row,
)
from store.lane_rows import newest_waiting, release, settle_rows, start_afresh
from store.outbox_rows import put_in_outbox
from store.turn_rows import add_lines, advance, record_gap, record_turn


@dataclass(frozen=True, slots=True)
class FinishedTurn:
    """A turn that was thought to its end. `failure` is why it could not be thought: its messages become dead letters.

    `takes_newer` is False once the turn was thought again often enough: what came since is the next turn's.
    """

    loaded: LoadedLane
    turn: Turn
    result: TurnResult
    duration_s: float
    takes_newer: bool = True
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Committed:
    """What is left to do: `more` waits in the lane, something was `said` to the outbox or `scheduled` as a timer."""

    more: bool = False
    said: bool = False
    scheduled: bool = False


def commit_turn(connection: Connection, finished: FinishedTurn, effects: Effects, now: float) -> Committed:
    """Writes everything that the turn came to and releases the lane.

    Raises `LeaseLost` when the lane is somebody else's, `Superseded` when newer words wait in it or the conversation
    changed hands since it was loaded; nothing is written then.
    """
    loaded, turn = finished.loaded, finished.turn
    if not release(connection, loaded.lane, loaded.epoch):
        raise LeaseLost(f"lane {loaded.lane} was taken over during turn {turn.turn_id}")
    newest = newest_waiting(connection, loaded.lane)
    if finished.takes_newer and newest > loaded.seen:
        raise Superseded(f"newer words wait in lane {loaded.lane}")
    said = _write(connection, finished, effects, now)
    status = "dead" if finished.failure else "done"
    ids = [row.id for row in loaded.spoken]
    settle_rows(connection, ids, turn_id=turn.turn_id, status=status, error=finished.failure)
    more = newest > max(ids)
    if more:
        start_afresh(connection, loaded.lane)
    outcome = finished.result.outcome
    return Committed(more, said or isinstance(outcome, Relayed), isinstance(outcome, HandedOff))


def _write(connection: Connection, finished: FinishedTurn, effects: Effects, now: float) -> bool:
    turn, outcome = finished.turn, finished.result.outcome
    acts = turn.send_right is not SendRight.OBSERVE
    reply = reply_of(outcome)
    if isinstance(outcome, TicketOpened):
        number = effects.open_ticket(connection, turn, outcome.ticket, now) if acts else "…"
        reply = reply.replace("{number}", number)
    if not record_turn(connection, turn_row(turn, finished.result, reply, finished.duration_s, now)):
        return False
    state = state_after(turn, finished.result, now)
    if not advance(connection, turn.conversation.conversation_id, turn.conversation.epoch, state):
        raise Superseded(f"conversation {turn.conversation.conversation_id} changed hands")
    lines = [customer_line(turn, message) for message in turn.burst]
    if reply:
        lines.append(bot_line(turn, reply, now))
    add_lines(connection, lines)
    if acts:
        _act(connection, finished, effects, now)
    if is_gap(outcome):
        record_gap(connection, gap_row(turn, finished.result, now))
    if not reply or turn.send_right in UNSENT:
        return False
    return put_in_outbox(
        connection,
        outgoing(turn, reply),
        key=reply_key(turn.turn_id),
        now=now,
        conversation_id=turn.conversation.conversation_id,
        owner_epoch=turn.conversation.epoch,
    )


def _act(connection: Connection, finished: FinishedTurn, effects: Effects, now: float) -> None:
    turn, outcome = finished.turn, finished.result.outcome
    if isinstance(outcome, HandedOff):
        effects.hand_off(connection, turn, outcome, now, said=turn.send_right not in UNSENT)
    elif isinstance(outcome, Acted) and outcome.notes:
        effects.apply_notes(connection, turn, outcome.notes, now)
    elif isinstance(outcome, Relayed):
        effects.to_staff(connection, turn, now)
