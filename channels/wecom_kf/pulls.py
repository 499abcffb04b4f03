"""The rows behind pulling: how far each account was read, and who reads it now. Plain functions over a connection.

A callback only raises `wanted`; whoever finishes a pull sees whether it rose meanwhile, so no callback is ever lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from channels.wecom_kf.account import PLATFORM
from store.dialects import insert_new, upsert
from store.schema import pulls as table


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull under our lease. `cursor` is empty before the first page; `token` may be empty or out of date.

    `first`: the account was never read to its end before.
    """

    cursor: str
    token: str
    token_at: float
    wanted: int
    first: bool


_IS_FREE = or_(table.c.lease_until.is_(None), table.c.lease_until <= bindparam("now"))
_IS_OURS = (table.c.source == bindparam("wanted_source")) & (table.c.holder == bindparam("wanted_holder"))

_NEWS = upsert(
    table,
    lambda insert: insert.on_conflict_do_update(
        index_elements=[table.c.source],
        set_={"wanted": table.c.wanted + 1, "token": insert.excluded.token, "token_at": insert.excluded.token_at},
    ),
)
_KNOW = insert_new(table)
_START = (
    update(table)
    .where(table.c.source == bindparam("wanted_source"), _IS_FREE)
    .values(holder=bindparam("new_holder"), lease_until=bindparam("until"))
    .returning(table.c.cursor, table.c.token, table.c.token_at, table.c.wanted, table.c.pulled_at)
)
_ADVANCE = update(table).where(_IS_OURS).values(cursor=bindparam("new_cursor"), lease_until=bindparam("until"))
_FINISH = (
    update(table)
    .where(_IS_OURS)
    .values(seen=bindparam("answered"), pulled_at=bindparam("now"), holder="", lease_until=None)
    .returning(table.c.wanted)
)
_RELEASE = update(table).where(_IS_OURS).values(holder="", lease_until=None)
_DUE = select(table.c.name).where(
    table.c.platform == PLATFORM,
    table.c.account == bindparam("of_account"),
    _IS_FREE,
    or_(
        table.c.wanted > table.c.seen,
        table.c.pulled_at.is_(None),
        table.c.pulled_at <= bindparam("idle_since"),
    ),
)


def source_of(account: str, open_kfid: str) -> str:
    """The key of one 微信客服 account's row."""
    return f"{PLATFORM}:{account}:{open_kfid}"


def note_news(connection: Connection, account: str, open_kfid: str, *, token: str, now: float) -> None:
    """Keeps that the platform called: there is something to fetch, and `token` makes it cheap for ten minutes."""
    row = {**_named(account, open_kfid), "token": token, "token_at": now, "wanted": 1}
    connection.execute(_NEWS.on(connection), row)


def know(connection: Connection, account: str, open_kfids: Sequence[str]) -> None:
    """Keeps accounts that are to be asked for news although nothing was heard of them yet."""
    for open_kfid in open_kfids:
        connection.execute(_KNOW.on(connection), _named(account, open_kfid))


def forget(connection: Connection, account: str, open_kfids: Sequence[str]) -> None:
    """Forgets accounts that were taken away from the app, with their cursors."""
    sources = [source_of(account, one) for one in open_kfids]
    connection.execute(delete(table).where(table.c.source.in_(sources)))


def start(
    connection: Connection, account: str, open_kfid: str, *, holder: str, now: float, until: float
) -> Pull | None:
    """Takes the lease of a pull; None while somebody else has it, or for an account that nobody knows."""
    asked = {"wanted_source": source_of(account, open_kfid), "new_holder": holder, "now": now, "until": until}
    row = connection.execute(_START, asked).first()
    if row is None:
        return None
    return Pull(row.cursor, row.token, row.token_at or 0.0, row.wanted, row.pulled_at is None)


def advance(connection: Connection, account: str, open_kfid: str, *, holder: str, cursor: str, until: float) -> bool:
    """Keeps how far was read, after what was read is kept; False when the lease is somebody else's by now."""
    asked = {**_ours(account, open_kfid, holder), "new_cursor": cursor, "until": until}
    return connection.execute(_ADVANCE, asked).rowcount == 1


def finish(connection: Connection, account: str, open_kfid: str, *, holder: str, answered: int, now: float) -> bool:
    """Ends a pull that answered the first `answered` callbacks; True when more of them came meanwhile."""
    row = connection.execute(_FINISH, {**_ours(account, open_kfid, holder), "answered": answered, "now": now}).first()
    return row is not None and row.wanted > answered


def release(connection: Connection, account: str, open_kfid: str, *, holder: str) -> None:
    """Gives the lease back after a pull that failed; it stays due."""
    connection.execute(_RELEASE, _ours(account, open_kfid, holder))


def due(connection: Connection, account: str, *, now: float, idle_since: float) -> list[str]:
    """The accounts that nobody reads now and that have unanswered callbacks or were last read before `idle_since`."""
    asked = {"of_account": account, "now": now, "idle_since": idle_since}
    return list(connection.execute(_DUE, asked).scalars())


def _named(account: str, open_kfid: str) -> dict[str, str]:
    return {
        "source": source_of(account, open_kfid),
        "platform": PLATFORM,
        "account": account,
        "name": open_kfid,
    }


def _ours(account: str, open_kfid: str, holder: str) -> dict[str, str]:
    return {"wanted_source": source_of(account, open_kfid), "wanted_holder": holder}
