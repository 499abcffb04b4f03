"""A matter that goes on in another channel: found for a turn, counted for the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from store.dialects import AnyRow
from store.schema import conversations, messages, rooms, tickets

#: How long after its last line a matter may go on elsewhere and still count as the same.
WITHIN_S = 86_400.0

_after, _before = conversations.alias("later"), conversations.alias("earlier")
_there, _here = rooms.alias("there"), rooms.alias("here")
_ELSEWHERE = or_(_here.c.platform != _there.c.platform, _here.c.account != _there.c.account)
_EARLIER = and_(
    _before.c.customer_id == _after.c.customer_id,
    _before.c.id != _after.c.id,
    _before.c.opened_at < _after.c.opened_at,
)
#: The fields of `Transfer`, in their order.
_SHOWN = (
    _after.c.customer_id,
    _before.c.id.label("from_id"),
    _here.c.platform.label("from_platform"),
    _here.c.account.label("from_account"),
    _after.c.id.label("to_id"),
    _there.c.platform.label("to_platform"),
    _there.c.account.label("to_account"),
    _after.c.opened_at.label("at"),
    _before.c.summary,
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Conversation `to_id`, opened at `at` (Unix seconds), goes on with what `from_id` left open elsewhere."""

    customer_id: str
    from_id: str
    from_platform: str
    from_account: str
    to_id: str
    to_platform: str
    to_account: str
    at: float
    summary: str


@dataclass(frozen=True, slots=True)
class TransferFigures:
    """Transfers of a period. `opened` counts the conversations opened in it; `share` is transfers over these.

    `ways` counts them by (platform left, platform entered).
    """

    opened: int
    transfers: int
    share: float
    ways: Mapping[tuple[str, str], int]


def continued_from(connection: Connection, conversation_id: str, *, within_s: float = WITHIN_S) -> Transfer | None:
    """The open matter on another channel with which this conversation goes on, None when it stands alone."""
    found = _transfers(connection, _pairs(within_s).where(_after.c.id == conversation_id))
    return found[0] if found else None


def transfers(
    connection: Connection, *, since: float, until: float, within_s: float = WITHIN_S
) -> tuple[Transfer, ...]:
    """The transfers into conversations opened from `since` to before `until`, oldest first, each counted once."""
    period = (_after.c.opened_at >= since) & (_after.c.opened_at < until)
    return _transfers(connection, _pairs(within_s).where(period))


def figures(connection: Connection, *, since: float, until: float, within_s: float = WITHIN_S) -> TransferFigures:
    """The cross-channel figures of a period."""
    found = transfers(connection, since=since, until=until, within_s=within_s)
    period = (conversations.c.opened_at >= since) & (conversations.c.opened_at < until)
    opened = connection.execute(select(func.count()).select_from(conversations).where(period)).scalar_one()
    ways = Counter((one.from_platform, one.to_platform) for one in found)
    return TransferFigures(opened, len(found), len(found) / opened if opened else 0.0, dict(ways))


def _pairs(within_s: float) -> Select[Any]:
    """Conversations and those that the same customer had left open on another channel shortly before."""
    spoke_lately = exists(
        select(1).where(
            messages.c.conversation_id == _before.c.id,
            messages.c.at <= _after.c.opened_at,
            messages.c.at >= _after.c.opened_at - within_s,
        )
    )
    ticket_open = exists(
        select(1).where(
            tickets.c.conversation_id == _before.c.id,
            tickets.c.opened_at <= _after.c.opened_at,
            or_(tickets.c.closed_at.is_(None), tickets.c.closed_at > _after.c.opened_at),
        )
    )
    unsolved = or_(_before.c.resolved_at.is_(None), _before.c.resolved_at > _after.c.opened_at, ticket_open)
    return (
        select(*_SHOWN)
        .select_from(_after)
        .join(_before, _EARLIER)
        .join(_there, _there.c.id == _after.c.room_id)
        .join(_here, _here.c.id == _before.c.room_id)
        .where(_ELSEWHERE, spoke_lately, unsolved)
        .order_by(_after.c.opened_at, _after.c.id, _before.c.opened_at.desc(), _before.c.id.desc())
    )


def _transfers(connection: Connection, query: Select[Any]) -> tuple[Transfer, ...]:
    """One per conversation: where several matters were open, it goes on with the one begun last."""
    first: dict[str, AnyRow] = {}
    for row in connection.execute(query):
        first.setdefault(row.to_id, row)
    return tuple(Transfer(*row) for row in first.values())
