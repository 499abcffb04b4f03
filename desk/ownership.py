"""Who owns a conversation. Every change bumps the owner epoch and cancels what the bot still had to say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select, update

from conversation.identity import Person
from conversation.turn import BOT
from desk import audit
from store.schema import conversations, handoffs, messages, outbox, promises


class Change(StrEnum):
    """What became of a wish to change the owner."""

    DONE = "done"
    ALREADY_YOURS = "already_yours"
    TAKEN_BY_OTHER = "taken_by_other"
    NOT_OWNED = "not_owned"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Ownership:
    """The owner after a wish: `owner_id` is `bot` or a staff id, `epoch` the current owner epoch."""

    change: Change
    owner_id: str
    owner_name: str
    epoch: int


def take_over(connection: Connection, conversation_id: str, staff: Person, now: float) -> Ownership:
    """Gives the conversation to `staff`; the first of two who ask has it, the other learns by whom."""
    row = _locked(connection, conversation_id)
    if row is None:
        return Ownership(Change.GONE, "", "", 0)
    owner, name, epoch = row
    if owner == staff.person_id:
        return Ownership(Change.ALREADY_YOURS, owner, name, epoch)
    if owner != BOT:
        return Ownership(Change.TAKEN_BY_OTHER, owner, name, epoch)
    connection.execute(
        update(handoffs)
        .where(handoffs.c.conversation_id == conversation_id, handoffs.c.status == "waiting")
        .values(status="taken", staff_id=staff.person_id, staff_name=staff.name, taken_at=now)
    )
    connection.execute(
        update(promises)
        .where(promises.c.conversation_id == conversation_id, promises.c.status == "open")
        .where(promises.c.ticket_number == "")
        .values(status="kept")
    )
    after = Ownership(Change.DONE, staff.person_id, staff.name, epoch + 1)
    return _change(connection, conversation_id, after, status="with_staff", by=staff, now=now)


def give_back(connection: Connection, conversation_id: str, staff: Person, now: float) -> Ownership:
    """Gives the conversation back to the bot, with a clean count of unknown questions."""
    return _release(connection, conversation_id, staff, now, status="open", handoff_status="returned")


def resolve(connection: Connection, conversation_id: str, staff: Person, now: float) -> Ownership:
    """Marks the matter as solved by `staff`; the customer's next line starts with the bot."""
    return _release(connection, conversation_id, staff, now, status="resolved", handoff_status="resolved")


def cancel_bot_lines(connection: Connection, conversation_id: str) -> int:
    """Cancels every queued line of the bot in this conversation; gives how many. What is being sent stays."""
    keys = list(
        connection.execute(
            select(outbox.c.idempotency_key).where(
                outbox.c.conversation_id == conversation_id, outbox.c.author == "bot", outbox.c.status == "queued"
            )
        ).scalars()
    )
    if keys:
        connection.execute(
            update(outbox)
            .where(outbox.c.idempotency_key.in_(keys))
            .values(status="cancelled", error="a person took over")
        )
        connection.execute(update(messages).where(messages.c.idempotency_key.in_(keys)).values(status="cancelled"))
    return len(keys)


def _release(
    connection: Connection, conversation_id: str, staff: Person, now: float, *, status: str, handoff_status: str
) -> Ownership:
    row = _locked(connection, conversation_id)
    if row is None:
        return Ownership(Change.GONE, "", "", 0)
    owner, name, epoch = row
    if owner not in (BOT, staff.person_id):
        return Ownership(Change.TAKEN_BY_OTHER, owner, name, epoch)
    if owner == BOT and status == "open":
        return Ownership(Change.NOT_OWNED, BOT, "", epoch)
    connection.execute(
        update(handoffs)
        .where(handoffs.c.conversation_id == conversation_id, handoffs.c.status.in_(("waiting", "taken")))
        .values(status=handoff_status, closed_at=now, staff_id=staff.person_id, staff_name=staff.name)
    )
    after = Ownership(Change.DONE, BOT, "", epoch + 1)
    return _change(connection, conversation_id, after, status=status, by=staff, now=now)


def _change(
    connection: Connection, conversation_id: str, after: Ownership, *, status: str, by: Person, now: float
) -> Ownership:
    values: dict[str, object] = {
        "owner": after.owner_id,
        "owner_name": after.owner_name,
        "owner_epoch": after.epoch,
        "status": status,
        "unknown_count": 0,
        # A matter that a person dealt with starts calm: its old course must not call a person again.
        "moods": "[]",
        "resolved_at": now if status == "resolved" else None,
    }
    connection.execute(update(conversations).where(conversations.c.id == conversation_id).values(values))
    cancel_bot_lines(connection, conversation_id)
    audit.record(
        connection,
        actor=by.person_id,
        action=f"conversation.{status}",
        subject=conversation_id,
        detail={"epoch": after.epoch},
        now=now,
    )
    return after


def _locked(connection: Connection, conversation_id: str) -> tuple[str, str, int] | None:
    """The owner's row, locked until the transaction ends, so that two presses are decided one after the other."""
    query = (
        select(conversations.c.owner, conversations.c.owner_name, conversations.c.owner_epoch)
        .where(conversations.c.id == conversation_id)
        .with_for_update()
    )
    row = connection.execute(query).first()
    return (row.owner, row.owner_name, row.owner_epoch) if row is not None else None
