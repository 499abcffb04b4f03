"""The transaction that ends turns: lines, findings, tickets, promises, gap, outbox and inbox, or none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from conversation.errors import LeaseLost, Superseded
from conversation.outcomes import Acted, HandedOff, Relayed, StayedSilent, TicketOpened, TurnResult, reply_of
from conversation.turn import SendRight, Turn
from delivery.effects import Effects
from delivery.turn_loading import LoadedLane
from delivery.turn_record import UNSENT, gap_row, is_awaited, is_gap, lines_of, reply_row, state_after, turn_row
from store.lane_rows import SettledRow, epochs_of, newest_waiting, release, settle_rows, start_afresh
from store.outbox_rows import queue_rows
from store.turn_rows import add_lines, advance, owner_epochs, record_gaps, record_turns


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


@dataclass(frozen=True, slots=True)
class _Draft:
    """A turn that will be written, with the words that go out."""

    finished: FinishedTurn
    reply: str

    @property
    def turn(self) -> Turn:
        return self.finished.turn

    @property
    def speaks(self) -> bool:
        return bool(self.reply) and self.turn.send_right not in UNSENT

    @property
    def hushes(self) -> bool:
        """Nothing will be said, and the customer's screen shows that something might."""
        observed = self.turn.send_right is SendRight.OBSERVE
        return is_awaited(self.turn) and (observed or isinstance(self.finished.result.outcome, StayedSilent))

    @property
    def words(self) -> str:
        return self.reply if self.speaks else ""


def commit_turns(
    connection: Connection, batch: Sequence[FinishedTurn], effects: Effects, now: float
) -> list[Committed | LeaseLost | Superseded]:
    """Writes everything that the turns came to and releases their lanes; gives one verdict per turn.

    `LeaseLost`: the lane is somebody else's. `Superseded`: newer words wait in it, or the conversation changed hands
    since it was loaded. Nothing of such a turn is written. Lanes and owners stay locked until the transaction ends.
    """
    lanes = [one.loaded.lane for one in batch]
    epochs, newest = epochs_of(connection, lanes), newest_waiting(connection, lanes)
    owners = owner_epochs(connection, [one.turn.conversation.conversation_id for one in batch])
    refused = [_refusal(one, epochs, newest, owners) for one in batch]
    accepted = [one for one, refusal in zip(batch, refused, strict=True) if refusal is None]
    _write(connection, accepted, effects, now)
    more = {one.loaded.lane for one in accepted if newest[one.loaded.lane] > max(_ids(one))}
    release(connection, [one.loaded.lane for one in accepted])
    start_afresh(connection, list(more))
    return [
        refusal or _committed(one, more=one.loaded.lane in more) for one, refusal in zip(batch, refused, strict=True)
    ]


def _refusal(
    one: FinishedTurn, epochs: dict[str, int], newest: dict[str, int], owners: dict[str, int]
) -> LeaseLost | Superseded | None:
    lane, conversation = one.loaded.lane, one.turn.conversation
    if epochs.get(lane) != one.loaded.epoch:
        return LeaseLost(f"lane {lane} was taken over during turn {one.turn.turn_id}")
    if one.takes_newer and newest.get(lane, 0) > one.loaded.seen:
        return Superseded(f"newer words wait in lane {lane}")
    if owners.get(conversation.conversation_id) != conversation.epoch:
        return Superseded(f"conversation {conversation.conversation_id} changed hands")
    return None


def _committed(one: FinishedTurn, *, more: bool) -> Committed:
    outcome = one.result.outcome
    said = bool(reply_of(outcome)) or isinstance(outcome, Relayed) or is_awaited(one.turn)
    return Committed(more, said, isinstance(outcome, HandedOff))


def _write(connection: Connection, accepted: Sequence[FinishedTurn], effects: Effects, now: float) -> None:
    drafts = [_Draft(one, _reply(connection, one, effects, now)) for one in accepted]
    new = record_turns(
        connection,
        [turn_row(one.turn, one.finished.result, one.reply, one.finished.duration_s, now) for one in drafts],
    )
    drafts = [one for one in drafts if one.turn.turn_id in new]
    advance(
        connection,
        {one.turn.conversation.conversation_id: state_after(one.turn, one.finished.result, now) for one in drafts},
    )
    add_lines(connection, [line for one in drafts for line in lines_of(one.turn, one.reply, now)])
    for one in drafts:
        _act(connection, one.finished, effects, now)
    record_gaps(
        connection,
        [gap_row(one.turn, one.finished.result, now) for one in drafts if is_gap(one.finished.result.outcome)],
    )
    queue_rows(connection, [reply_row(one.turn, one.words, now) for one in drafts if one.speaks or one.hushes])
    settle_rows(connection, [row for one in accepted for row in _settled(one)])


def _reply(connection: Connection, one: FinishedTurn, effects: Effects, now: float) -> str:
    outcome = one.result.outcome
    if not isinstance(outcome, TicketOpened):
        return reply_of(outcome)
    observed = one.turn.send_right is SendRight.OBSERVE
    number = "…" if observed else effects.open_ticket(connection, one.turn, outcome.ticket, now)
    return outcome.reply.replace("{number}", number)


def _act(connection: Connection, one: FinishedTurn, effects: Effects, now: float) -> None:
    """What the desk is asked to do. In a room that is only observed, nothing."""
    turn, outcome = one.turn, one.result.outcome
    if turn.send_right is SendRight.OBSERVE:
        return
    if isinstance(outcome, HandedOff):
        effects.hand_off(connection, turn, outcome, now, said=turn.send_right not in UNSENT)
    elif isinstance(outcome, Acted) and outcome.notes:
        effects.apply_notes(connection, turn, outcome.notes, now)
    # While a person is on the way or in charge, staff see every word of the customer.
    if isinstance(outcome, Relayed) or turn.conversation.waiting_for_staff:
        effects.to_staff(connection, turn, now)


def _settled(one: FinishedTurn) -> list[SettledRow]:
    status = "dead" if one.failure else "done"
    return [SettledRow(row, one.turn.turn_id, status, one.failure) for row in _ids(one)]


def _ids(one: FinishedTurn) -> list[int]:
    return [row.id for row in one.loaded.spoken]
