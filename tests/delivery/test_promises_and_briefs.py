"""A promise that nobody kept is chased; a brief is written once and its card sent once."""

from __future__ import annotations

from sqlalchemy import Connection, select

from agents.handoff_brief import BriefAgent
from agents.prompts import PromptLibrary
from conversation.codec import from_json
from conversation.findings import Passage, Retrieval
from conversation.identity import Room, RoomKind
from conversation.messages import OutgoingMessage
from conversation.staff_wording import staff_wording
from conversation.turn import DeskHours
from conversation.wording import wording
from delivery.brief_writer import BriefWriter
from delivery.promise_keeper import PromiseKeeper
from delivery.timers import TimerCall
from desk import ownership, promises
from store.database import Database
from store.schema import handoffs, messages, outbox
from store.schema import promises as promise_rows
from tests.conftest import FakeClock
from tests.desk.conftest import CONVERSATION, LI, ROOM, open_case, open_conversation

STAFF_CHAT = Room("feishu", "main", "oc_staff", RoomKind.GROUP)


async def found(_question: str) -> Retrieval:
    return Retrieval((Passage("hm-1", 2, "杯子碎了可以退货吗？", "可以，拍照联系客服，免费补发或退货。", 1.0),), 0.9)


def prepare(connection: Connection, now: float) -> None:
    open_conversation(connection)
    open_case(connection)
    promises.record(
        connection, turn_id="tn_ho_1", conversation_id=CONVERSATION, text="5 分钟内回复", due_at=now, now=now
    )


def keeper(database: Database, clock: FakeClock, *, scarce: frozenset[str] = frozenset()) -> PromiseKeeper:
    return PromiseKeeper(
        database,
        staff_room=STAFF_CHAT,
        words=staff_wording("zh"),
        wording=wording("zh"),
        desk_hours=lambda _: DeskHours(),
        clock=clock,
        scarce_platforms=scarce,
    )


def due(clock: FakeClock) -> TimerCall:
    about = {"turn_id": "tn_ho_1", "conversation_id": CONVERSATION}
    return TimerCall("promise_due", "promise:tn_ho_1", about, clock(), 1)


async def queued(database: Database) -> list[tuple[str, str]]:
    rows = await database.read(lambda c: c.execute(select(outbox.c.payload).order_by(outbox.c.id)).scalars().all())
    read = [from_json(OutgoingMessage, row) for row in rows]
    return [(one.room.chat_id, one.text or (one.card.title if one.card else "")) for one in read]


async def test_staff_are_reminded_and_the_customer_hears_the_truth(sqlite_database: Database, clock: FakeClock) -> None:
    await sqlite_database.write(lambda c: prepare(c, clock()))
    for _ in range(2):
        await keeper(sqlite_database, clock).due(due(clock))
    lines = await queued(sqlite_database)
    assert [chat for chat, _ in lines] == ["oc_staff", "oc_customer"]
    assert "还在等" in lines[0][1]
    status = await sqlite_database.read(lambda c: c.execute(select(promise_rows.c.status)).scalar_one())
    assert status == "broken"


async def test_a_kept_promise_passes_in_silence(sqlite_database: Database, clock: FakeClock) -> None:
    def work(connection: Connection) -> None:
        prepare(connection, clock())
        ownership.take_over(connection, CONVERSATION, LI, clock())

    await sqlite_database.write(work)
    await keeper(sqlite_database, clock).due(due(clock))
    assert await queued(sqlite_database) == []


async def test_where_replies_are_scarce_only_staff_are_reminded(sqlite_database: Database, clock: FakeClock) -> None:
    await sqlite_database.write(lambda c: prepare(c, clock()))
    await keeper(sqlite_database, clock, scarce=frozenset({ROOM.platform})).due(due(clock))
    assert [chat for chat, _ in await queued(sqlite_database)] == ["oc_staff"]


async def test_a_brief_names_the_matter_and_its_card_leaves_once(sqlite_database: Database, clock: FakeClock) -> None:
    def work(connection: Connection) -> None:
        open_conversation(connection)
        open_case(connection, card="")
        for text in ("杯子碎了可以退货吗", "订单号 20260318001"):
            line = {"conversation_id": CONVERSATION, "spoken_by": "customer", "text": text, "at": clock()}
            connection.execute(messages.insert().values(line))

    await sqlite_database.write(work)
    writer = BriefWriter(
        sqlite_database,
        BriefAgent(PromptLibrary.load()),
        found,
        staff_room=STAFF_CHAT,
        words=staff_wording("zh"),
        clock=clock,
    )
    call = TimerCall("write_brief", "brief:ho_1", {"handoff_id": "ho_1"}, clock(), 1)
    await writer.write(call)
    await writer.write(call)
    cards = await queued(sqlite_database)
    assert len(cards) == 1
    assert cards[0][0] == "oc_staff"
    assert "杯子碎了" in cards[0][1]
    brief = await sqlite_database.read(lambda c: c.execute(select(handoffs.c.brief)).scalar_one())
    assert "20260318001" in brief
    assert "hm-1" in brief


async def test_a_case_that_is_gone_writes_nothing(sqlite_database: Database, clock: FakeClock) -> None:
    agent = BriefAgent(PromptLibrary.load())
    writer = BriefWriter(sqlite_database, agent, found, staff_room=None, words=staff_wording("zh"), clock=clock)
    await writer.write(TimerCall("write_brief", "brief:x", {"handoff_id": "ho_none"}, clock(), 1))
    assert await queued(sqlite_database) == []
