"""What decides, in the database, which one way an answer takes to a 公众号 or 小程序, and that it takes it once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import Connection, delete, select, update

from store.dialects import upsert
from store.schema import streams as table

# The rows stand in the `streams` table beside WeCom's bubbles, with `platform:account` as their account. The first
# letters of `stream_id` tell two kinds apart. `mp`: a callback that may still be answered with a text; `picked_up_at`:
# it was, `response_used_at`: the text was withdrawn. `mk`: one active call, begun and then proven at those moments.

#: Outlasts the outbox, which gives a message up after an hour.
CLAIM_KEEP_S = 7200.0


class Fate(Enum):
    """What became of a text that was offered to a held webhook."""

    WAITING = auto()
    GIVEN = auto()
    WITHDRAWN = auto()


@dataclass(frozen=True, slots=True)
class Offer:
    """A text that lies ready for the webhook of `stream_id`."""

    stream_id: str
    fate: Fate


class Call(Enum):
    """How far one active call is: `MINE` to make now, `DONE` before, or `LOST` (begun before, and nobody knows)."""

    MINE = auto()
    DONE = auto()
    LOST = auto()


_ADD = upsert(table, lambda insert: insert.on_conflict_do_nothing().returning(table.c.stream_id))


def held_id(owner: str, message_id: str) -> str:
    """The row of the webhook that brought a message; `owner` is `platform:account`."""
    return "mp" + _digest(owner, message_id)


def call_id(owner: str, key: str, part: str) -> str:
    """The row of one active call: a part of the message that is sent under an idempotency key."""
    return "mk" + _digest(owner, key, part)


def offer(
    connection: Connection,
    ids: Sequence[str],
    open_ids: Collection[str],
    text: str,
    key: str,
    *,
    owner: str,
    now: float,
) -> Offer | None:
    """Lays `text` down for one of the webhooks `ids`, the last one that is open; the same key finds its offer again.

    `open_ids` are those that may still be held. None: no webhook is left, and none ever will be.
    """
    for made in connection.execute(select(table).where(table.c.stream_id.in_(ids), table.c.answer_key == key)):
        return Offer(made.stream_id, _fate(made.picked_up_at, made.response_used_at))
    for stream_id in reversed([one for one in ids if one in open_ids]):
        row = {
            "stream_id": stream_id,
            "account": owner,
            "content": text,
            "finished": True,
            "opened_at": now,
            "answer_key": key,
        }
        if connection.execute(_ADD.on(connection), row).first() is not None:
            return Offer(stream_id, Fate.WAITING)
    return None


def fate_of(connection: Connection, stream_id: str) -> Fate | None:
    """What became of the offer; None where there is none."""
    row = connection.execute(select(table).where(table.c.stream_id == stream_id)).one_or_none()
    return _fate(row.picked_up_at, row.response_used_at) if row else None


def pick_up(connection: Connection, stream_id: str, now: float) -> str | None:
    """The text to answer the webhook with: from here on it goes no other way. None: nothing is, or it was withdrawn.

    A webhook that is delivered again gets the same text again: the platform shows one of its answers.
    """
    free = (table.c.stream_id == stream_id) & table.c.picked_up_at.is_(None) & table.c.response_used_at.is_(None)
    connection.execute(update(table).where(free).values(picked_up_at=now))
    row = connection.execute(select(table).where(table.c.stream_id == stream_id)).one_or_none()
    return row.content if row and row.picked_up_at is not None else None


def withdraw(connection: Connection, stream_id: str, now: float) -> bool:
    """Takes an offer back that no webhook picked up; gives whether the text may now go by an active call."""
    free = (table.c.stream_id == stream_id) & table.c.picked_up_at.is_(None)
    return bool(connection.execute(update(table).where(free).values(response_used_at=now)).rowcount)


def offered_among(connection: Connection, ids: Collection[str]) -> set[str]:
    """Which of the held webhooks have an offer."""
    return set(connection.execute(select(table.c.stream_id).where(table.c.stream_id.in_(ids))).scalars())


def begin_call(connection: Connection, stream_id: str, key: str, *, owner: str, now: float) -> Call:
    """Claims one active call. Only one caller ever hears `MINE`, unless the claim is given back."""
    row = {
        "stream_id": stream_id,
        "account": owner,
        "finished": True,
        "opened_at": now,
        "response_used_at": now,
        "response_key": key,
    }
    if connection.execute(_ADD.on(connection), row).first() is not None:
        return Call.MINE
    proven = connection.execute(select(table.c.picked_up_at).where(table.c.stream_id == stream_id)).scalar()
    return Call.LOST if proven is None else Call.DONE


def prove_call(connection: Connection, stream_id: str, now: float) -> None:
    """The platform said that it took the call."""
    connection.execute(update(table).where(table.c.stream_id == stream_id).values(picked_up_at=now))


def give_call_back(connection: Connection, stream_id: str) -> None:
    """The call surely had no effect: it may be made again."""
    connection.execute(delete(table).where(table.c.stream_id == stream_id, table.c.picked_up_at.is_(None)))


def forget(connection: Connection, owner: str, *, before: float) -> int:
    """Forgets an account's rows from before a moment (Unix seconds); gives how many."""
    return connection.execute(delete(table).where(table.c.account == owner, table.c.opened_at < before)).rowcount


def _fate(picked_up_at: float | None, withdrawn_at: float | None) -> Fate:
    if picked_up_at is not None:
        return Fate.GIVEN
    return Fate.WAITING if withdrawn_at is None else Fate.WITHDRAWN


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=15).hexdigest()
