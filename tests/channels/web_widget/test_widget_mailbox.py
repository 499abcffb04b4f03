"""Answers wait in the mailbox: once each, in order, over restarts, with who said them, for as long as they are kept."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, insert, update

from conversation.codec import to_json
from conversation.errors import GiveUp
from conversation.identity import Room
from conversation.messages import Attachment, Card, ContentKind, OutgoingMessage
from desk.relay import tell_customer
from store.database import Database
from store.outbox_rows import STAFF, put_in_outbox
from store.schema import conversations, customers, messages, rooms
from tests.channels.web_widget.stage import Stage, staged


async def asked(stage: Stage, text: str = "在吗") -> Room:
    await (await stage.page()).say(text)
    return stage.intake.messages[-1].room


async def test_an_answer_outlives_the_process(database: Database) -> None:
    async with staged(database) as before:
        room, page = await asked(before), await before.page()
        await before.channel.send(OutgoingMessage(room, text="您好"), "turn-1:0")
    async with staged(database) as after:
        page.http = after.http
        assert [(line["by"], line["text"]) for line in await page.lines()] == [("visitor", "在吗"), ("bot", "您好")]
        await after.channel.send(OutgoingMessage(room, text="您好"), "turn-1:0")
        assert len(await page.lines()) == 2


async def test_many_writers_at_once_leave_no_gap_and_no_double(stage: Stage) -> None:
    room, page = await asked(stage), await stage.page()
    answers = [stage.channel.send(OutgoingMessage(room, text=f"第{n}句"), f"k{n % 20}") for n in range(40)]
    await asyncio.gather(*answers, *(page.say(f"我的第{n}句", f"1{n:03}") for n in range(20)))
    lines = await page.lines()
    assert [line["seq"] for line in lines] == list(range(1, 42))
    assert len({line["id"] for line in lines}) == 41


async def test_a_reader_never_sees_a_line_before_the_ones_before_it(stage: Stage) -> None:
    """With numbers given out ahead of the commit, a reader could see 7, then miss 6 for ever."""
    room, page = await asked(stage), await stage.page()
    seen = [1]
    writing = asyncio.gather(*(stage.channel.send(OutgoingMessage(room, text="句"), f"k{n}") for n in range(60)))
    while seen[-1] < 61:
        for line in (await page.ask("history", after=seen[-1]))["lines"]:
            seen.append(line["seq"])
    await writing
    assert seen == list(range(1, 62))


async def test_the_receipt_names_the_line(light_stage: Stage) -> None:
    room = await asked(light_stage)
    receipt = await light_stage.channel.send(OutgoingMessage(room, text="您好"), "turn-1:0")
    assert receipt.platform_message_id == (await (await light_stage.page()).lines())[-1]["id"]
    assert "turn-1" not in receipt.platform_message_id


async def test_nothing_said_ends_the_waiting_and_is_no_history(light_stage: Stage) -> None:
    room, page = await asked(light_stage), await light_stage.page()
    await light_stage.channel.send(OutgoingMessage(room), "turn-1:0")
    assert [line["kind"] for line in await page.lines()] == ["text", "hush"]
    assert [line["kind"] for line in (await page.enter())["lines"]] == ["text"]


async def test_a_file_without_words_is_given_up(light_stage: Stage) -> None:
    room = await asked(light_stage)
    message = OutgoingMessage(room, attachments=(Attachment(ContentKind.IMAGE, "om_1/img_1"),))
    with pytest.raises(GiveUp, match="cannot be shown"):
        await light_stage.channel.send(message, "k1")


async def test_a_card_is_kept_as_a_list_and_as_words(light_stage: Stage) -> None:
    room, page = await asked(light_stage), await light_stage.page()
    card = Card("工单已建立", (("工单", "TK1001"), ("状态", "处理中")), note="会尽快答复您")
    await light_stage.channel.send(OutgoingMessage(room, card=card), "k1")
    line = (await page.lines())[-1]
    assert line["card"] == {
        "title": "工单已建立",
        "rows": [["工单", "TK1001"], ["状态", "处理中"]],
        "note": "会尽快答复您",
        "tone": "blue",
    }
    assert line["text"] == card.as_text()


async def test_half_a_character_does_not_stop_an_answer(stage: Stage) -> None:
    room, page = await asked(stage), await stage.page()
    await stage.channel.send(OutgoingMessage(room, text="好\ud83d的\x00"), "k1")
    assert (await page.lines())[-1]["text"] == "好\ufffd的"


async def with_conversation(stage: Stage, room: Room, *, owner: str = "bot", name: str = "") -> None:
    """The rows that a turn would have left."""
    person = stage.intake.messages[-1].sender

    def write(connection: Connection) -> None:
        at = stage.clock.now
        connection.execute(insert(rooms).values(id=room.room_id, created_at=at))
        connection.execute(insert(customers).values(id="cu_1", created_at=at))
        connection.execute(
            insert(conversations).values(
                id="cv_1",
                room_id=room.room_id,
                customer_id="cu_1",
                room=to_json(room),
                person=to_json(person),
                owner=owner,
                owner_name=name,
                opened_at=at,
                last_message_at=at,
            )
        )

    await stage.database.write(write)


async def test_a_line_says_who_speaks_and_who_has_the_conversation(stage: Stage) -> None:
    room, page = await asked(stage), await stage.page()
    await with_conversation(stage, room, owner="ou_li", name="小李")
    now = stage.clock.now

    def queue(connection: Connection) -> None:
        tell_customer(connection, "cv_1", "人工客服已接入", key="joined", now=now)
        message = OutgoingMessage(room, text="我来帮您看看")
        put_in_outbox(connection, message, key="staff:1", now=now, conversation_id="cv_1", author=STAFF)
        connection.execute(
            insert(messages).values(
                conversation_id="cv_1", spoken_by="staff", sender_name="小王", idempotency_key="staff:1", at=now
            )
        )

    await stage.database.write(queue)
    await stage.channel.send(OutgoingMessage(room, text="人工客服已接入"), "joined")
    await stage.channel.send(OutgoingMessage(room, text="我来帮您看看"), "staff:1")
    back = update(conversations).values(owner="bot", owner_name="")
    await stage.database.write(lambda connection: connection.execute(back).rowcount)
    await stage.database.write(
        lambda c: put_in_outbox(c, OutgoingMessage(room), key="turn:0", now=now, conversation_id="cv_1")
    )
    await stage.channel.send(OutgoingMessage(room, text="有问题请告诉我"), "turn:0")
    said = [(line["by"], line["owner"], line["name"]) for line in (await page.lines())[1:]]
    assert said == [("house", "staff", "小李"), ("staff", "staff", "小王"), ("bot", "bot", "")]


async def test_what_is_too_old_is_forgotten_and_a_visitor_who_stayed_is_not(stage: Stage) -> None:
    old, page = await asked(stage), await stage.page()
    other = await stage.page("bob")
    await other.say("我是乙")
    stage.clock.now += 60 * 86400
    await page.say("我又来了", "0002")
    stage.clock.now += 40 * 86400
    assert await stage.channel.forget(stage.clock.now) == 1
    assert [line["text"] for line in await page.lines()] == ["我又来了"]
    assert await other.lines() == []
    # The numbers go on: a page that was open meanwhile misses nothing.
    await stage.channel.send(OutgoingMessage(old, text="欢迎回来"), "k1")
    assert [line["seq"] for line in await page.lines()] == [2, 3]


async def test_a_visitor_can_be_erased(stage: Stage) -> None:
    room, page = await asked(stage), await stage.page()
    await stage.channel.erase(room.chat_id)
    assert (await page.enter())["lines"] == []
