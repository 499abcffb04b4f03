"""What each visitor sees, kept in the database: lines in order, once each, whoever is connected. Plain functions.

A line's `seq` is the id of its server-sent event; a page that knows the last one it saw can always catch up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from channels.web_widget.account import PAGE
from store.dialects import AnyRow, insert_new
from store.outbox_rows import STAFF as BY_STAFF
from store.outbox_rows import SYSTEM
from store.schema import conversations, messages, outbox, widget_lines, widget_visitors

VISITOR, BOT, STAFF, HOUSE = "visitor", "bot", "staff", "house"
TEXT, CARD, PICTURE, HUSH = "text", "card", "picture", "hush"
_ERASED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a visitor's chat. `at` is Unix seconds; `card` is JSON; for the rest see `store.schema.widget`."""

    line_id: str
    by: str
    kind: str
    at: float
    text: str = ""
    card: str = "{}"
    picture: str = ""
    owner: str = BOT
    name: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """Lines in order, and the number of the visitor's newest line; `more` says that the page was not long enough."""

    lines: tuple[Line, ...]
    last_seq: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose words an outgoing message carries, and who has the conversation now."""

    by: str = BOT
    owner: str = BOT
    name: str = ""


_KNOW = insert_new(widget_visitors)
_HOLD = (
    update(widget_visitors)
    .where(widget_visitors.c.id == bindparam("visitor"))
    .values(seen_at=bindparam("now"))
    .returning(widget_visitors.c.last_seq)
)
_COUNT = update(widget_visitors).where(widget_visitors.c.id == bindparam("visitor")).values(last_seq=bindparam("seq_"))
_KNOWN = select(widget_lines.c.seq).where(
    widget_lines.c.visitor_id == bindparam("visitor"), widget_lines.c.line_id == bindparam("line")
)
_ADD = insert(widget_lines)
_LAST = select(widget_visitors.c.last_seq).where(widget_visitors.c.id == bindparam("visitor"))
_AFTER = (
    select(widget_lines)
    .where(widget_lines.c.visitor_id == bindparam("visitor"), widget_lines.c.seq > bindparam("after"))
    .order_by(widget_lines.c.seq)
    .limit(PAGE + 1)
)
_BEFORE = (
    select(widget_lines)
    .where(
        widget_lines.c.visitor_id == bindparam("visitor"),
        widget_lines.c.seq < bindparam("before"),
        widget_lines.c.kind != HUSH,
    )
    .order_by(widget_lines.c.seq.desc())
    .limit(PAGE + 1)
)
_SPEAKER = (
    select(outbox.c.author, conversations.c.owner, conversations.c.owner_name, messages.c.sender_name)
    .select_from(
        outbox.outerjoin(conversations, conversations.c.id == outbox.c.conversation_id).outerjoin(
            messages, messages.c.idempotency_key == outbox.c.idempotency_key
        )
    )
    .where(outbox.c.idempotency_key == bindparam("key"))
)


def know(connection: Connection, account: str, visitor_id: str, now: float) -> None:
    """Makes sure that the visitor has a mailbox."""
    row = {"id": visitor_id, "account": account, "created_at": now, "seen_at": now}
    connection.execute(_KNOW.on(connection), row)


def put(connection: Connection, account: str, visitor_id: str, line: Line) -> int:
    """Adds a line at the end, once per `line_id`; gives its number, the old one for a repeat."""
    know(connection, account, visitor_id, line.at)
    last = connection.execute(_HOLD, {"visitor": visitor_id, "now": line.at}).scalar_one()
    known = connection.execute(_KNOWN, {"visitor": visitor_id, "line": line.line_id}).scalar()
    if known is not None:
        return int(known)
    seq = int(last) + 1
    connection.execute(_ADD, {**_columns(line), "visitor_id": visitor_id, "seq": seq})
    connection.execute(_COUNT, {"visitor": visitor_id, "seq_": seq})
    return seq


def news(connection: Connection, visitor_id: str, after: int) -> News:
    """What came after a number, a page at most. A number that was never reached means another database: all again."""
    # Asked before the lines: what arrives in between is found twice rather than never.
    last = connection.execute(_LAST, {"visitor": visitor_id}).scalar() or 0
    rows = connection.execute(_AFTER, {"visitor": visitor_id, "after": after if after <= last else 0}).all()
    lines = tuple(_line(row) for row in rows[:PAGE])
    return News(lines, max([last, *(line.seq for line in lines)]), more=len(rows) > PAGE)


def history(connection: Connection, visitor_id: str, before: int = 0) -> News:
    """The newest lines, or those right before a number; a page at most, oldest first."""
    last = connection.execute(_LAST, {"visitor": visitor_id}).scalar() or 0
    rows = connection.execute(_BEFORE, {"visitor": visitor_id, "before": before or last + 1}).all()
    return News(tuple(_line(row) for row in reversed(rows[:PAGE])), last, more=len(rows) > PAGE)


def speaker_of(connection: Connection, key: str) -> Speaker:
    """Who speaks in the outbox row of an idempotency key; the bot where there is none."""
    row = connection.execute(_SPEAKER, {"key": key}).first()
    if row is None:
        return Speaker()
    with_staff = row.owner not in (None, "", BOT)
    by = {BY_STAFF: STAFF, SYSTEM: HOUSE}.get(row.author, BOT)
    name = (row.sender_name if by == STAFF else "") or (row.owner_name if with_staff else "") or ""
    return Speaker(by, STAFF if with_staff else BOT, name)


def last_seqs(connection: Connection, visitor_ids: list[str]) -> dict[str, int]:
    """The number of the newest line of each visitor."""
    query = select(widget_visitors.c.id, widget_visitors.c.last_seq).where(widget_visitors.c.id.in_(visitor_ids))
    return {row.id: row.last_seq for row in connection.execute(query)}


def forget(connection: Connection, account: str, *, before: float) -> int:
    """Forgets lines older than a moment, and visitors of `account` who were not seen since; gives how many visitors."""
    own = select(widget_visitors.c.id).where(widget_visitors.c.account == account)
    connection.execute(delete(widget_lines).where(widget_lines.c.at < before, widget_lines.c.visitor_id.in_(own)))
    gone = (
        select(widget_visitors.c.id)
        .where(widget_visitors.c.account == account, widget_visitors.c.seen_at < before)
        .limit(_ERASED_AT_ONCE)
    )
    visitors = list(connection.execute(gone).scalars())
    for visitor_id in visitors:
        erase(connection, visitor_id)
    return len(visitors)


def erase(connection: Connection, visitor_id: str) -> None:
    """Forgets a visitor and every line; pictures are `pictures.erase`'s."""
    connection.execute(delete(widget_lines).where(widget_lines.c.visitor_id == visitor_id))
    connection.execute(delete(widget_visitors).where(widget_visitors.c.id == visitor_id))


_NAMES = ("line_id", "by", "kind", "at", "text", "card", "picture", "owner", "name")


def _columns(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in _NAMES}


def _line(row: AnyRow) -> Line:
    return Line(seq=row.seq, **{name: getattr(row, name) for name in _NAMES})
