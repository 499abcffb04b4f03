"""Sending: once and whole, honest about the platform's limits, silent where a person holds the customer."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from channels.channel import Receipt
from channels.wechat_api import HumanHolds, WechatFile, WechatRefused, WindowClosed
from channels.wecom_kf import forget_sends, outbound, part_sends
from channels.wecom_kf.files import plain_picture
from channels.wecom_kf.part_sends import Progress
from conversation.card_press import CardAnswer
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.identity import Room, RoomKind
from conversation.messages import Attachment, Button, Card, ContentKind, EventKind, OutgoingMessage, RoomEvent
from store.database import Database
from store.schema import part_sends as table
from tests.channels.wecom_kf.stage import KF, OTHER_KF, Stage, sample, staged, with_settings

RATING = Card("满意吗", (), (Button("满意", {"rate": "1"}), Button("不满意", {"rate": "0"})))
LONG = "请您先检查电源，再长按开机键十秒。" * 100  # 5100 bytes: three messages
WINDOW_S = 48 * 3600


async def asked(stage: Stage, text: str = "在吗", sender: str = "alice") -> None:
    await stage.deliver(text, f"m{len(stage.double.ledger.messages)}", sender=sender)


async def test_an_answer_reaches_the_customer_and_the_receipt_is_its_msgid(stage: Stage) -> None:
    await asked(stage)
    receipt = await stage.channel.send(stage.reply("您好"), "k1")
    assert receipt == Receipt(outbound.msgid_of("k1", 0))
    assert stage.double.ledger.message(receipt.platform_message_id).text == "您好"
    (call,) = stage.calls("send")
    assert call.keys() == sample("send_msg_text_request").keys()


async def test_the_answer_goes_to_the_account_that_was_asked(stage: Stage) -> None:
    await stage.double.say("alice", "在吗", open_kfid=OTHER_KF)
    await stage.channel.settled()
    await stage.channel.send(OutgoingMessage(stage.intake.messages[-1].room, text="您好"), "k1")
    assert stage.double.shown("alice", open_kfid=OTHER_KF) == ["您好"]
    assert stage.double.shown("alice", open_kfid=KF) == []


async def test_five_messages_are_allowed_and_the_sixth_is_told_why_not(stage: Stage) -> None:
    await asked(stage)
    for number in range(5):
        await stage.channel.send(stage.reply(f"第{number}句"), f"k{number}")
    with pytest.raises(WindowClosed, match=r"five messages .* 95001") as closed:
        await stage.channel.send(stage.reply("第六句"), "k5")
    assert closed.value.code == sample("send_msg_error_95001")["errcode"]
    await asked(stage, "还有呢")
    await stage.channel.send(stage.reply("第六句"), "k5")
    assert len(stage.double.shown("alice")) == 6


async def test_after_two_days_the_customer_must_write_first(stage: Stage) -> None:
    await asked(stage)
    stage.clock.now += WINDOW_S + 1
    with pytest.raises(WindowClosed, match=r"48 hours .* 95002") as closed:
        await stage.channel.send(stage.reply("您好"), "k1")
    assert closed.value.code == sample("send_msg_error_95002")["errcode"]


async def test_somebody_who_only_came_in_cannot_be_written_to(stage: Stage) -> None:
    await stage.double.enter("alice")
    await stage.channel.settled()
    with pytest.raises(WindowClosed, match="customer must write first: errcode 95013") as closed:
        await stage.channel.send(stage.reply("您好"), "k1")
    assert closed.value.code == sample("send_msg_error_95013")["errcode"]


async def test_where_a_person_holds_the_customer_the_bot_is_silent(stage: Stage) -> None:
    await asked(stage)
    stage.double.hire("lisi")
    await stage.double.staff_take("lisi", "alice")
    with pytest.raises(HumanHolds) as held:
        await stage.channel.send(stage.reply("您好"), "k1")
    assert held.value.code == sample("send_msg_error_95018")["errcode"]
    assert stage.double.shown("alice") == []


async def test_an_unknown_customer_is_a_refusal_of_its_own(stage: Stage) -> None:
    with pytest.raises(WechatRefused, match="40096") as refused:
        await stage.channel.send(stage.reply("您好", sender="nobody"), "k1")
    assert not isinstance(refused.value, WindowClosed | HumanHolds)


async def test_a_room_of_another_platform_is_refused_before_any_call(stage: Stage) -> None:
    with pytest.raises(GiveUp, match="no chat"):
        await stage.channel.send(OutgoingMessage(Room("feishu", "main", "oc_1", RoomKind.GROUP), text="您好"), "k1")
    assert stage.calls("send") == []


@pytest.mark.parametrize("duplicate_code", [40058, 95032, 1])
async def test_a_repeat_after_a_lost_answer_is_sent_once_whatever_the_platform_calls_it(
    stage: Stage, duplicate_code: int
) -> None:
    stage.double.endpoints.duplicate_code = duplicate_code
    await asked(stage)
    stage.double.faults.next("send", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(stage.reply("只说一次"), "k1")
    receipt = await stage.channel.send(stage.reply("只说一次"), "k1")
    assert receipt.platform_message_id == outbound.msgid_of("k1", 0)
    assert await stage.shown("alice") == ["只说一次"]


async def test_the_same_unknown_code_on_a_first_try_is_a_refusal(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.next("send", times=2, code=95032)
    for _ in range(2):
        with pytest.raises(WechatRefused, match="95032"):
            await stage.channel.send(stage.reply("您好"), "k1")
    await stage.channel.send(stage.reply("您好"), "k1")
    assert await stage.shown("alice") == ["您好"]


async def test_a_repeat_that_is_refused_for_a_known_reason_says_that_the_first_may_have_arrived(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.next("send", http=502)
    with pytest.raises(FateUnknown):
        await stage.channel.send(stage.reply("您好"), "k1")
    stage.clock.now += WINDOW_S + 1
    with pytest.raises(WindowClosed, match="may have arrived"):
        await stage.channel.send(stage.reply("您好"), "k1")


async def test_busy_in_between_does_not_forget_that_the_first_try_is_open(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.next("send", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(stage.reply("只说一次"), "k1")
    stage.double.faults.next("send", code=-1)
    with pytest.raises(RetryLater):
        await stage.channel.send(stage.reply("只说一次"), "k1")
    await stage.channel.send(stage.reply("只说一次"), "k1")
    assert await stage.shown("alice") == ["只说一次"]


async def test_a_process_that_dies_in_the_middle_of_a_send_leaves_a_trace_of_it(stage: Stage) -> None:
    await asked(stage)
    await stage.database.write(partial(part_sends.begin, key="k1", now=stage.clock.now))
    await stage.channel.send(stage.reply("只说一次"), "k1")  # what the dead one may have sent, sent again
    await stage.channel.send(stage.reply("只说一次"), "k1")
    assert await stage.shown("alice") == ["只说一次"]


async def test_a_long_answer_goes_on_where_it_stopped(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.every(2, "send", code=-1)
    with pytest.raises(RetryLater):
        await stage.channel.send(stage.reply(LONG), "k1")
    assert len(await stage.shown("alice")) == 1
    stage.double.faults.clear()
    await stage.channel.send(stage.reply(LONG), "k1")
    assert "".join(await stage.shown("alice")) == LONG
    assert len(stage.calls("send")) == 4


async def test_a_part_whose_answer_is_lost_is_not_said_twice(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.every(2, "send", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(stage.reply(LONG), "k1")
    stage.double.faults.clear()
    await stage.channel.send(stage.reply(LONG), "k1")
    assert "".join(await stage.shown("alice")) == LONG


async def test_an_answer_that_ran_out_of_messages_tells_how_far_it_came(stage: Stage) -> None:
    await asked(stage)
    for number in range(3):
        await stage.channel.send(stage.reply("嗯"), f"k{number}")
    with pytest.raises(WindowClosed, match="2 of 3 parts went out"):
        await stage.channel.send(stage.reply(LONG), "long")
    await asked(stage, "请继续")
    await stage.channel.send(stage.reply(LONG), "long")
    assert "".join((await stage.shown("alice"))[3:]) == LONG


async def test_a_send_begins_anew_when_its_rows_are_gone(stage: Stage) -> None:
    await asked(stage)
    await stage.channel.send(stage.reply("您好"), "k1")
    count = select(func.count()).select_from(table)
    assert await stage.database.write(partial(forget_sends, now=stage.clock.now)) == 0
    assert await stage.database.write(partial(forget_sends, now=stage.clock.now + 4 * 86_400)) == 1
    assert await stage.database.read(lambda connection: connection.execute(count).scalar()) == 0


async def test_how_far_a_send_got_is_kept_alike_on_both_databases(database: Database) -> None:
    begin = partial(part_sends.begin, key="k1", now=100.0)
    assert await database.write(begin) == Progress(0, False)
    assert await database.write(begin) == Progress(0, True)
    await database.write(partial(part_sends.note, key="k1", progress=Progress(2, uncertain=False)))
    assert await database.write(begin) == Progress(2, False)
    assert await database.write(begin) == Progress(2, True)
    assert await database.write(partial(part_sends.forget, before=100.0)) == 0
    assert await database.write(partial(part_sends.forget, before=101.0)) == 1


async def test_a_card_is_a_menu_and_pressing_it_is_a_press(stage: Stage) -> None:
    stage.presses.answer = CardAnswer("感谢您的评价")
    await asked(stage)
    receipt = await stage.channel.send(stage.reply(card=RATING), "k1")
    await stage.double.press("alice", receipt.platform_message_id, 1)
    await stage.channel.settled()
    (press,) = stage.presses.seen
    assert (press.value, press.operator.person_id) == ({"rate": "0"}, "alice")
    assert len(stage.intake.messages) == 1
    assert (await stage.shown("alice"))[-1] == "感谢您的评价"


async def test_a_press_that_means_nothing_to_the_desk_is_a_line_of_the_customer(stage: Stage) -> None:
    stage.presses.answer = CardAnswer("看不懂", good=False)
    await asked(stage)
    receipt = await stage.channel.send(stage.reply(card=RATING), "k1")
    await stage.double.press("alice", receipt.platform_message_id, 0)
    await stage.channel.settled()
    assert stage.intake.messages[-1].text == "满意"
    assert len(await stage.shown("alice")) == 1


async def test_without_a_desk_a_press_is_a_line_too(stage: Stage) -> None:
    await asked(stage)
    receipt = await stage.channel.send(stage.reply(card=RATING), "k1")
    process = stage.beside(stage.intake)
    stage.double.announces = False
    await stage.double.press("alice", receipt.platform_message_id, 0)
    await process.catch_up(stage.clock.now)
    assert stage.intake.messages[-1].text == "满意"
    await process.close()


async def test_a_menu_that_the_platform_refuses_goes_as_words(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.next("send", code=95009)
    await stage.channel.send(stage.reply(card=RATING), "k1")
    assert await stage.shown("alice") == ["【满意吗】"]


async def test_words_before_a_refused_menu_are_not_repeated(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.every(2, "send", code=95009)
    card = Card("工单", (("情况", "屏幕有划痕。" * 80),), RATING.buttons)
    await stage.channel.send(stage.reply(card=card), "k1")
    assert len(await stage.shown("alice")) == 1


async def test_pictures_and_files_of_the_platform_follow_the_words(stage: Stage) -> None:
    await asked(stage)
    media_id = stage.double.endpoints.add_file(b"picture-bytes")
    attachments = (Attachment(ContentKind.IMAGE, media_id), Attachment(ContentKind.FILE, media_id, "说明书.pdf"))
    receipt = await stage.channel.send(stage.reply("请看图", attachments=attachments), "k1")
    assert receipt.platform_message_id == outbound.msgid_of("k1", 0)
    assert [call["msgtype"] for call in stage.calls("send")] == ["text", "image", "file"]
    assert (await stage.channel.send(stage.reply(attachments=attachments[:1]), "k2")).platform_message_id


async def test_a_file_of_another_platform_is_fetched_and_uploaded(sqlite_database: Database) -> None:
    async def fetch(attachment: Attachment) -> WechatFile | None:
        return WechatFile(b"from elsewhere", "application/pdf") if attachment.reference.startswith("om_") else None

    async with staged(sqlite_database, fetch=fetch) as stage:
        await asked(stage)
        foreign = Attachment(ContentKind.FILE, "om_1/file_2", "保修卡.pdf")
        await stage.channel.send(stage.reply("请查收", attachments=(foreign,)), "k1")
        media_id = stage.calls("send")[-1]["file"]["media_id"]
        assert stage.double.endpoints.file(media_id)[0] == b"from elsewhere"


async def test_a_file_that_cannot_go_out_does_not_hide_that_the_words_did(stage: Stage) -> None:
    await asked(stage)
    with pytest.raises(GiveUp, match="the words went out, a file did not"):
        await stage.channel.send(stage.reply("请看", attachments=(Attachment(ContentKind.IMAGE, ""),)), "k1")
    with pytest.raises(WechatRefused, match="40007"):
        await stage.channel.send(stage.reply(attachments=(Attachment(ContentKind.IMAGE, "gone"),)), "k2")


async def test_a_link_gets_a_picture_that_is_uploaded_once(stage: Stage) -> None:
    await asked(stage)
    link = Attachment(ContentKind.LINK, "https://help.example.invalid/r", "退款流程")
    for key in ("k1", "k2"):
        await stage.channel.send(stage.reply(attachments=(link,)), key)
    assert [call["msgtype"] for call in stage.calls("send")] == ["link", "link"]
    assert len(stage.calls("media_upload")) == 1
    thumb = stage.calls("send")[0]["link"]["thumb_media_id"]
    assert stage.double.endpoints.file(thumb) == (plain_picture(), "image/png", "link.png")


async def test_a_link_without_a_picture_is_a_menu_entry(stage: Stage) -> None:
    await asked(stage)
    stage.double.faults.next("media_upload", code=40006)
    link = Attachment(ContentKind.LINK, "https://help.example.invalid/r", "退款流程")
    await stage.channel.send(stage.reply(attachments=(link,)), "k1")
    assert await stage.shown("alice") == ["退款流程"]


async def test_a_customers_file_can_be_fetched_until_it_is_gone(stage: Stage) -> None:
    media_id = stage.double.endpoints.add_file(b"screen", "image/png", "屏幕.png")
    await stage.double.say("alice", msgtype="image", media_id=media_id)
    await stage.channel.settled()
    (attachment,) = stage.intake.messages[-1].attachments
    file = await stage.channel.media(attachment.reference)
    assert (file.content, file.media_type, file.name) == (b"screen", "image/png", "屏幕.png")
    stage.clock.now += 4 * 86_400
    with pytest.raises(WechatRefused, match="40007"):
        await stage.channel.media(attachment.reference)
    with pytest.raises(GiveUp):
        await stage.channel.media("")


async def test_nothing_to_say_is_said_to_nobody(stage: Stage) -> None:
    await asked(stage)
    assert await stage.channel.send(stage.reply(), "k1") == Receipt()
    with pytest.raises(GiveUp, match="neither text nor card"):
        await stage.channel.send(stage.reply("  \n"), "k2")
    assert stage.calls("send") == []


async def entered(stage: Stage) -> RoomEvent:
    await stage.double.enter("alice", scene="web")
    await stage.channel.settled()
    event = stage.intake.items[-1]
    assert isinstance(event, RoomEvent)
    assert event.kind is EventKind.ENTERED
    return event


async def test_who_enters_is_greeted_once_by_the_code_of_the_event(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(greeting="您好，请问有什么可以帮您？")) as stage:
        event = await entered(stage)
        assert await stage.shown("alice") == ["您好，请问有什么可以帮您？"]
        assert not event.reply_handle  # the code is used up
        assert stage.calls("send_on_event")[0].keys() == sample("send_msg_on_event_welcome_request").keys()
        assert await stage.double.enter("alice") == ""  # the platform gives no second code within two days
        await stage.double.announce()
        await stage.channel.settled()
        assert len(await stage.shown("alice")) == 1


async def test_a_greeting_that_comes_too_late_is_not_tried(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(greeting="您好")) as stage:
        stage.double.announces = False
        await stage.double.enter("alice")
        stage.clock.now += 20
        stage.double.announces = True
        await stage.double.announce()
        await stage.channel.settled()
        assert len(stage.intake.items) == 1
        assert stage.calls("send_on_event") == []


async def test_a_greeting_that_fails_stops_nothing(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(greeting="您好")) as stage:
        stage.double.faults.next("send_on_event", code=40058)
        with capture_logs() as logs:
            await entered(stage)
            await asked(stage)
        assert [log["why"] for log in logs if log["event"] == "wecom_kf.not_said"] == ["greeting"]
        assert [one.text for one in stage.intake.messages] == ["在吗"]


async def test_an_answer_to_the_event_itself_goes_by_its_code(stage: Stage) -> None:
    event = await entered(stage)
    welcome = OutgoingMessage(event.room, text="欢迎光临", handles=(event.reply_handle,))
    await stage.channel.send(welcome, "k1")
    assert (stage.calls("send"), await stage.shown("alice")) == ([], ["欢迎光临"])


async def test_a_code_that_was_used_leaves_the_ordinary_way(stage: Stage) -> None:
    event = await entered(stage)
    await asked(stage)
    answer = OutgoingMessage(event.room, text="欢迎光临", handles=(event.reply_handle,))
    await stage.channel.send(answer, "k1")
    await stage.channel.send(OutgoingMessage(event.room, text="还有", handles=(event.reply_handle,)), "k2")
    assert [len(stage.calls(name)) for name in ("send_on_event", "send")] == [2, 1]
    assert await stage.shown("alice") == ["欢迎光临", "还有"]


async def test_a_message_that_fails_after_all_names_the_receipt(stage: Stage) -> None:
    await asked(stage)
    receipt = await stage.channel.send(stage.reply("您好"), "k1")
    await stage.double.fail(receipt.platform_message_id, 10)
    await stage.channel.settled()
    event = stage.intake.items[-1]
    assert isinstance(event, RoomEvent)
    assert (event.kind, event.subject) == (EventKind.UNDELIVERED, receipt.platform_message_id)
    assert event.detail["reason"] == "customer_refuses"


async def test_the_apps_accounts_and_links_can_be_asked_for(stage: Stage) -> None:
    assert list(await stage.channel.accounts()) == [KF, OTHER_KF]
    assert (await stage.channel.contact_link(KF, "web_help")).endswith("enc_scene=web_help")


async def test_a_wrong_secret_is_told_without_the_secret(sqlite_database: Database) -> None:
    async with staged(sqlite_database) as stage:
        stage.double.tokens._app = ("other", "other")
        with pytest.raises(WechatRefused, match="corpid or appid is wrong") as refused:
            await stage.channel.accounts()
        assert not [secret for secret in stage.secrets if secret and secret in str(refused.value)]


async def test_settings_show_no_secret() -> None:
    shown = repr(with_settings())
    settings: Any = with_settings()
    assert not [one for one in (settings.secret, settings.token, settings.encoding_aes_key) if one in shown]
