"""Somebody takes a chat at the platform's own desk: the bot falls silent, and comes back when they leave."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from conversation.identity import Person, Speaker
from conversation.messages import EventKind, RoomEvent
from desk.ownership import Change, take_over
from desk.platform_staff import changed_hands
from store.database import Database
from store.schema import conversations, outbox
from tests.desk.conftest import CONVERSATION, LI, ROOM, open_conversation, queue_bot_line

NOW = 1_800_000_100.0
SERVICER = Person("zhangsan", speaker=Speaker.STAFF)
JOINED = RoomEvent(ROOM, SERVICER, "e1", EventKind.STAFF_JOINED, NOW)
LEFT = replace(JOINED, event_id="e2", kind=EventKind.STAFF_LEFT)


def owner(connection: Connection) -> str:
    return connection.execute(select(conversations.c.owner).where(conversations.c.id == CONVERSATION)).scalar_one()


async def test_who_joins_at_the_platform_has_the_conversation_and_the_bots_words_are_cancelled(
    database: Database,
) -> None:
    def work(connection: Connection) -> tuple[str, str]:
        open_conversation(connection)
        queue_bot_line(connection, "k1")
        changed_hands(connection, JOINED, NOW)
        return owner(connection), connection.execute(select(outbox.c.status)).scalar_one()

    assert await database.write(work) == ("zhangsan", "cancelled")


async def test_who_leaves_gives_it_back_to_the_bot(database: Database) -> None:
    def work(connection: Connection) -> str:
        open_conversation(connection)
        changed_hands(connection, JOINED, NOW)
        changed_hands(connection, LEFT, NOW + 1)
        return owner(connection)

    assert await database.write(work) == "bot"


async def test_a_colleague_of_ours_who_has_it_keeps_it(database: Database) -> None:
    def work(connection: Connection) -> tuple[Change | None, str]:
        open_conversation(connection)
        take_over(connection, CONVERSATION, LI, NOW)
        taken = changed_hands(connection, JOINED, NOW)
        changed_hands(connection, LEFT, NOW + 1)
        return taken.change if taken else None, owner(connection)

    assert await database.write(work) == (Change.TAKEN_BY_OTHER, LI.person_id)


async def test_where_nothing_is_open_nothing_changes(database: Database) -> None:
    assert await database.write(lambda c: changed_hands(c, JOINED, NOW)) is None
    entered = replace(JOINED, kind=EventKind.ENTERED)
    assert await database.write(lambda c: changed_hands(c, entered, NOW)) is None
