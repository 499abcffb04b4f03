"""Topic groups: each topic is a room of its own, and what is said to it stays in it."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from channels.feishu import FeishuChannel
from channels.feishu.inbound import chat_in_question, translate
from conversation.identity import RoomKind
from conversation.messages import EventKind, IncomingMessage, OutgoingMessage
from playground import FeishuDouble
from tests.channels.feishu.stage import BOT, SETTINGS, Clock, Desk, Inbox, Stage, hook, sample
from tests.channels.feishu.test_feishu_inbound import TERMS, event_of

LI_SI: dict[str, Any] = {"user_open_id": "ou_lisi", "user_name": "李四"}
TOPICS = "oc_topics"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock, inbox, desk = Clock(), Inbox(), Desk()
    parts: list[FeishuChannel] = []
    app = hook(lambda: parts[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://ours.test") as web:
        double = FeishuDouble(
            *(SETTINGS.app_id, SETTINGS.app_secret, SETTINGS.encrypt_key, SETTINGS.verification_token),
            *(BOT, "售后助手"),
            callback_url="http://ours.test/hook",
            client=web,
            clock=clock,
            staff_chat_ids=["oc_staff"],
            qps_per_chat=None,
        )
        double.rooms.topic_chats.add(TOPICS)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=double.app)) as client:
            parts.append(FeishuChannel(SETTINGS, intake=inbox, presses=desk, client=client, clock=clock))
            yield Stage(parts[0], double, web, inbox, desk, clock)
            await parts[0].close()
        await double.aclose()
        assert double.violations == []


def answer_to(message: IncomingMessage, text: str) -> OutgoingMessage:
    """As a turn answers."""
    return OutgoingMessage(
        message.room,
        text=text,
        reply_to=message.message_id,
        in_thread=bool(message.thread_id),
        handles=(message.reply_handle,),
    )


async def test_two_topics_of_one_person_are_two_conversations_and_each_gets_its_answer(stage: Stage) -> None:
    first = await stage.double.say(chat_id=TOPICS, text="怎么退货？", **LI_SI)
    second = await stage.double.say(chat_id=TOPICS, text="几点开门？", **LI_SI)
    await stage.double.reply(first, text="是手机壳", **LI_SI)

    one, other, more = stage.inbox.messages
    assert one.lane == more.lane != other.lane
    assert one.room.kind is RoomKind.GROUP
    await stage.channel.send(answer_to(more, "手机壳七天内可以退。"), "k1")
    await stage.channel.send(answer_to(other, "九点。"), "k2")
    threads = {text: stage.double.ledger.message(said).thread_id for said, text in ((first, "退"), (second, "门"))}
    answers = {line.text: line.thread_id for line in stage.double.ledger.of(TOPICS, "bot")}
    assert answers == {"手机壳七天内可以退。": threads["退"], "九点。": threads["门"]}


async def test_words_that_answer_no_message_stay_in_the_topic_too(stage: Stage) -> None:
    said = await stage.double.say(chat_id=TOPICS, text="怎么退货？", **LI_SI)
    room = stage.inbox.messages[0].room

    await stage.channel.send(OutgoingMessage(room, text="工单已更新"), "k1")

    line = stage.double.ledger.of(TOPICS, "bot")[0]
    assert line.thread_id == stage.double.ledger.message(said).thread_id


async def test_when_the_question_is_gone_the_answer_still_finds_its_topic_and_then_its_group(stage: Stage) -> None:
    root = await stage.double.say(chat_id=TOPICS, text="怎么退货？", **LI_SI)
    later = await stage.double.reply(root, text="是手机壳", **LI_SI)
    message = stage.inbox.messages[1]
    stage.double.rooms.recall(later)

    await stage.channel.send(answer_to(message, "七天内可以退。"), "k1")
    stage.double.rooms.recall(root)
    await stage.channel.send(answer_to(message, "再补充一句。"), "k2")

    in_topic, in_group = stage.double.ledger.of(TOPICS, "bot")
    assert in_topic.reply_to == root
    assert in_group.reply_to is None


async def test_a_thread_in_a_plain_group_stays_with_the_persons_conversation_and_is_answered_in_it(
    stage: Stage,
) -> None:
    said = await stage.double.say(chat_id="oc_room", text="怎么退货？", **LI_SI)
    await stage.double.reply(said, text="是手机壳", **LI_SI)

    first, second = stage.inbox.messages
    assert first.lane == second.lane
    await stage.channel.send(answer_to(second, "七天内可以退。"), "k1")
    # A colleague's line answers no message; it belongs where the customer wrote last.
    relayed = OutgoingMessage(second.room, text="我来看看", handles=(second.reply_handle,))
    await stage.channel.send(relayed, "k2")
    thread = stage.double.ledger.message(said).thread_id
    assert {line.thread_id for line in stage.double.ledger.of("oc_room", "bot")} == {thread}


async def test_a_plain_quote_is_answered_without_opening_a_thread(stage: Stage) -> None:
    said = await stage.double.say(chat_id="oc_room", text="怎么退货？", **LI_SI)
    await stage.double.reply(said, text="是手机壳", in_thread=False, **LI_SI)

    await stage.channel.send(answer_to(stage.inbox.messages[1], "七天内可以退。"), "k1")

    assert stage.double.ledger.of("oc_room", "bot")[0].thread_id is None


async def test_a_group_is_asked_once_how_it_talks_and_only_where_somebody_uses_threads(stage: Stage) -> None:
    await stage.double.say(chat_id="oc_room", text="一", **LI_SI)
    assert stage.calls("chat") == []
    for text in ("二", "三"):
        await stage.double.say(chat_id=TOPICS, text=text, **LI_SI)
    assert len(stage.calls("chat")) == 1
    stage.clock.now += 6 * 3600
    await stage.double.say(chat_id=TOPICS, text="四", **LI_SI)
    assert len(stage.calls("chat")) == 2


async def test_without_the_right_to_ask_a_topic_is_a_thread_like_any_other(stage: Stage) -> None:
    stage.double.faults.always("chat", code=99991672)

    await stage.double.say(chat_id=TOPICS, text="怎么退货？", **LI_SI)

    message = stage.inbox.messages[0]
    assert message.room.chat_id == TOPICS


async def test_threads_of_the_staff_chat_are_never_topics(stage: Stage) -> None:
    card = await stage.double.say(chat_id="oc_staff", text="卡片", **LI_SI)
    await stage.double.reply(card, text="我来", **LI_SI)

    assert [one.room.chat_id for one in stage.inbox.messages] == ["oc_staff", "oc_staff"]
    assert stage.inbox.messages[1].thread_id == card
    assert stage.calls("chat") == []


async def test_a_thumb_and_a_recall_in_a_topic_stand_in_its_room(stage: Stage) -> None:
    said = await stage.double.say(chat_id=TOPICS, text="怎么退货？", **LI_SI)
    message = stage.inbox.messages[0]
    answer = (await stage.channel.send(answer_to(message, "七天内。"), "k1")).platform_message_id

    await stage.double.react(answer, "THUMBSUP", "ou_lisi")
    await stage.double.recall(said)

    liked, recalled = stage.inbox.events
    assert (liked.kind, liked.lane) == (EventKind.LIKED, message.lane)
    assert (recalled.kind, recalled.lane) == (EventKind.RECALLED, message.lane)


def test_an_event_that_says_topic_group_needs_no_question() -> None:
    payload = copy.deepcopy(sample("feishu/im_message_text_reply_in_thread"))
    assert chat_in_question(event_of(payload)) == payload["event"]["message"]["chat_id"]
    payload["event"]["message"]["chat_type"] = "topic_group"

    message = translate(event_of(payload), TERMS)

    assert chat_in_question(event_of(payload)) == ""
    assert isinstance(message, IncomingMessage)
    assert message.room.chat_id.endswith(payload["event"]["message"]["root_id"])
    assert translate(event_of(payload), replace(TERMS, keeps_topics=True)) == message
