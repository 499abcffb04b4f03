"""One timeline: everything said with a customer, over all their channels, in the order in which it was said."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, or_, select

from desk.customers.forest import current, tree
from store.schema import conversations, messages, rooms

#: What was never said to the customer: left out unless asked for.
UNSAID = ("cancelled", "failed", "observed", "draft")


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One message and where it was said. `at` is Unix seconds; `status` as in `messages`."""

    id: int
    at: float
    conversation_id: str
    platform: str
    account: str
    room_id: str
    room_kind: str
    room_title: str
    spoken_by: str
    sender_name: str
    kind: str
    text: str
    attachments: str
    status: str

    @property
    def place(self) -> tuple[float, int]:
        """Where the line stands in the timeline: the cursor for what is older."""
        return self.at, self.id


_LINES = (
    select(
        messages.c.id,
        messages.c.at,
        messages.c.conversation_id,
        rooms.c.platform,
        rooms.c.account,
        rooms.c.id.label("room_id"),
        rooms.c.kind.label("room_kind"),
        rooms.c.title,
        messages.c.spoken_by,
        messages.c.sender_name,
        messages.c.kind,
        messages.c.text,
        messages.c.attachments,
        messages.c.status,
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .join(rooms, rooms.c.id == conversations.c.room_id)
)


def timeline(
    connection: Connection,
    customer_id: str,
    *,
    before: tuple[float, int] | None = None,
    limit: int = 50,
    unsaid: bool = False,
) -> tuple[TimelineLine, ...]:
    """The last `limit` lines before the place `before` (None: the newest), oldest first.

    With `unsaid`, also lines that never reached the customer: drafts, cancelled and failed ones.
    """
    theirs = conversations.c.customer_id.in_(sorted(tree(connection, current(connection, customer_id))))
    query = _LINES.where(theirs).order_by(messages.c.at.desc(), messages.c.id.desc()).limit(limit)
    if not unsaid:
        query = query.where(messages.c.status.not_in(UNSAID))
    if before is not None:
        at, line = before
        query = query.where(or_(messages.c.at < at, and_(messages.c.at == at, messages.c.id < line)))
    return tuple(TimelineLine(*row) for row in reversed(connection.execute(query).all()))
