"""What customers of a 小程序 see, played through the platform's double."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from channels.mini_program import MiniProgramChannel
from channels.mp_notice import Notice, NoticeKind
from channels.wechat_api import WindowClosed
from conversation.errors import BadSettings, GiveUp
from conversation.messages import Attachment, ContentKind, EventKind, OutgoingMessage, RoomEvent
from store.database import Database
from tests.channels.mini_program.stage import FOLDER, with_settings
from tests.channels.mp_stage import MpStage, staged
from tests.channels.official_account.stage import SETTINGS as ACCOUNT_SETTINGS

ENTERED = "user_enter_tempsession"
NOTICE = Notice("TEMPLATE_ID_MADE_UP", "thing1", NoticeKind.SUBSCRIPTION, link="pages/ticket?id=1001")


async def test_an_answer_is_a_call_and_the_callback_is_acknowledged_at_once(stage: MpStage) -> None:
    await stage.double.say("alice", "什么时候到货")
    await stage.channel.send(stage.reply("预计周五到货"), "k1")
    assert stage.ways("alice") == [("custom", "预计周五到货")]
    sent = next(call for call in stage.double.ledger.calls if call.call == "custom_send").body
    assert sent == {"touser": "alice", "msgtype": "text", "text": {"content": "预计周五到货"}}
    assert stage.double.violations == []


async def test_who_opens_the_chat_is_greeted_once_however_often_that_is_delivered(sqlite_database: Database) -> None:
    settings = with_settings(greeting="您好，请问有什么可以帮您？")
    async with staged(settings, sqlite_database, folder=FOLDER, form="json") as stage:
        key = await stage.double.act("alice", ENTERED, SessionFrom="order_id=12345&from=detail")
        for _ in range(3):
            await stage.double.redeliver(key)
        async with asyncio.timeout(5):
            while not stage.double.shown("alice"):
                await asyncio.sleep(0.01)
        (event,) = stage.intake.items
        assert isinstance(event, RoomEvent)
        assert event.kind is EventKind.ENTERED
        await asyncio.sleep(0.05)
        assert stage.double.shown("alice") == ["您好，请问有什么可以帮您？"]


async def test_opening_the_chat_allows_two_messages_for_a_minute(stage: MpStage) -> None:
    await stage.double.act("alice", ENTERED)
    hello = OutgoingMessage(stage.room("alice"), text="您好")
    for number in range(2):
        await stage.channel.send(hello, f"k{number}")
    with pytest.raises(WindowClosed, match="45047"):
        await stage.channel.send(hello, "k2")
    stage.clock.advance(61)
    with pytest.raises(WindowClosed, match="45015"):
        await stage.channel.send(hello, "k3")


async def test_the_typing_sign_comes_at_once_and_goes_when_nothing_is_said(sqlite_database: Database) -> None:
    async with staged(with_settings(typing=True), sqlite_database, folder=FOLDER, form="json") as stage:
        await stage.double.say("alice", "什么时候到货")
        async with asyncio.timeout(5):
            while not stage.double.followers.typing.get("alice"):
                await asyncio.sleep(0.01)
            await stage.channel.send(stage.reply(""), "k1")
            while stage.double.followers.typing["alice"]:
                await asyncio.sleep(0.01)
        assert stage.double.shown("alice") == []


async def test_pictures_links_and_pages_are_sent(sqlite_database: Database) -> None:
    settings = with_settings(thumb_media_id="thumb-1", thumb_url="https://help.example.invalid/t.png")
    async with staged(settings, sqlite_database, folder=FOLDER, form="json") as stage:
        stage.double.add_file(b"thumb", media_id="thumb-1")
        await stage.double.say("alice", "什么时候到货")
        picture = await stage.channel.upload("a.png", b"png", "image/png")
        sent = (
            Attachment(ContentKind.IMAGE, picture),
            Attachment(ContentKind.LINK, "https://help.example.invalid/", "退换货说明"),
            Attachment(ContentKind.CARD, "pages/ticket?id=1001", "我的工单"),
        )
        await stage.channel.send(OutgoingMessage(stage.room("alice"), text="请看", attachments=sent), "k1")
        shown = stage.double.ledger.of("alice", "bot")
        assert [one.kind for one in shown] == ["text", "image", "link", "miniprogrampage"]
        assert shown[2].extra["content"]["thumb_url"] == "https://help.example.invalid/t.png"
        assert shown[3].extra["content"] == {
            "title": "我的工单",
            "pagepath": "pages/ticket?id=1001",
            "thumb_media_id": "thumb-1",
        }


async def test_a_page_without_a_picture_to_show_and_a_voice_are_not_sent(stage: MpStage) -> None:
    await stage.double.say("alice", "什么时候到货")
    sent = (Attachment(ContentKind.CARD, "pages/a"), Attachment(ContentKind.VOICE, "m"))
    with pytest.raises(GiveUp, match="the words went out, card, voice did not"):
        await stage.channel.send(OutgoingMessage(stage.room("alice"), text="请看", attachments=sent), "k1")
    assert stage.double.shown("alice") == ["请看"]


async def test_a_picture_of_a_customer_is_fetched(stage: MpStage) -> None:
    picture = stage.double.add_file(b"\xff\xd8picture")
    await stage.double.say("alice", msgtype="image", PicUrl="http://mmbiz.example.invalid/p/2", MediaId=picture)
    (attachment,) = stage.intake.messages[0].attachments
    assert (await stage.channel.media(attachment.reference)).content == b"\xff\xd8picture"


async def test_after_48_hours_a_short_answer_leaves_as_a_subscription_message(sqlite_database: Database) -> None:
    async with staged(with_settings(notice=NOTICE), sqlite_database, folder=FOLDER, form="json") as stage:
        stage.double.followers.templates.add("TEMPLATE_ID_MADE_UP")
        stage.double.followers.consents["alice"] = 1
        await stage.double.say("alice", "什么时候到货")
        stage.clock.advance(2 * 86_400 + 1)
        await stage.channel.send(stage.reply("预计周五到货"), "k1")
        assert stage.ways("alice") == [("subscription", "预计周五到货")]
        sent = next(call for call in stage.double.ledger.calls if call.call == "subscription").body
        assert (sent["page"], sent["data"]) == ("pages/ticket?id=1001", {"thing1": {"value": "预计周五到货"}})
        with pytest.raises(WindowClosed, match="43101"):
            await stage.channel.send(stage.reply("预计周六到货"), "k2")


async def test_a_template_message_is_no_way_out_of_a_mini_program(stage: MpStage) -> None:
    settings = with_settings(notice=Notice("T", "thing1"))
    async with httpx.AsyncClient() as client:
        with pytest.raises(BadSettings, match="subscription"):
            MiniProgramChannel(settings, intake=stage.intake, database=stage.database, client=client, clock=stage.clock)


async def test_the_same_account_name_and_key_on_two_platforms_share_no_claim(stage: MpStage) -> None:
    async with staged(ACCOUNT_SETTINGS, stage.database, folder="wechat_oa") as account:
        for one in (stage, account):
            await one.double.say("alice", "什么时候到货")
            await one.channel.send(one.reply("预计周五到货"), "k1")
            assert one.double.shown("alice") == ["预计周五到货"]
        assert await stage.channel.tidy(stage.clock() + 7300) == 1
        assert await account.channel.tidy(stage.clock() + 7300) == 1
