"""Answers as the people in the chat see them: played through the platform's double."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from channels.wecom_bot.reply_ways import take_url
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.messages import Button, Card, EventKind, OutgoingMessage, RoomEvent
from tests.channels.wecom_bot.stage import GROUP, MEDIA, Stage

CARD = Card("需要人工吗？", (("订单", "12345"),), (Button("转人工", {"do": "human"}), Button("不用", {"do": "no"})))


async def asked(stage: Stage, text: str = "怎么退款", *, group: bool = False, user: str = "zhangsan") -> str:
    return await stage.double.say(chat_id=GROUP.chat_id if group else None, user_id=user, text=text, mention_bot=group)


def bubbles(stage: Stage) -> list[str]:
    return stage.double.ledger.texts(role="bot")


async def test_an_answer_fills_the_bubble_that_the_customer_is_watching(stage: Stage) -> None:
    await asked(stage)
    assert bubbles(stage) == ["正在为您查询…"]
    receipt = await stage.channel.send(stage.reply("三天内到账"), "k1")
    await stage.double.settled()
    assert bubbles(stage) == ["三天内到账"]
    assert receipt.platform_message_id == stage.inbox.messages[0].reply_handle["stream_id"]
    assert stage.double.violations == []


async def test_a_group_answer_hangs_on_the_question(stage: Stage) -> None:
    question = await asked(stage, group=True)
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    await stage.double.settled()
    bot = stage.double.ledger.of(role="bot")[0]
    assert (bot.text, bot.reply_to) == ("三天内到账", question)


async def test_sending_again_with_the_same_key_changes_nothing(stage: Stage) -> None:
    await asked(stage)
    first = await stage.channel.send(stage.reply("三天内到账"), "k1")
    assert await stage.channel.send(stage.reply("三天内到账"), "k1") == first
    await stage.double.settled()
    assert bubbles(stage) == ["三天内到账"]


async def test_a_burst_is_answered_in_one_bubble(stage: Stage) -> None:
    for text in ("你好", "我的订单", "怎么还没到"):
        await asked(stage, text)
    assert len(bubbles(stage)) == 1
    await stage.channel.send(stage.reply("明天到", *stage.inbox.messages), "k1")
    await stage.double.settled()
    assert bubbles(stage) == ["明天到"]


async def test_a_second_answer_goes_by_response_url_and_a_third_has_no_way(stage: Stage) -> None:
    await asked(stage)
    for number in (1, 2):
        await stage.channel.send(stage.reply(f"答{number}"), f"k{number}")
    await stage.double.settled()
    assert bubbles(stage) == ["答1", "答2"]
    with pytest.raises(GiveUp, match=r"no way left.*no active send in webhook mode"):
        await stage.channel.send(stage.reply("答3"), "k3")
    assert stage.double.violations == []


async def test_a_message_without_handles_has_no_way(stage: Stage) -> None:
    with pytest.raises(GiveUp, match="no active send"):
        await stage.channel.send(OutgoingMessage(GROUP, text="大家好"), "k1")


async def test_the_answer_after_six_minutes_follows_the_honest_line(stage: Stage) -> None:
    await asked(stage)
    stage.clock.now += 340
    await stage.double.settled()
    await stage.channel.send(stage.reply("查到了"), "k1")
    assert bubbles(stage) == ["还没有查到结果，有了结果会在这里另行回复您。", "查到了"]
    assert stage.double.violations == []


async def test_an_answer_after_an_hour_has_no_way(stage: Stage) -> None:
    await asked(stage)
    stage.clock.now += 3601
    with pytest.raises(GiveUp):
        await stage.channel.send(stage.reply("查到了"), "k1")


async def test_a_card_arrives_with_its_words_and_its_buttons(stage: Stage) -> None:
    await asked(stage)
    await stage.channel.send(stage.reply("", card=CARD), "k1")
    await stage.double.settled()
    stream, card = stage.double.ledger.of(role="bot")
    assert stream.text == "【需要人工吗？】\n订单：12345"
    assert [button["text"] for button in stage.double.buttons(card.message_id)] == ["转人工", "不用"]
    await stage.double.press_card(card.message_id, "zhangsan", stage.double.buttons(card.message_id)[0]["value"])
    assert stage.presses.seen[0].value == {"do": "human"}
    assert stage.double.ledger.message(card.message_id).text == "已转人工"
    assert stage.double.violations == []


async def test_a_card_goes_by_response_url_as_well(stage: Stage) -> None:
    await asked(stage)
    await stage.channel.send(stage.reply("稍等"), "k1")
    await stage.channel.send(stage.reply("", card=CARD), "k2")
    await stage.double.settled()
    assert [message.kind for message in stage.double.ledger.of(role="bot")] == ["stream", "card"]
    assert stage.double.violations == []


async def test_a_thumb_names_the_message_it_is_about(stage: Stage) -> None:
    await asked(stage)
    sent = [await stage.channel.send(stage.reply(f"答{number}"), f"k{number}") for number in (1, 2)]
    await stage.double.settled()
    for message in stage.double.ledger.of(role="bot"):
        await stage.double.feedback(message.message_id, good=False, reason="不对")
    thumbs = [item for item in stage.inbox.kept.values() if isinstance(item, RoomEvent)]
    assert [thumb.subject for thumb in thumbs] == [receipt.platform_message_id for receipt in sent]
    assert {thumb.kind for thumb in thumbs} == {EventKind.DISLIKED}


async def late(stage: Stage) -> OutgoingMessage:
    """A message whose bubble is closed: its answer has to go by response_url."""
    await asked(stage)
    stage.clock.now += 340
    await stage.double.settled()
    return stage.reply("查到了")


async def test_a_busy_platform_is_asked_again_later_with_the_same_url(stage: Stage) -> None:
    message = await late(stage)
    stage.double.faults.next("response_url", rate_limited=True)
    with pytest.raises(RetryLater):
        await stage.channel.send(message, "k1")
    await stage.channel.send(message, "k1")
    assert bubbles(stage)[-1] == "查到了"


async def test_a_lost_answer_leaves_the_fate_unknown_and_never_shows_twice(stage: Stage) -> None:
    await asked(stage)
    message = await late(stage)
    message = stage.reply(message.text, *stage.inbox.messages)
    stage.double.faults.next("response_url", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(message, "k1")
    with pytest.raises(GiveUp, match="may have arrived"):
        await stage.channel.send(message, "k1")
    assert bubbles(stage).count("查到了") == 1


async def test_a_send_whose_process_died_before_the_call_is_made_by_the_next_one(stage: Stage) -> None:
    message = await late(stage)
    url = message.handles[0]["response_url"]
    await stage.database.write(lambda connection: take_url(connection, url, "k1", account="main", now=stage.clock.now))
    await stage.channel.send(message, "k1")
    assert bubbles(stage).count("查到了") == 1


async def test_a_platform_that_cannot_be_reached_keeps_the_way_for_later(stage: Stage) -> None:
    message = await late(stage)
    url = message.handles[0]["response_url"]
    stage.double.faults.next("response_url", rate_limited=True)
    stage.double.faults.next("response_url", refuse=True)
    with pytest.raises(RetryLater):
        await stage.channel.send(message, "k1")
    stage.double.faults.next("response_url", rate_limited=True)
    with pytest.raises(RetryLater):
        await stage.channel.send(message, "k1")
    # The second call broke off before it was refused for being too many: it may have been taken.
    assert not await stage.database.write(
        lambda connection: take_url(connection, url, "other", account="main", now=stage.clock.now)
    )
    await stage.channel.send(message, "k1")
    assert bubbles(stage).count("查到了") == 1


@pytest.mark.parametrize("terms", [{"http": 502}, {"refuse": True}])
async def test_a_call_that_broke_without_effect_is_made_once_more(stage: Stage, terms: dict[str, int | bool]) -> None:
    message = await late(stage)
    stage.double.faults.next("response_url", **terms)  # type: ignore[arg-type]
    await stage.channel.send(message, "k1")
    assert bubbles(stage).count("查到了") == 1


async def test_a_refused_url_gives_way_to_the_next_one(stage: Stage) -> None:
    await asked(stage, "一")
    await asked(stage, "二")
    stage.clock.now += 340
    await stage.double.settled()
    stage.double.faults.next("response_url", code=40058)
    message = stage.reply("查到了", *stage.inbox.messages)
    await stage.channel.send(message, "k1")
    assert bubbles(stage).count("查到了") == 1
    with pytest.raises(GiveUp, match="no way left"):
        await stage.channel.send(message, "k2")


async def test_an_answer_that_the_platform_never_asked_for_is_sent_by_response_url(stage: Stage) -> None:
    await asked(stage)
    await stage.double.aclose()
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    stage.clock.now += 300
    assert await stage.channel.unpicked(stage.clock.now) == 0
    stage.clock.now += 70
    assert await stage.channel.unpicked(stage.clock.now) == 1
    assert await stage.channel.unpicked(stage.clock.now) == 0
    assert bubbles(stage) == ["正在为您查询…", "三天内到账"]


async def test_an_answer_that_was_picked_up_is_never_sent_again(stage: Stage) -> None:
    await asked(stage)
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    await stage.double.settled()
    stage.clock.now += 370
    assert await stage.channel.unpicked(stage.clock.now) == 0
    assert bubbles(stage) == ["三天内到账"]


async def test_a_rescue_waits_for_a_busy_platform(stage: Stage) -> None:
    await asked(stage)
    await stage.double.aclose()
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    stage.clock.now += 370
    stage.double.faults.next("response_url", rate_limited=True)
    assert await stage.channel.unpicked(stage.clock.now) == 0
    assert await stage.channel.unpicked(stage.clock.now) == 1


async def test_a_reply_that_cannot_be_rescued_is_told_to_a_person(stage: Stage) -> None:
    await asked(stage)
    await stage.double.aclose()
    await stage.channel.send(stage.reply("一"), "k1")
    await stage.channel.send(stage.reply("二"), "k2")
    stage.clock.now += 370
    with capture_logs() as logs:
        assert await stage.channel.unpicked(stage.clock.now) == 0
    assert [(log["event"], log["log_level"]) for log in logs] == [("wecom_bot.reply_lost", "error")]


async def test_silence_closes_the_bubble_with_a_neutral_word(stage: Stage) -> None:
    await asked(stage, "哈哈")
    assert await stage.channel.hush([stage.inbox.messages[0].reply_handle]) == 1
    await stage.double.settled()
    assert bubbles(stage) == ["好的。"]


async def test_a_picture_is_fetched_and_decrypted(stage: Stage) -> None:
    url = stage.double.add_media(b"made-up picture")
    await stage.double.say(chat_id=None, user_id="zhangsan", msgtype="image", image={"url": url})
    attachment = stage.inbox.messages[0].attachments[0]
    assert await stage.channel.media(attachment.reference) == b"made-up picture"
    with pytest.raises(GiveUp):
        await stage.channel.media("https://ww-aibot-img.example.invalid/abc")
    assert MEDIA["pkcs7_block"]


async def test_a_redelivery_opens_no_second_bubble(stage: Stage) -> None:
    question = await asked(stage)
    await stage.double.redeliver(question)
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    await stage.double.settled()
    assert bubbles(stage) == ["三天内到账"]
    assert stage.double.violations == []


async def test_a_line_of_many_members_gets_a_bubble_for_each_asker(stage: Stage) -> None:
    for user in ("ann", "bob"):
        await asked(stage, group=True, user=user)
    await stage.channel.send(stage.reply("明天", *stage.inbox.messages), "k1")
    await stage.double.settled()
    assert sorted(bubbles(stage)) == sorted(["已一并答复，请您看另一条回复。", "明天"])


def test_the_channel_says_what_it_can(stage: Stage) -> None:
    assert (stage.channel.platform, stage.channel.account) == ("wecom_bot", "main")
    assert stage.channel.capabilities.max_text_bytes == 20480
    assert stage.channel.capabilities.resend_is_safe
