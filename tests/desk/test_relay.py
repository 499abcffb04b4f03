"""What staff write under an escalation's card reaches its customer once; the customer's words reach the thread."""

from __future__ import annotations

from sqlalchemy import Connection, select

from conversation.codec import from_json
from conversation.identity import Person, Room, RoomKind
from conversation.messages import IncomingMessage, OutgoingMessage
from desk import relay
from store.database import Database
from store.schema import conversations, outbox
from tests.desk.conftest import CONVERSATION, LI, ROOM, open_case, open_conversation, queue_bot_line

NOW = 1_800_000_100.0
STAFF_CHAT = Room("feishu", "main", "oc_staff", RoomKind.GROUP)


def staff_says(text: str, thread: str = "om_card", message_id: str = "om_1") -> IncomingMessage:
    return IncomingMessage(STAFF_CHAT, LI, message_id, text, NOW, thread_id=thread)


def sent(connection: Connection) -> list[tuple[str, OutgoingMessage]]:
    rows = connection.execute(select(outbox.c.author, outbox.c.payload).where(outbox.c.status == "queued"))
    return [(row.author, from_json(OutgoingMessage, row.payload)) for row in rows]


async def test_a_line_in_the_thread_goes_to_the_customer_once_and_takes_over(database: Database) -> None:
    def work(connection: Connection) -> tuple[str, list[tuple[str, OutgoingMessage]]]:
        open_conversation(connection)
        open_case(connection)
        queue_bot_line(connection, "k1")
        for _ in range(2):
            relay.staff_line(connection, staff_says("马上给您补发"), NOW)
        return str(connection.execute(select(conversations.c.owner)).scalar_one()), sent(connection)

    owner, queued = await database.write(work)
    assert owner == "ou_li"
    assert [(author, out.text, out.room) for author, out in queued] == [("staff", "马上给您补发", ROOM)]
    assert queued[0][1].handles == ({"stream_id": "s1"},)


async def test_talk_among_staff_goes_nowhere(database: Database) -> None:
    def work(connection: Connection) -> list[object]:
        open_conversation(connection)
        open_case(connection)
        lines = [staff_says("中午吃什么", thread=""), staff_says("看看这个", thread="om_other"), staff_says("  ")]
        return [relay.staff_line(connection, line, NOW) for line in lines]

    assert await database.write(work) == [None, None, None]


async def test_customer_lines_reach_the_thread_of_the_case(database: Database) -> None:
    def work(connection: Connection) -> list[tuple[str, OutgoingMessage]]:
        open_conversation(connection)
        open_case(connection)
        line = IncomingMessage(ROOM, Person("ou_chen", "陈晨"), "om_9", "还有一件事", NOW)
        for _ in range(2):
            relay.to_staff(connection, CONVERSATION, [line], NOW)
        return sent(connection)

    queued = await database.write(work)
    assert [(out.text, out.reply_to, out.in_thread) for _, out in queued] == [("客户：还有一件事", "om_card", True)]
