"""What customers of a 公众号 see, played through the platform's double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from channels.mp_notice import Notice, NoticeKind
from channels.wechat_api import WindowClosed
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.messages import Attachment, ContentKind, EventKind, OutgoingMessage, RoomEvent
from store.database import Database
from tests.channels.mp_stage import MpStage, staged
from tests.channels.official_account.stage import FOLDER, with_settings

DAY_S = 86_400.0
NOTICE = Notice("TEMPLATE_ID_MADE_UP", "thing2", fixed={"character_string1": "TK-1001"}, link="https://desk.example/t")
Opening = Callable[..., AbstractAsyncContextManager[MpStage]]


@pytest.fixture
def opened(sqlite_database: Database) -> Opening:
    @asynccontextmanager
    async def open_stage(**changes: Any) -> AsyncIterator[MpStage]:
        async with staged(with_settings(**changes), sqlite_database, folder=FOLDER) as one:
            one.double.followers.templates.add("TEMPLATE_ID_MADE_UP")
            yield one

    return open_stage


def files(*attachments: Attachment, text: str = "") -> Callable[[MpStage], OutgoingMessage]:
    return lambda stage: OutgoingMessage(stage.room("alice"), text=text, attachments=attachments)


async def test_who_subscribes_is_greeted_in_the_response_and_noted_once(opened: Opening) -> None:
    async with opened(greeting="您好，请直接描述您的问题。") as stage:
        key = await stage.double.act("alice", "subscribe", "qrscene_order_12345", Ticket="T")
        assert stage.ways("alice") == [("passive", "您好，请直接描述您的问题。")]
        await stage.double.redeliver(key)
        (event,) = stage.intake.items
        assert isinstance(event, RoomEvent)
        assert (event.kind, event.detail["text"]) == (EventKind.ENTERED, "order_12345")
        assert stage.double.violations == []


async def test_who_leaves_is_noted(stage: MpStage) -> None:
    await stage.double.act("alice", "unsubscribe")
    (event,) = stage.intake.items
    assert isinstance(event, RoomEvent)
    assert event.kind is EventKind.BOT_REMOVED


async def test_a_menu_button_that_asks_something_is_answered_like_a_question(opened: Opening) -> None:
    async with opened(menu={"MENU_REFUND": "怎么退款"}, hold_s=2.0) as stage:
        tapped = asyncio.create_task(stage.double.act("alice", "CLICK", "MENU_REFUND"))
        while not stage.intake.messages:
            await asyncio.sleep(0.01)
        assert stage.intake.messages[0].text == "怎么退款"
        await stage.channel.send(stage.reply("三天内到账"), "k1")
        await tapped
        assert stage.ways("alice") == [("passive", "三天内到账")]


@pytest.mark.parametrize(
    "event", ["VIEW", "LOCATION", "TEMPLATESENDJOBFINISH", "kf_create_session", "view_miniprogram"]
)
async def test_an_event_that_says_nothing_to_us_is_logged_and_acknowledged(stage: MpStage, event: str) -> None:
    with capture_logs() as logs:
        await stage.double.act("alice", event, "https://help.example.invalid/")
    assert [one["event"] for one in logs if one["log_level"] == "info"] == ["official_account.unsupported"]
    assert stage.intake.items == []
    assert [one.outcome for one in stage.double.ledger.deliveries] == ["answered"]


async def test_transfer_words_hand_the_customer_to_wechats_own_desk(opened: Opening) -> None:
    async with opened(transfer_words=("转客服",), kf_account="test1@example") as stage:
        await stage.double.say("alice", "转客服")
        assert stage.double.followers.at_desk == {"alice": "test1@example"}
        await stage.double.say("alice", "怎么转客服？")
        assert [message.text for message in stage.intake.messages] == ["怎么转客服？"]
        await stage.channel.hand_to_desk("alice", "test2@example")
        assert stage.double.followers.at_desk == {"alice": "test2@example"}
        assert stage.double.violations == []


async def test_the_typing_sign_is_shown_while_the_answer_is_thought_of(opened: Opening) -> None:
    async with opened(typing=True, hold_s=0.0) as stage:
        await stage.double.say("alice", "怎么退款")
        while not stage.double.followers.typing.get("alice"):
            await asyncio.sleep(0.01)
        assert stage.intake.messages[0].awaits
        await stage.channel.send(stage.reply(""), "k1")
        while stage.double.followers.typing["alice"]:
            await asyncio.sleep(0.01)


async def test_an_answer_at_once_needs_no_typing_sign(opened: Opening) -> None:
    async with opened(typing=True, hold_s=2.0) as stage:
        asked = asyncio.create_task(stage.double.say("alice", "怎么退款"))
        while not stage.intake.messages:
            await asyncio.sleep(0.01)
        await stage.channel.send(stage.reply("三天内到账"), "k1")
        await asked
        assert [call.call for call in stage.double.ledger.calls] == []


@pytest.mark.parametrize("code", [45080, 45081, 48001])
async def test_a_refused_typing_sign_harms_nothing(opened: Opening, code: int) -> None:
    async with opened(typing=True, hold_s=0.0) as stage:
        stage.double.faults.next("typing", code=code)
        await stage.double.say("alice", "怎么退款")
        await stage.channel.send(stage.reply("三天内到账"), "k1")
        assert stage.double.shown("alice") == ["三天内到账"]


async def test_five_answers_to_one_message_are_all_that_the_platform_takes(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    for number in range(5):
        await stage.channel.send(stage.reply(f"答{number}"), f"k{number}")
    with pytest.raises(WindowClosed, match="45047"):
        await stage.channel.send(stage.reply("答5"), "k5")
    await stage.double.say("alice", "还在吗")
    await stage.channel.send(stage.reply("答5"), "k5")
    assert stage.double.shown("alice") == [f"答{number}" for number in range(6)]


async def test_after_48_hours_without_a_template_a_person_hears_that_the_window_is_closed(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    stage.clock.advance(2 * DAY_S + 1)
    with pytest.raises(WindowClosed, match="48 hours"):
        await stage.channel.send(stage.reply("退款已到账"), "k1")
    assert stage.double.shown("alice") == []


async def test_after_48_hours_a_short_answer_leaves_as_a_template_message(opened: Opening) -> None:
    async with opened(notice=NOTICE) as stage:
        await stage.double.say("alice", "怎么退款")
        stage.clock.advance(2 * DAY_S + 1)
        for _ in range(2):
            await stage.channel.send(stage.reply("退款已到账"), "k1")
        assert stage.ways("alice") == [("template", "TK-1001 · 退款已到账")]
        sent = next(call for call in stage.double.ledger.calls if call.call == "template").body
        assert (sent["url"], set(sent)) == (
            "https://desk.example/t",
            {"touser", "template_id", "url", "client_msg_id", "data"},
        )


async def test_an_answer_too_long_for_the_template_is_announced_and_left_to_a_person(opened: Opening) -> None:
    async with opened(notice=NOTICE) as stage:
        await stage.double.say("alice", "怎么退款")
        stage.clock.advance(2 * DAY_S + 1)
        answer = stage.reply("您的退款申请已经审核通过，款项将在三个工作日内原路退回。")
        with pytest.raises(WindowClosed, match="could not hold all"):
            await stage.channel.send(answer, "k1")
        assert stage.ways("alice") == [("template", "TK-1001 · 您的退款申请已经审核通过，款项将在三个…")]


async def test_a_subscription_message_needs_the_customers_consent(opened: Opening) -> None:
    notice = Notice("TEMPLATE_ID_MADE_UP", "thing1", NoticeKind.SUBSCRIPTION, link="https://desk.example/t")
    async with opened(notice=notice) as stage:
        await stage.double.say("alice", "怎么退款")
        stage.clock.advance(2 * DAY_S + 1)
        with pytest.raises(WindowClosed, match="43101"):
            await stage.channel.send(stage.reply("退款已到账"), "k1")
        stage.double.followers.consents["alice"] = 1
        await stage.channel.send(stage.reply("退款已到账"), "k2")
        assert stage.ways("alice") == [("subscription", "退款已到账")]


async def test_the_account_speaks_as_the_persona_that_is_named(opened: Opening) -> None:
    async with opened(kf_account="test1@example") as stage:
        await stage.double.say("alice", "怎么退款")
        await stage.channel.send(stage.reply("三天内到账"), "k1")
        assert stage.double.ledger.of("alice", "bot")[0].extra["kf_account"] == "test1@example"


async def test_markdown_arrives_as_plain_words(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    await stage.channel.send(stage.reply("**三天内**到账，见[说明](https://help.example.invalid/r)"), "k1")
    assert stage.double.shown("alice") == ["三天内到账，见说明 https://help.example.invalid/r"]


async def test_a_picture_of_a_customer_is_fetched_and_one_of_ours_is_sent(stage: MpStage) -> None:
    picture = stage.double.add_file(b"\xff\xd8picture", name="照片.jpg")
    await stage.double.say("alice", msgtype="image", PicUrl="http://mmbiz.example.invalid/p/1", MediaId=picture)
    (attachment,) = stage.intake.messages[0].attachments
    fetched = await stage.channel.media(attachment.reference)
    assert (fetched.content, fetched.media_type, fetched.name) == (b"\xff\xd8picture", "image/jpeg", "照片.jpg")
    reference = await stage.channel.upload(ContentKind.IMAGE, "a.png", b"png", "image/png")
    message = files(Attachment(ContentKind.IMAGE, reference), text="请看图")(stage)
    await stage.channel.send(message, "k1")
    await stage.channel.send(message, "k1")
    assert [(one.kind, one.text) for one in stage.double.ledger.of("alice", "bot")] == [
        ("text", "请看图"),
        ("image", ""),
    ]


async def test_a_file_that_is_gone_is_given_up(stage: MpStage) -> None:
    with pytest.raises(GiveUp, match="40007"):
        await stage.channel.media("no-such-media")


async def test_a_link_is_sent_as_an_article(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    await stage.channel.send(
        files(Attachment(ContentKind.LINK, "https://help.example.invalid/", "退货说明"))(stage), "k1"
    )
    (shown,) = stage.double.ledger.of("alice", "bot")
    assert shown.extra["content"]["articles"][0]["title"] == "退货说明"


async def test_what_cannot_be_shown_is_told_after_the_words_are_out(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    with pytest.raises(GiveUp, match="the words went out, file did not"):
        await stage.channel.send(files(Attachment(ContentKind.FILE, "x"), text="请看附件")(stage), "k1")
    with pytest.raises(GiveUp, match="cannot send file"):
        await stage.channel.send(files(Attachment(ContentKind.FILE, "x"))(stage), "k2")
    assert stage.double.shown("alice") == ["请看附件"]


async def test_a_text_goes_on_after_the_part_that_the_platform_was_too_busy_for(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    text = "。".join(str(number) * 30 for number in range(100))
    answer = stage.reply(text)
    stage.double.faults.every(2, "custom_send", code=-1)
    for _ in range(3):
        try:
            await stage.channel.send(answer, "k1")
        except RetryLater:
            continue
    assert "".join(stage.double.shown("alice")) == text


async def test_a_lost_answer_is_never_said_again(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    stage.double.faults.next("custom_send", drop=True)
    for _ in range(3):
        with pytest.raises(FateUnknown):
            await stage.channel.send(stage.reply("三天内到账"), "k1")
    assert stage.double.shown("alice") == ["三天内到账"]


async def test_many_answers_at_once_share_one_token(stage: MpStage) -> None:
    for number in range(12):
        await stage.double.say(f"c{number}", "怎么退款")
    answers = [stage.reply("三天内到账", message) for message in stage.intake.messages]
    await asyncio.gather(*(stage.channel.send(answer, f"k{n}") for n, answer in enumerate(answers)))
    assert stage.double.tokens.issued == 1
    assert [call.call for call in stage.double.ledger.calls].count("token") == 1


async def test_an_address_that_is_not_allowed_is_told_to_the_operator(stage: MpStage) -> None:
    await stage.double.say("alice", "怎么退款")
    stage.double.faults.next("token", code=40164, msg="invalid ip 1.2.3.4, not in whitelist")
    with pytest.raises(GiveUp, match="IP allow-list"):
        await stage.channel.send(stage.reply("三天内到账"), "k1")
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    assert stage.double.shown("alice") == ["三天内到账"]


async def test_a_follower_is_joined_with_the_same_person_elsewhere_by_the_unionid(stage: MpStage) -> None:
    stage.double.follow("alice", "oMadeUpUnionId0001")
    follower = await stage.channel.follower("alice")
    assert (follower.unionid, follower.subscribed) == ("oMadeUpUnionId0001", True)
    with pytest.raises(GiveUp, match="40003"):
        await stage.channel.follower("nobody")
