"""What the service itself says about turns: which one a message went into, how it ended, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from conversation.codec import from_json
from conversation.findings import Citation, Findings
from store.schema import gaps, inbox, messages, outbox, timers, turns

#: How many ids go into one query.
CHUNK = 400


@dataclass(frozen=True, slots=True)
class TurnSeen:
    """A finished turn. `duration_ms` is the service's own figure; `unknown` says that the base had no answer."""

    turn_id: str
    outcome: str
    reason: str
    reply: str
    findings: Findings
    llm_calls: int
    prompt_tokens: int
    duration_ms: int
    cited: tuple[str, ...] = ()
    unknown: bool = False

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries found, best first."""
        return tuple(passage.entry_id for passage in self.findings.retrieval.passages)


@dataclass(frozen=True, slots=True)
class Pending:
    """What the service has not done yet. `next_at` is when the earliest of it is due (Unix seconds), None for now."""

    waiting: int
    unsent: int
    next_at: float | None = None

    @property
    def nothing(self) -> bool:
        """True when every message was thought about and every reply has left or was given up."""
        return not self.waiting and not self.unsent


def turns_of(connection: Connection, message_ids: Iterable[str]) -> dict[str, TurnSeen]:
    """The turn of each platform message id; messages without a finished turn are left out."""
    wanted, seen = list(message_ids), {}
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(
            select(messages.c.platform_message_id, turns, gaps.c.turn_id.label("gap"))
            .join(turns, turns.c.id == messages.c.turn_id)
            .outerjoin(gaps, gaps.c.turn_id == turns.c.id)
            .where(messages.c.platform_message_id.in_(wanted[start : start + CHUNK]))
            .where(messages.c.spoken_by == "customer")
        )
        for row in rows:
            seen[row.platform_message_id] = TurnSeen(
                row.id,
                row.outcome,
                row.reason,
                row.reply,
                from_json(Findings, row.findings),
                row.llm_calls,
                row.prompt_tokens,
                row.duration_ms,
                tuple(one.entry_id for one in from_json(tuple[Citation, ...], row.citations)),
                row.gap is not None,
            )
    return seen


def work_off_the_path(connection: Connection, until: float) -> int:
    """How many things, such as a brief for staff, are to be done before `until` (Unix seconds)."""
    due = select(func.count()).where(timers.c.status == "waiting", timers.c.due_at <= until)
    return int(connection.execute(due).scalar_one())


def pending(connection: Connection, now: float, rooms: Sequence[str] = ()) -> Pending:
    """What waits in the inbox and the outbox; sends to `rooms` (ids of ours) do not count."""
    waiting = connection.execute(
        select(func.count(), func.max(inbox.c.not_before)).where(inbox.c.status == "waiting")
    ).one()
    unsent = select(func.count(), func.min(outbox.c.next_at)).where(outbox.c.status.in_(("queued", "sending")))
    queued = connection.execute(unsent.where(outbox.c.room_id.not_in(list(rooms)))).one()
    due = [moment for moment in (waiting[1], queued[1]) if moment is not None and moment > now]
    return Pending(waiting[0], queued[0], min(due, default=None))
