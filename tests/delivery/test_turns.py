"""What a turn is given, and what its one transaction leaves behind."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from conversation.codec import from_json
from conversation.findings import Citation, Emotion, EmotionLabel, Findings, Retrieval
from conversation.identity import Person, RoomKind, Speaker, identity_id
from conversation.messages import OutgoingMessage
from conversation.outcomes import (
    Acted,
    Answered,
    Clarified,
    HandedOff,
    Outcome,
    Relayed,
    StayedSilent,
    TicketDraft,
    TicketNote,
    TicketOpened,
    TurnResult,
    Usage,
)
from conversation.turn import SendRight, Turn
from store.schema import conversations, customers, gaps, identities, inbox, leases, messages, outbox, rooms, turns
from tests.conftest import FakeClock
from tests.delivery.doubles import always, message, picture, room
from tests.delivery.stage import Stage, notes_of


async def test_a_turn_leaves_its_lines_its_findings_and_its_reply(stage: Stage, clock: FakeClock) -> None:
    async def think(_turn: Turn) -> TurnResult:
        citation = Citation("kb_1", 2, "48 小时内发货")
        return TurnResult(
            Answered("48 小时内发货。", "faq", (citation,)), Findings(), Usage(1, 20, 8), "answer", ("answer@1",)
        )

    await stage.put(message(1))
    clock.advance(2)
    await stage.answer(think)
    [turn] = await stage.rows(turns)
    assert (turn.outcome, turn.reason, turn.route, turn.llm_calls) == ("Answered", "faq", "answer", 1)
    assert orjson.loads(turn.citations)[0]["entry_id"] == "kb_1"
    assert from_json(Findings, turn.findings) == Findings()
    lines = await stage.rows(messages)
    assert [(line.spoken_by, line.text, line.status) for line in lines] == [
        ("customer", message(1).text, "received"),
        ("bot", "48 小时内发货。", "queued"),
    ]
    [row] = await stage.rows(outbox)
    sent = from_json(OutgoingMessage, row.payload)
    assert row.idempotency_key == f"{turn.id}:0" == lines[1].idempotency_key
    assert (sent.text, sent.reply_to, sent.handles) == ("48 小时内发货。", "m1", ({"stream": "s1"},))
    assert await stage.column(inbox, "status") == ["done"]
    assert await stage.column(inbox, "turn_id") == [turn.id]
    assert await stage.column(leases, "holder") == [""]


async def test_a_newcomer_becomes_a_room_a_customer_and_a_conversation(stage: Stage) -> None:
    await stage.put(message(1, lane=3))
    await stage.answer()
    [conversation] = await stage.rows(conversations)
    [customer] = await stage.rows(customers)
    assert await stage.column(rooms, "title") == ["房间3"]
    assert await stage.column(identities, "id") == [identity_id(room(3), message(1, lane=3).sender)]
    assert (conversation.customer_id, customer.name, conversation.status) == (customer.id, "客户3", "open")


async def test_the_same_person_in_two_rooms_is_one_customer(stage: Stage) -> None:
    person = Person("same", "同一人")
    for number in (1, 2):
        await stage.put(message(number, lane=number, sender=person))
    await stage.answer()
    assert len(await stage.rows(customers)) == 1
    assert len(await stage.rows(conversations)) == 2


async def test_a_burst_is_one_turn(stage: Stage) -> None:
    await stage.put(message(1, "你好"), message(2, "我想问下"), message(3, "怎么退货？"))
    await stage.answer()
    [turn] = stage.thinker.turns
    assert turn.text == "你好\n我想问下\n怎么退货？"
    [row] = await stage.rows(outbox)
    sent = from_json(OutgoingMessage, row.payload)
    assert sent.reply_to == "m3"
    assert [handle["stream"] for handle in sent.handles] == ["s1", "s2", "s3"]


async def test_messages_that_arrive_out_of_order_are_read_in_the_order_they_were_written(stage: Stage) -> None:
    await stage.put(message(2, "第二句", at=20.0))
    await stage.put(message(1, "第一句", at=10.0))
    await stage.answer()
    [turn] = stage.thinker.turns
    assert turn.text == "第一句\n第二句"
    texts = await stage.column(messages, "text", spoken_by="customer")
    assert texts == ["第一句", "第二句"]


async def test_a_late_message_becomes_the_next_turn(stage: Stage) -> None:
    await stage.put(message(2, "第二句？", at=20.0))
    await stage.answer()
    await stage.put(message(1, "第一句？", at=10.0))
    await stage.answer()
    assert [turn.text for turn in stage.thinker.turns] == ["第二句？", "第一句？"]
    assert len(await stage.rows(outbox)) == 2


async def test_the_turn_sees_what_was_said_before_and_no_more_than_twenty_lines(stage: Stage) -> None:
    for number in range(15):
        await stage.put(message(number, f"问题{number}？"))
        await stage.answer()
    history = stage.thinker.turns[-1].history
    assert len(history) == 20
    assert [line.speaker for line in history[-2:]] == [Speaker.CUSTOMER, Speaker.BOT]
    assert history[-1].text == "答：问题13？"
    assert "问题14？" not in [line.text for line in history]


async def test_the_history_shows_only_what_the_customer_saw(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.database.write(
        lambda connection: connection.execute(
            messages.update().where(messages.c.spoken_by == "bot").values(status="cancelled")
        )
    )
    await stage.put(message(2), picture(3))
    await stage.answer()
    assert [line.text for line in stage.thinker.turns[-1].history] == [message(1).text]


async def test_a_picture_in_the_history_is_named(stage: Stage) -> None:
    await stage.put(picture(1))
    await stage.answer()
    await stage.put(message(2))
    await stage.answer()
    assert stage.thinker.turns[-1].history[0].text == "[image]"


async def test_moods_are_remembered_up_to_eight(stage: Stage) -> None:
    emotion = Emotion(EmotionLabel.ANGRY, {"angry": 0.9}, 2.0, -0.8)

    async def think(_turn: Turn) -> TurnResult:
        return TurnResult(StayedSilent("x"), Findings(emotion=emotion))

    for number in range(10):
        await stage.put(message(number))
        await stage.answer(think)
    await stage.put(message(99))
    await stage.answer()
    assert stage.thinker.turns[0].conversation.moods == (emotion,) * 8


async def test_questions_without_an_answer_are_counted_and_kept_as_gaps(stage: Stage) -> None:
    unknown = Clarified("请再补充一下", "unknown", unknown=True)
    outcomes: list[Outcome] = [unknown, unknown, HandedOff("转人工", "unknown_twice"), Answered("好的", "faq")]
    counts = []
    for number, outcome in enumerate(outcomes):
        await stage.put(message(number, f"奇怪的问题{number}？"))
        await stage.answer(always(outcome))
        counts += await stage.column(conversations, "unknown_count")
    assert counts == [1, 2, 2, 0]
    assert await stage.column(gaps, "question") == [f"奇怪的问题{number}？" for number in range(3)]


async def test_the_gap_says_how_likely_the_base_was_to_answer(stage: Stage) -> None:
    async def think(_turn: Turn) -> TurnResult:
        return TurnResult(Clarified("?", "unknown", unknown=True), Findings(retrieval=Retrieval((), 0.25)))

    await stage.put(message(1))
    await stage.answer(think)
    assert await stage.column(gaps, "answerable") == [0.25]


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        (Relayed("owned"), "to_staff"),
        (HandedOff("已转人工", "customer_asked", promise_due_s=300), "hand_off"),
        (Acted("已备注", "note", (TicketNote("T-1", "补充"),)), "notes"),
    ],
)
async def test_an_outcome_reaches_the_desk(stage: Stage, outcome: Outcome, note: str) -> None:
    await stage.put(message(1))
    [done] = await stage.answer(always(outcome))
    assert len(notes_of(stage, note)) == 1
    assert done.scheduled == isinstance(outcome, HandedOff)


async def test_the_ticket_number_is_written_into_the_reply(stage: Stage) -> None:
    outcome = TicketOpened("已为您登记工单 {number}。", "refund", TicketDraft("refund", "退款", "客户要退款"))
    await stage.put(message(1))
    await stage.answer(always(outcome))
    [row] = await stage.rows(outbox)
    assert from_json(OutgoingMessage, row.payload).text == "已为您登记工单 T-1。"
    assert await stage.column(turns, "reply") == ["已为您登记工单 T-1。"]


async def test_silence_keeps_the_words_and_sends_nothing(stage: Stage) -> None:
    await stage.put(message(1))
    [done] = await stage.answer(always(StayedSilent("not for us")))
    assert not done.said
    assert await stage.column(messages, "spoken_by") == ["customer"]
    assert await stage.rows(outbox) == []
    assert await stage.column(inbox, "status") == ["done"]


@pytest.mark.parametrize(
    ("right", "status", "asked_the_desk"),
    [(SendRight.OBSERVE, "observed", 0), (SendRight.DRAFT, "draft", 1), (SendRight.TAP, "draft", 1)],
)
async def test_a_room_without_the_right_to_send_keeps_what_the_bot_would_have_said(
    stage: Stage, right: SendRight, status: str, asked_the_desk: int
) -> None:
    stage.right = right
    await stage.put(message(1))
    await stage.answer(always(HandedOff("已转人工", "customer_asked", promise_due_s=60)))
    assert await stage.rows(outbox) == []
    assert await stage.column(messages, "status") == ["received", status]
    said = [said for *_, said in notes_of(stage, "hand_off")]
    assert said == [False] * asked_the_desk


async def test_the_reply_in_a_group_names_the_asker_and_stays_in_the_thread(stage: Stage) -> None:
    asker = Person("ou_1", "小红")
    await stage.put(message(1, room=room(4, RoomKind.GROUP), sender=asker, thread_id="om_root"))
    await stage.answer()
    [row] = await stage.rows(outbox)
    sent = from_json(OutgoingMessage, row.payload)
    assert (sent.at, sent.in_thread) == (asker, True)


async def test_the_first_message_names_the_turn_whatever_happens(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1), message(2))
    [first] = await stage.claim()
    clock.advance(60)
    await stage.put(message(3))
    [second] = await stage.claim()
    assert first.turn is not None
    assert second.turn is not None
    assert first.turn.turn_id == second.turn.turn_id
    assert len(second.turn.turn_id) == 27
    assert len(second.turn.burst) == 3


async def test_a_change_of_owner_while_thinking_is_thought_again(stage: Stage) -> None:
    seen: list[str] = []

    async def think(turn: Turn) -> TurnResult:
        seen.append(turn.conversation.owner)
        if len(seen) == 1:
            await stage.database.write(
                lambda connection: connection.execute(
                    conversations.update().values(owner="zhang", owner_epoch=1, status="with_staff")
                )
            )
            return TurnResult(Answered("机器人的话", "faq"), Findings())
        return TurnResult(Relayed("owned"), Findings())

    await stage.put(message(1))
    await stage.answer(think)
    assert seen == ["bot", "zhang"]
    assert await stage.rows(outbox) == []
    assert await stage.column(turns, "outcome") == ["Relayed"]


async def test_a_resolved_conversation_is_followed_by_a_new_one(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.database.write(lambda connection: connection.execute(conversations.update().values(status="resolved")))
    await stage.put(message(2))
    await stage.answer()
    assert await stage.column(conversations, "status") == ["resolved", "open"]
    assert stage.thinker.turns[-1].history == ()


async def test_a_conversation_left_for_a_day_is_over(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    await stage.answer()
    clock.advance(23 * 3600)
    await stage.put(message(2))
    await stage.answer()
    assert len(await stage.rows(conversations)) == 1
    clock.advance(25 * 3600)
    await stage.put(message(3))
    await stage.answer()
    assert sorted(await stage.column(conversations, "status")) == ["open", "resolved"]


async def test_a_conversation_that_waits_for_staff_is_never_over_by_itself(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.database.write(lambda connection: connection.execute(conversations.update().values(status="waiting")))
    clock.advance(72 * 3600)
    await stage.put(message(2))
    await stage.answer()
    assert len(await stage.rows(conversations)) == 1
    assert stage.thinker.turns[-1].conversation.waiting_for_staff


async def test_a_room_that_got_a_new_name_is_known_by_it(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.put(message(2, room=replace(room(1), title="新名字")))
    await stage.answer()
    assert await stage.column(rooms, "title") == ["新名字"]
    assert orjson.loads((await stage.column(conversations, "room"))[0])["title"] == "新名字"


async def test_a_text_with_a_nul_is_answered(stage: Stage) -> None:
    await stage.put(message(1, "订单\x00号？"))
    await stage.answer()
    assert await stage.column(messages, "text", spoken_by="customer") == ["订单号？"]
    assert len(await stage.rows(outbox)) == 1


async def test_a_flood_is_answered_fifty_messages_at_a_time_and_none_is_counted_as_failed(stage: Stage) -> None:
    await stage.put(*(message(number, f"第{number}句？", at=number) for number in range(120)))
    for _ in range(2):
        [done] = await stage.answer()
        assert done.more
    assert await stage.column(inbox, "attempts", status="waiting") == [0] * 20
    await stage.answer()
    assert [len(turn.burst) for turn in stage.thinker.turns] == [50, 50, 20]
    assert set(await stage.column(inbox, "status")) == {"done"}
