from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.channel import Channel, Connects
from channels.wecom_bot.account import BubbleWords, WecomBotSettings
from channels.wecom_bot.long_connection import LongConnectionChannel
from conversation.card_press import CardPress
from conversation.errors import BadSettings, FateUnknown, GiveUp, RefusedInput, RetryLater
from conversation.identity import Room, RoomKind
from conversation.messages import Button, Card, EventKind, OutgoingMessage
from store.database import Database
from tests.channels.wecom_bot.long_stage import LongStage, long_staged, until

WORDS = BubbleWords()
GROUP_ID = "wrGr0upMadeUp0001AAAA"
CARD = Card("要转人工吗", (("订单", "12345"),), (Button("转人工", {"do": "handoff"}),))


@pytest.fixture
async def stage(sqlite_database: Database) -> AsyncIterator[LongStage]:
    async with long_staged(sqlite_database) as one:
        await one.connected()
        yield one
        assert one.double.violations == []


async def shown(stage: LongStage, text: str, chat_id: str = "zhangsan") -> None:
    await stage.double.ledger.until(lambda one: one.chat_id == chat_id and one.text == text)


async def test_a_question_opens_a_bubble_and_the_answer_ends_it(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    await shown(stage, WORDS.looking)

    receipt = await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert stage.shown() == ["七天内可以退。"]
    pieces = stage.calls("respond")
    assert [piece["stream"]["finish"] for piece in pieces] == [False, True]
    assert {piece["stream"]["id"] for piece in pieces} == {receipt.platform_message_id}
    assert stage.inbox.messages[0].awaits


async def test_the_same_send_again_shows_nothing_twice(stage: LongStage) -> None:
    await stage.asked("怎么退货？")

    first = await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    second = await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert first == second
    assert stage.shown() == ["七天内可以退。"]


async def test_a_question_in_a_group_is_answered_in_its_own_bubble(stage: LongStage) -> None:
    mine = await stage.asked("怎么退货？", chat_id=GROUP_ID)
    other = await stage.asked("几点开门？", "lisi", chat_id=GROUP_ID)

    await stage.channel.send(stage.reply("九点。", other), "k2")
    await stage.channel.send(stage.reply("七天内可以退。", mine), "k1")

    answers = {one.reply_to: one.text for one in stage.double.ledger.of(GROUP_ID, "bot")}
    assert answers == {mine.message_id: "七天内可以退。", other.message_id: "九点。"}


async def test_a_burst_has_one_bubble_that_takes_the_answer_to_all_of_it(stage: LongStage) -> None:
    first = await stage.asked("我的订单")
    second = await stage.asked("12345 到哪了？")

    await stage.channel.send(stage.reply("明天到。", first, second), "k1")

    assert stage.shown() == ["明天到。"]
    assert second.reply_handle["req_id"] == first.reply_handle["req_id"]


async def test_an_answer_that_comes_after_the_bubble_is_gone_is_sent_by_itself(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    stage.clock.now += 331
    assert await stage.channel.late(stage.clock.now) == 1
    stage.clock.now += 3600

    receipt = await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    again = await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert stage.shown() == [WORDS.late, "七天内可以退。"]
    assert receipt == again


async def test_words_that_answer_nothing_reach_whoever_spoke_before(stage: LongStage) -> None:
    await stage.asked("怎么退货？", chat_id=GROUP_ID)
    room = Room("wecom_bot", "main", GROUP_ID, RoomKind.GROUP)

    await stage.channel.send(OutgoingMessage(room, text="工单已更新"), "k9")

    await shown(stage, "工单已更新", GROUP_ID)


async def test_a_chat_in_which_nobody_spoke_cannot_be_written_to(stage: LongStage) -> None:
    room = Room("wecom_bot", "main", "nobody", RoomKind.DIRECT)

    with pytest.raises(GiveUp, match="93006"):
        await stage.channel.send(OutgoingMessage(room, text="您好"), "k9")


async def test_a_silent_turn_closes_its_bubble(stage: LongStage) -> None:
    asked = await stage.asked("好的谢谢")

    await stage.channel.send(OutgoingMessage(asked.room, handles=(asked.reply_handle,)), "k1")

    assert stage.shown() == [WORDS.hushed]


async def test_a_long_answer_arrives_whole_and_in_order(stage: LongStage) -> None:
    await stage.asked("全部条款？")
    text = "\n".join(f"第{number}条 这一条说的是怎样退货。" for number in range(1, 1600))

    await stage.channel.send(stage.reply(text), "k1")
    await stage.channel.send(stage.reply(text), "k1")

    parts = stage.shown()
    assert len(parts) > 1
    assert "\n".join(parts) == text


async def test_a_card_is_shown_and_its_press_changes_it(stage: LongStage) -> None:
    await stage.asked("我要投诉")
    stage.presses.card = Card("已转人工", (("订单", "12345"),))
    await stage.channel.send(stage.reply("", card=CARD), "k1")
    card = stage.double.ledger.of("zhangsan", "bot", "card")[0]
    button = stage.double.buttons(card.message_id)[0]

    await stage.double.press_card(card.message_id, "zhangsan", button["value"])

    await stage.double.ledger.until(lambda one: one.message_id == card.message_id and one.updated)
    press: CardPress = stage.presses.seen[0]
    assert press.value == {"do": "handoff"}
    assert press.operator.person_id == "zhangsan"


async def test_a_card_that_answers_nothing_goes_out_by_itself(stage: LongStage) -> None:
    asked = await stage.asked("我要投诉")

    await stage.channel.send(OutgoingMessage(asked.room, card=CARD), "k5")

    assert len(stage.double.ledger.of("zhangsan", "bot", "card")) == 1


async def test_who_opens_the_chat_is_greeted_and_noted(stage: LongStage) -> None:
    await stage.double.enter_chat("zhangsan")

    await shown(stage, stage.settings.greeting)
    assert [item.kind for item in stage.inbox.kept.values()] == [EventKind.ENTERED]


async def test_a_thumb_under_an_answer_leads_back_to_it(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    receipt = await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    bubble = stage.double.ledger.of("zhangsan", "bot")[0]

    await stage.double.feedback(bubble.message_id, good=False, reason="不对")

    await until(lambda: len(stage.inbox.kept) == 2)
    event: Any = list(stage.inbox.kept.values())[1]
    assert (event.kind, event.subject) == (EventKind.DISLIKED, receipt.platform_message_id)


async def test_a_file_is_opened_with_the_key_that_came_with_it(stage: LongStage) -> None:
    await stage.double.say(
        chat_id=None, user_id="zhangsan", msgtype="image", image=stage.double.add_own_media(b"a picture")
    )
    await until(lambda: bool(stage.inbox.messages))

    assert await stage.channel.media(stage.inbox.messages[0].attachments[0].reference) == b"a picture"


async def test_a_key_that_is_none_is_said_to_be_one(stage: LongStage) -> None:
    media = stage.double.add_own_media(b"a picture")

    with pytest.raises(GiveUp, match="key"):
        await stage.channel.media(f"{media['url']}#aeskey=short")


async def test_a_repeated_message_is_kept_once(stage: LongStage) -> None:
    asked = await stage.asked("怎么退货？")
    for _ in range(4):
        await stage.double.redeliver(asked.message_id)
    await stage.asked("几点开门？", "lisi")

    assert len(stage.inbox.messages) == 2
    assert stage.shown() == [WORDS.looking]


async def test_a_message_waits_in_memory_until_the_database_is_back(stage: LongStage) -> None:
    stage.inbox.broken = RetryLater("the database is gone")
    await stage.double.say(chat_id=None, user_id="zhangsan", text="第一句")
    await stage.double.say(chat_id=None, user_id="zhangsan", text="第二句")
    assert stage.inbox.messages == []

    stage.inbox.broken = None

    await until(lambda: len(stage.inbox.messages) == 2)
    assert [one.text for one in stage.inbox.messages] == ["第一句", "第二句"]


async def test_an_answer_whose_confirmation_was_lost_is_written_into_its_bubble_once_more(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    stage.double.faults.next("respond", drop=True)

    with pytest.raises(RetryLater):
        await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    receipt = await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert receipt.platform_message_id
    assert stage.shown() == ["七天内可以退。"]


async def test_an_answer_that_got_lost_with_its_bubble_is_left_to_a_person(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    stage.double.faults.next("respond", drop=True)
    with pytest.raises(RetryLater):
        await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    stage.clock.now += 400

    with pytest.raises(FateUnknown):
        await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert stage.shown() == ["七天内可以退。"]


async def test_a_late_confirmation_of_the_bubble_is_not_taken_for_that_of_the_answer(stage: LongStage) -> None:
    stage.double.faults.next("respond", delay_s=0.4)
    await stage.double.say(chat_id=None, user_id="zhangsan", text="怎么退货？")
    await until(lambda: bool(stage.inbox.messages))
    stage.double.faults.next("respond", code=93006)

    receipt = await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert receipt.platform_message_id.startswith("as")
    assert stage.shown()[-1] == "七天内可以退。"


async def test_an_answer_that_surely_did_not_arrive_is_sent_again(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    stage.double.faults.next("respond", rate_limited=True)

    with pytest.raises(RetryLater) as busy:
        await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    assert busy.value.after_s == 60.0
    await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert stage.shown() == ["七天内可以退。"]


async def test_an_active_send_whose_confirmation_was_lost_is_never_repeated(stage: LongStage) -> None:
    asked = await stage.asked("怎么退货？")
    stage.double.faults.next("send", drop=True)
    notice = OutgoingMessage(asked.room, text="工单已更新")

    for _ in range(2):
        with pytest.raises(FateUnknown):
            await stage.channel.send(notice, "k9")

    assert stage.shown().count("工单已更新") == 1


async def test_a_bubble_that_the_platform_closed_is_answered_beside_it(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    stage.double.faults.next("respond", code=846608)

    await stage.channel.send(stage.reply("七天内可以退。"), "k1")
    await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert stage.shown() == [WORDS.looking, "七天内可以退。"]


async def test_a_broken_connection_comes_back_and_answers_still_find_their_bubble(stage: LongStage) -> None:
    await stage.asked("怎么退货？")
    await stage.double.socket.cut()
    await until(lambda: stage.double.socket.subscriptions == 2 and not stage.channel.problem)

    await stage.channel.send(stage.reply("七天内可以退。"), "k1")

    assert stage.shown() == ["七天内可以退。"]


async def test_a_connection_that_forgot_its_subscription_is_made_anew(stage: LongStage) -> None:
    asked = await stage.asked("怎么退货？")
    stage.double.faults.next("send", code=846609)
    notice = OutgoingMessage(asked.room, text="工单已更新")

    with pytest.raises(RetryLater):
        await stage.channel.send(notice, "k9")
    await until(lambda: stage.double.socket.subscriptions == 2 and not stage.channel.problem)
    await stage.channel.send(notice, "k9")

    assert stage.shown().count("工单已更新") == 1


async def test_while_there_is_no_connection_a_send_waits_and_is_not_lost(stage: LongStage) -> None:
    asked = await stage.asked("怎么退货？")
    await stage.channel.close()

    with pytest.raises(RetryLater, match="down"):
        await stage.channel.send(stage.reply("七天内可以退。", asked), "k1")


async def test_another_connection_of_the_bot_ends_this_one_for_good_and_it_says_so(stage: LongStage) -> None:
    other = stage.build()
    await other.start()

    await until(lambda: "took over" in stage.channel.problem)
    await until(lambda: not other.problem)

    await stage.asked("还在吗？")
    assert stage.double.socket.subscriptions == 2
    await other.close()


async def test_pings_keep_the_connection_and_unanswered_ones_end_it(sqlite_database: Database) -> None:
    async with long_staged(sqlite_database, ping_every_s=0.03) as stage:
        await stage.connected()
        await until(lambda: len(stage.calls("ping")) >= 4)
        assert stage.double.socket.subscriptions == 1

        stage.double.faults.always("ping", drop=True)

        await until(lambda: stage.double.socket.subscriptions == 2)


async def test_a_wrong_secret_is_said_in_words_that_mend_it(sqlite_database: Database) -> None:
    async with long_staged(sqlite_database, secret="wrong") as stage:
        await stage.channel.start()

        await until(lambda: "check bot_id, secret" in stage.channel.problem)
        assert not stage.double.socket.connected
        assert "wrong" not in stage.channel.problem


async def test_nobody_may_post_to_a_bot_on_the_long_connection(stage: LongStage) -> None:
    with pytest.raises(RefusedInput) as refused:
        await stage.channel.receive(None)  # type: ignore[arg-type]
    assert refused.value.status == 404


def test_the_channel_is_a_channel_that_connects(sqlite_database: Database) -> None:
    channel: Channel = LongConnectionChannel(
        WecomBotSettings("main", "", "", "小汇", "aib", mode="long_connection", secret="s"),
        intake=None,  # type: ignore[arg-type]
        presses=None,  # type: ignore[arg-type]
        database=sqlite_database,
        client=None,  # type: ignore[arg-type]
        clock=lambda: 0.0,
    )
    assert isinstance(channel, Connects)


@pytest.mark.parametrize("given", [{"secret": ""}, {"bot_id": ""}, {"ws_url": "https://x"}])
def test_settings_that_cannot_connect_are_refused(given: dict[str, str]) -> None:
    whole: dict[str, Any] = {"bot_id": "aib", "secret": "s", **given}
    with pytest.raises(BadSettings):
        WecomBotSettings("main", "", "", bot_name="小汇", mode="long_connection", **whole)


def test_a_secret_is_not_shown() -> None:
    settings = WecomBotSettings("main", "", "", "小汇", "aib", mode="long_connection", secret="made-up-secret")
    assert "made-up-secret" not in repr(settings)
