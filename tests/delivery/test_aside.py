"""Lines of staff and events go through the same lane, in order, without a thought."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from conversation.codec import from_json
from conversation.identity import Person, Speaker
from conversation.messages import EventKind, OutgoingMessage, RoomEvent
from store.schema import conversations, inbox, leases, messages, outbox, ticket_events, turns
from tests.conftest import FakeClock
from tests.delivery.doubles import StageDesk, event, message, room, staff_message
from tests.delivery.stage import Stage, notes_of, until


async def test_a_line_of_staff_is_never_thought_about(stage: Stage) -> None:
    await stage.put(staff_message(1, "您好，我来处理"))
    await stage.answer()
    assert stage.thinker.turns == []
    assert notes_of(stage, "staff_line") == [("您好，我来处理",)]
    assert await stage.column(inbox, "status") == ["done"]
    assert await stage.column(leases, "holder") == [""]
    assert await stage.rows(conversations) == []


async def test_what_the_bot_itself_said_is_ignored(stage: Stage) -> None:
    await stage.put(message(1, sender=Person("bot", "小汇", Speaker.BOT)))
    await stage.answer()
    assert stage.thinker.turns == []
    assert await stage.column(inbox, "status") == ["done"]


async def test_a_customer_line_beside_a_staff_line_is_answered(stage: Stage) -> None:
    await stage.put(message(1), staff_message(2, "我来"), message(3))
    await stage.answer()
    assert notes_of(stage, "staff_line") == [("我来",)]
    assert [one.message_id for one in stage.thinker.turns[0].burst] == ["m1", "m3"]


async def test_a_staff_line_during_the_thought_is_settled_before_the_reply(stage: Stage) -> None:
    stage.thinker.gate = asyncio.Event()
    async with stage.open():
        await stage.put(message(1))
        await stage.thinker.begun.wait()
        await stage.put(staff_message(2, "我来"))
        await until(lambda: len(stage.thinker.turns) == 2)
        assert notes_of(stage, "staff_line") == [("我来",)]
        stage.thinker.gate.set()
        await until(lambda: stage.channel.sent)
    assert len(await stage.rows(turns)) == 1


async def test_feedback_is_kept_under_the_turn_it_is_about(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    async with stage.sending():
        await until(lambda: stage.channel.sent)
    async with asyncio.timeout(10):
        while not (said := await stage.column(messages, "platform_message_id", spoken_by="bot"))[0]:
            await asyncio.sleep(0.01)
    await stage.put(event(1, EventKind.DISLIKED, subject=said[0]), event(2, EventKind.LIKED, subject="om_other"))
    await stage.answer()
    [turn_id] = await stage.column(turns, "id")
    kept = await stage.rows(ticket_events)
    assert [(one.kind, one.number, one.actor) for one in kept] == [
        ("disliked", turn_id, "stage:main:p1"),
        ("liked", "om_other", "stage:main:p1"),
    ]


async def test_an_event_delivered_twice_counts_once(stage: Stage) -> None:
    assert await stage.put(event(1, EventKind.LIKED)) == [True]
    assert await stage.put(event(1, EventKind.LIKED)) == [False]


async def test_a_message_taken_back_before_the_answer_is_not_answered(stage: Stage) -> None:
    await stage.put(message(1), event(1, EventKind.RECALLED, subject="m1"))
    await stage.answer()
    assert stage.thinker.turns == []
    assert await stage.rows(messages) == []
    assert await stage.column(inbox, "status") == ["done", "done"]


async def test_only_the_message_taken_back_is_left_out(stage: Stage) -> None:
    await stage.put(message(1), message(2), event(1, EventKind.RECALLED, subject="m1"))
    await stage.answer()
    assert [one.message_id for one in stage.thinker.turns[0].burst] == ["m2"]


async def test_a_message_taken_back_while_it_is_thought_about_is_not_answered(stage: Stage) -> None:
    stage.thinker.gate = asyncio.Event()
    async with stage.open():
        await stage.put(message(1))
        await stage.thinker.begun.wait()
        await stage.put(event(1, EventKind.RECALLED, subject="m1"))
        async with asyncio.timeout(10):
            while await stage.column(inbox, "id", status="waiting"):
                await asyncio.sleep(0.01)
    assert stage.channel.sent == []
    assert await stage.rows(turns) == []


async def test_a_message_taken_back_after_the_answer_is_marked(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.put(event(1, EventKind.RECALLED, subject="m1"))
    await stage.answer()
    assert await stage.column(messages, "status", spoken_by="customer") == ["recalled"]


async def test_the_same_message_id_in_another_room_is_left_alone(stage: Stage) -> None:
    await stage.put(message(1, lane=1))
    await stage.answer()
    await stage.put(event(1, EventKind.RECALLED, subject="m1", lane=2))
    await stage.answer()
    assert await stage.column(messages, "status", spoken_by="customer") == ["received"]


async def test_news_of_a_ticket_may_be_told_to_the_customer_once(stage: Stage) -> None:
    stage.desk = StageDesk(answers=[OutgoingMessage(room(1), text="您的工单有新进展")])
    await stage.put(event(1, EventKind.TICKET_CHANGED, subject="hd_1"))
    await stage.answer()
    [row] = await stage.rows(outbox)
    assert from_json(OutgoingMessage, row.payload).text == "您的工单有新进展"
    assert (row.author, len(row.idempotency_key)) == ("system", 29)
    assert await stage.rows(ticket_events) == []
    assert stage.thinker.turns == []


async def test_an_event_that_always_fails_does_not_hold_the_customer_up(stage: Stage, clock: FakeClock) -> None:
    class Desk(StageDesk):
        def on_event(self, connection: Connection, event: RoomEvent, now: float) -> Sequence[Any]:
            raise ValueError("a fault of ours")

    stage.desk = Desk()
    await stage.put(event(1, EventKind.TICKET_CHANGED), message(1))
    for _ in range(3):
        await stage.answer()
        clock.advance(60)
    await stage.answer()
    assert await stage.column(inbox, "status") == ["dead", "done"]
    assert len(stage.thinker.turns) == 1
    assert notes_of(stage, "hand_off") == []
