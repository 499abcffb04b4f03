"""Mail and the real desk in one transaction: handoffs, promises, tickets, cards, words between staff and customer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from channels.channel import Receipt
from conversation.codec import from_json
from conversation.errors import GiveUp
from conversation.identity import Person, Room, RoomKind, Speaker
from conversation.messages import OutgoingMessage
from conversation.outcomes import Acted, HandedOff, Relayed, TicketDraft, TicketNote, TicketOpened
from conversation.staff_wording import CHINESE
from conversation.turn import SendRight
from delivery.desk_effects import ESCALATION, DeskEffects
from desk import ownership
from desk.escalations import open_handoff_of
from store.outbox_rows import SYSTEM, put_in_outbox
from store.schema import conversations, handoffs, inbox, messages, outbox, promises, tickets, timers
from tests.conftest import FakeClock
from tests.delivery.doubles import always, message
from tests.delivery.stage import Stage, until

STAFF_ROOM = Room("stage", "main", "desk", RoomKind.GROUP)
ZHANG = Person("zhang", "小张", Speaker.STAFF)
HANDED_OFF = HandedOff("已为您转接人工客服，通常 5 分钟内回复。", "customer_asked", promise_due_s=300)


@pytest.fixture
def desk(stage: Stage) -> Stage:
    stage.desk = DeskEffects(CHINESE)
    return stage


async def escalated(desk: Stage) -> str:
    """A conversation that waits for staff, with its card sent; gives its id."""
    await desk.put(message(1, "转人工"))
    await desk.answer(always(HANDED_OFF))
    [conversation] = await desk.column(conversations, "id")
    card = OutgoingMessage(STAFF_ROOM, text="卡片")
    await desk.database.write(
        lambda connection: put_in_outbox(
            connection,
            card,
            key="card:1",
            now=desk.clock(),
            conversation_id=conversation,
            author=SYSTEM,
            kind=ESCALATION,
        )
    )
    desk.channel.answers = [Receipt("om_reply"), Receipt("om_card")]
    async with desk.sending():
        await until(lambda: len(desk.channel.sent) == 2)
    return str(conversation)


async def test_a_handoff_opens_an_escalation_orders_a_brief_and_keeps_the_promise(
    desk: Stage, clock: FakeClock
) -> None:
    await desk.put(message(1))
    [done] = await desk.answer(always(HANDED_OFF))
    assert done.scheduled
    assert await desk.column(conversations, "status") == ["waiting"]
    [handoff] = await desk.rows(handoffs)
    assert [(one.kind, one.due_at) for one in await desk.rows(timers)] == [
        ("write_brief", clock.now),
        ("promise_due", clock.now + 300),
    ]
    assert await desk.column(promises, "due_at") == [clock.now + 300]
    assert handoff.status == "waiting"


async def test_words_that_were_not_said_promise_nothing(desk: Stage) -> None:
    desk.right = SendRight.DRAFT
    await desk.put(message(1))
    await desk.answer(always(HANDED_OFF))
    assert await desk.rows(promises) == []
    assert len(await desk.rows(handoffs)) == 1


async def test_a_second_handoff_of_the_same_conversation_opens_nothing_new(desk: Stage) -> None:
    for number in (1, 2):
        await desk.put(message(number))
        await desk.answer(always(HandedOff("稍候", "customer_asked")))
    assert len(await desk.rows(handoffs)) == 1
    assert len(await desk.rows(timers)) == 1


async def test_a_ticket_carries_the_conversation_and_is_known_next_time(desk: Stage) -> None:
    outcome = TicketOpened("已登记工单 {number}。", "refund", TicketDraft("refund", "退款", "客户要退款"))
    await desk.put(message(1, "我要退款"))
    await desk.answer(always(outcome))
    [ticket] = await desk.rows(tickets)
    assert (await desk.column(messages, "text", spoken_by="bot"))[0] == f"已登记工单 {ticket.number}。"
    assert "我要退款" in ticket.excerpt
    await desk.put(message(2, "退款到哪了？"))
    await desk.answer(always(Acted("已催办", "urge", (TicketNote(ticket.number, "客户催", urge=True),))))
    await desk.put(message(3))
    await desk.answer()
    [known] = desk.thinker.turns[0].conversation.tickets
    assert (known.number, known.last_note) == (ticket.number, "客户催")


async def test_the_escalations_card_roots_the_thread_staff_answer_in(desk: Stage) -> None:
    conversation = await escalated(desk)
    handoff = await desk.database.read(lambda connection: open_handoff_of(connection, conversation))
    assert handoff is not None
    assert (handoff.card_room_id, handoff.card_message_id) == (STAFF_ROOM.room_id, "om_card")


async def test_what_staff_write_in_the_thread_reaches_the_customer(desk: Stage) -> None:
    await escalated(desk)
    line = replace(
        message(50, "您好，我来帮您看。"), room=STAFF_ROOM, sender=ZHANG, thread_id="om_card", reply_handle={}
    )
    await desk.put(line)
    await desk.answer()
    async with desk.sending():
        await until(lambda: len(desk.channel.sent) == 3)
    sent = desk.channel.sent[-1][1]
    assert (sent.room.chat_id, sent.text) == ("room1", "您好，我来帮您看。")
    assert await desk.column(conversations, "owner") == ["zhang"]
    assert desk.thinker.turns == []


async def test_what_the_customer_writes_then_reaches_the_thread(desk: Stage) -> None:
    conversation = await escalated(desk)
    await desk.database.write(lambda connection: ownership.take_over(connection, conversation, ZHANG, desk.clock()))
    await desk.put(message(2, "谢谢，还有一个问题"))
    await desk.answer(always(Relayed("owned")))
    async with desk.sending():
        await until(lambda: len(desk.channel.sent) == 3)
    sent = desk.channel.sent[-1][1]
    assert (sent.room.chat_id, sent.reply_to, sent.in_thread) == ("desk", "om_card", True)
    assert "谢谢，还有一个问题" in sent.text


async def test_a_takeover_between_the_thought_and_the_send_silences_the_bot(desk: Stage) -> None:
    await desk.put(message(1))
    await desk.answer()
    [conversation] = await desk.column(conversations, "id")
    await desk.database.write(lambda connection: ownership.take_over(connection, conversation, ZHANG, desk.clock()))
    async with desk.sending():
        pass
    assert desk.channel.sent == []
    assert await desk.column(outbox, "status") == ["cancelled"]
    assert await desk.column(messages, "status", spoken_by="bot") == ["cancelled"]


async def test_a_reply_that_cannot_be_delivered_calls_a_person(desk: Stage) -> None:
    desk.channel.answers = [GiveUp("blocked")]
    await desk.put(message(1))
    await desk.answer()
    async with desk.sending():
        await until(lambda: desk.channel.calls == 1)
    assert await desk.column(handoffs, "reason") == ["failed"]
    assert await desk.column(timers, "kind") == ["write_brief"]


async def test_a_staff_line_that_cannot_be_delivered_is_said_in_the_thread(desk: Stage) -> None:
    await escalated(desk)
    line = replace(message(50, "您好"), room=STAFF_ROOM, sender=ZHANG, thread_id="om_card", reply_handle={})
    await desk.put(line)
    await desk.answer()
    desk.channel.answers = [GiveUp("over 48 hours")]
    async with desk.sending():
        await until(lambda: len(desk.channel.sent) == 3)
    sent = desk.channel.sent[-1][1]
    assert (sent.room.chat_id, sent.reply_to) == ("desk", "om_card")
    assert "over 48 hours" in sent.text


async def test_a_card_that_cannot_be_delivered_calls_nobody_twice(desk: Stage) -> None:
    await desk.put(message(1))
    await desk.answer(always(HANDED_OFF))
    [conversation] = await desk.column(conversations, "id")
    await desk.database.write(
        lambda connection: put_in_outbox(
            connection,
            OutgoingMessage(STAFF_ROOM, text="卡片"),
            key="card",
            now=desk.clock(),
            conversation_id=conversation,
            author=SYSTEM,
            kind=ESCALATION,
        )
    )
    desk.channel.answers = [Receipt("om_1"), GiveUp("no such group")]
    async with desk.sending():
        await until(lambda: desk.channel.calls == 2)
    assert len(await desk.rows(outbox)) == 2
    assert len(await desk.rows(handoffs)) == 1


async def test_a_dead_letter_leaves_everything_a_person_needs(desk: Stage, clock: FakeClock) -> None:
    async def broken(_turn: object) -> None:
        raise KeyError("a fault")

    await desk.put(message(1, "我的货坏了"))
    for _ in range(3):
        await desk.answer(broken)  # type: ignore[arg-type]
        clock.advance(60)
    assert await desk.column(inbox, "status") == ["dead"]
    assert await desk.column(handoffs, "status") == ["waiting"]
    assert await desk.column(timers, "kind") == ["write_brief", "promise_due"]
    [row] = await desk.rows(outbox)
    assert from_json(OutgoingMessage, row.payload).text.startswith("抱歉，刚才的消息我没能处理好")
