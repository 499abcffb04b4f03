"""Messages out: texts, cards, files, links and groups, through real calls with all that goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from channels.channel import Channel, Receipt
from channels.wechat_api import WechatFile, WechatRefused
from channels.wecom_app import WecomAppChannel
from channels.wecom_app.member_limits import PER_HOUR, PER_MINUTE, MemberLimits
from channels.wecom_app.outbound import DESCRIPTION_LIMIT, TITLE_LIMIT, to_parts
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Attachment, Button, Card, ContentKind, OutgoingMessage
from store.database import Database
from tests.channels.wecom_app.stage import PAYLOADS, SETTINGS, Clock, Stage, staged, with_settings

ZHANG = Room("wecom_app", "main", "zhangsan", RoomKind.DIRECT)
HELLO = OutgoingMessage(ZHANG, "工单 TK-1001 已分配给您")
CARD = Card("需要人工协助吗", (("工单", "TK1001"),), (Button("转人工", {"action": "hand_off"}),), note="订单 12345")


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


async def test_a_text_goes_out_as_the_sample_says(stage: Stage) -> None:
    channel: Channel = stage.channel
    receipt = await channel.send(HELLO, "k1")
    assert stage.double.ledger.message(receipt.platform_message_id).text == HELLO.text
    (call,) = stage.calls("send")
    theirs = sample("send_text_request")
    assert set(call.body) <= set(theirs)
    assert (call.body["touser"], call.body["agentid"], call.body["text"]) == ("zhangsan", 1000002, theirs["text"])
    assert call.body["enable_duplicate_check"] == 1


async def test_markdown_is_plain_words_unless_the_settings_want_it(sqlite_database: Database) -> None:
    words = OutgoingMessage(ZHANG, "**新工单** TK-1001\n- 紧急")
    async with staged(sqlite_database) as stage:
        await stage.channel.send(words, "k1")
        assert await stage.shown("zhangsan") == ["新工单 TK-1001\n· 紧急"]
    async with staged(sqlite_database, with_settings(words="markdown")) as stage:
        await stage.channel.send(words, "k2")
        (call,) = stage.calls("send")
        assert call.body["msgtype"] == sample("send_markdown_request")["msgtype"]
        assert call.body["markdown"]["content"] == words.text


async def test_a_card_with_buttons_goes_out_as_the_sample_says(stage: Stage) -> None:
    await stage.channel.send(OutgoingMessage(ZHANG, card=CARD), "k1")
    (call,) = stage.calls("send")
    theirs, ours = sample("send_template_card_request")["template_card"], call.body["template_card"]
    assert set(theirs) <= set(ours)
    assert (ours["card_type"], ours["source"]) == (theirs["card_type"], theirs["source"])
    assert json.loads(ours["button_list"][0]["key"]) == {"action": "hand_off"}
    assert stage.double.violations == []


async def test_a_card_without_buttons_goes_out_as_words(stage: Stage) -> None:
    card = replace(CARD, buttons=())
    await stage.channel.send(OutgoingMessage(ZHANG, card=card), "k1")
    assert await stage.shown("zhangsan") == [card.as_text()]


async def test_a_card_that_is_refused_goes_out_as_words_once(stage: Stage) -> None:
    stage.double.faults.next("send", code=40058)
    await stage.channel.send(OutgoingMessage(ZHANG, card=CARD), "k1")
    await stage.channel.send(OutgoingMessage(ZHANG, card=CARD), "k1")
    assert await stage.shown("zhangsan") == [CARD.as_text()]


async def test_the_words_of_a_refused_card_go_on_where_a_busy_platform_stopped_them(stage: Stage) -> None:
    long = replace(CARD, sections=(("情况", "请您先检查电源，再长按开机键十秒。" * 60),))
    stage.double.faults.next("send", code=40058)
    stage.double.faults.every(3, "send", rate_limited=True)
    with pytest.raises(RetryLater):
        await stage.channel.send(OutgoingMessage(ZHANG, card=long), "k1")
    stage.double.faults.clear()
    stage.double.faults.next("send", code=40058)
    await stage.channel.send(OutgoingMessage(ZHANG, card=long), "k1")
    shown = await stage.shown("zhangsan")
    assert "".join("".join(shown).split()) == "".join(long.as_text().split())


async def test_a_long_text_goes_on_where_a_busy_platform_stopped_it(stage: Stage) -> None:
    text = "".join(f"第{number}条：请您先检查电源，再长按开机键十秒。" for number in range(150))
    stage.double.faults.every(2, "send", rate_limited=True)
    for _ in range(3):
        with pytest.raises(RetryLater):
            await stage.channel.send(OutgoingMessage(ZHANG, text), "k1")
    stage.double.faults.clear()
    await stage.channel.send(OutgoingMessage(ZHANG, text), "k1")
    assert "".join(await stage.shown("zhangsan")) == text
    assert stage.double.violations == []


async def test_a_lost_answer_is_asked_for_again_and_shown_once(stage: Stage) -> None:
    stage.double.faults.next("send", drop=True)
    receipt = await stage.channel.send(HELLO, "k1")
    assert receipt.platform_message_id
    assert await stage.shown("zhangsan") == [HELLO.text]
    assert len(stage.calls("send")) == 2


async def test_an_answer_that_is_lost_twice_leaves_the_fate_open(stage: Stage) -> None:
    stage.double.faults.next("send", times=2, drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(HELLO, "k1")
    assert await stage.shown("zhangsan") == [HELLO.text]
    assert not stage.channel.capabilities.resend_is_safe


async def test_the_same_words_may_be_said_again_after_a_minute(stage: Stage) -> None:
    await stage.channel.send(HELLO, "k1")
    stage.clock.now += 61
    await stage.channel.send(HELLO, "k2")
    assert await stage.shown("zhangsan") == [HELLO.text] * 2


async def test_a_member_outside_the_visible_range_is_no_success(stage: Stage) -> None:
    stage.double.api.members = {"lisi"}
    with pytest.raises(WechatRefused) as refused:
        await stage.channel.send(HELLO, "k1")
    assert refused.value.code == 81013


async def test_an_errcode_of_zero_may_still_mean_that_nobody_was_reached(stage: Stage) -> None:
    stage.double.api.unlicensed = {"zhangsan"}
    with pytest.raises(WechatRefused, match="licence"):
        await stage.channel.send(HELLO, "k1")
    assert await stage.shown("zhangsan") == []


async def test_the_sample_of_a_partial_failure_is_no_success(stage: Stage) -> None:
    def platform(request: httpx.Request) -> httpx.Response:
        token = {"access_token": "T", "expires_in": 7200}
        return httpx.Response(200, json=token if request.url.path.endswith("gettoken") else sample("send_response"))

    terms = {"intake": stage.intake, "presses": stage.presses, "database": stage.database, "clock": stage.clock}
    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as client:
        with pytest.raises(WechatRefused, match="visible range"):
            await WecomAppChannel(SETTINGS, client=client, **terms).send(HELLO, "k1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "error"),
    [("error_45009", RetryLater), ("error_60020", GiveUp), ("error_81013", GiveUp), ("error_42001", None)],
)
async def test_every_error_sample_has_its_consequence(stage: Stage, name: str, error: type[Exception] | None) -> None:
    told = sample(name)
    stage.double.faults.next("send", code=told["errcode"], msg=told["errmsg"])
    if error is None:
        await stage.channel.send(HELLO, "k1")
        assert await stage.shown("zhangsan") == [HELLO.text]
        return
    with pytest.raises(error):
        await stage.channel.send(HELLO, "k1")


async def test_a_wrong_secret_is_said_and_nothing_is_sent(sqlite_database: Database) -> None:
    async with staged(sqlite_database) as stage:
        told = sample("gettoken_error_40001")
        stage.double.faults.next("token", code=told["errcode"], msg=told["errmsg"])
        with pytest.raises(GiveUp, match="secret is wrong"):
            await stage.channel.send(HELLO, "k1")
        assert stage.calls("send") == []


async def test_ten_sends_at_once_need_one_token(stage: Stage) -> None:
    sends = (stage.channel.send(replace(HELLO, text=f"第{n}句"), f"k{n}") for n in range(10))
    await asyncio.gather(*sends)
    assert len(stage.calls("token")) == 1
    assert len(await stage.shown("zhangsan")) == 10


async def test_the_thirty_first_message_of_a_minute_waits_instead_of_vanishing(stage: Stage) -> None:
    for number in range(PER_MINUTE):
        await stage.channel.send(replace(HELLO, text=f"第{number}句"), f"k{number}")
    late = replace(HELLO, text="第三十一句")
    with pytest.raises(RetryLater) as waiting:
        await stage.channel.send(late, "late")
    assert waiting.value.after_s == pytest.approx(60)
    stage.clock.now += waiting.value.after_s or 0
    await stage.channel.send(late, "late")
    assert len(await stage.shown("zhangsan")) == PER_MINUTE + 1
    assert stage.double.violations == []


def test_a_member_gets_a_thousand_an_hour_and_quiet_ones_are_forgotten() -> None:
    clock = Clock()
    limits = MemberLimits(clock)
    for _ in range(PER_HOUR):
        clock.now += 3
        limits.take("zhangsan")
    with pytest.raises(RetryLater, match="1000"):
        limits.take("zhangsan")
    limits.take("lisi")
    clock.now += 3601
    limits.take("lisi")
    assert list(limits._sent) == ["lisi"]


async def test_files_go_out_by_media_id_or_from_a_url_of_the_platform(stage: Stage) -> None:
    media_id = stage.double.add_media(b"PNG" * 100)
    picture = Attachment(ContentKind.IMAGE, media_id)
    uploaded = await stage.channel.upload(ContentKind.FILE, WechatFile(b"PDF" * 100, "application/pdf", "说明书.pdf"))
    await stage.channel.send(OutgoingMessage(ZHANG, "请看", attachments=(picture, uploaded)), "k1")
    assert await stage.shown("zhangsan") == ["请看", "[image]", "[file]"]
    assert stage.double.api.media[uploaded.reference][1] == b"PDF" * 100


async def test_a_file_of_a_trusted_url_is_put_at_the_platform_first(stage: Stage) -> None:
    media_id = stage.double.add_media(b"PNG" * 100)
    url = f"http://wecom.test/cgi-bin/media/get?media_id={media_id}"
    await stage.channel.send(OutgoingMessage(ZHANG, attachments=(Attachment(ContentKind.IMAGE, url),)), "k1")
    assert await stage.shown("zhangsan") == ["[image]"]
    assert len(stage.double.api.media) == 2
    elsewhere = Attachment(ContentKind.IMAGE, "http://169.254.169.254/latest")
    with pytest.raises(GiveUp, match="extra_hosts"):
        await stage.channel.send(OutgoingMessage(ZHANG, attachments=(elsewhere,)), "k2")


@pytest.mark.parametrize(("kind", "size"), [(ContentKind.IMAGE, 5), (ContentKind.VOICE, (2 << 20) + 1)])
async def test_a_file_that_the_platform_would_not_take_is_not_uploaded(
    stage: Stage, kind: ContentKind, size: int
) -> None:
    with pytest.raises(GiveUp, match="takes no"):
        await stage.channel.upload(kind, WechatFile(b"x" * size, "image/png", "a.png"))
    assert stage.calls("upload") == []


async def test_a_link_goes_out_as_a_text_card_with_the_words_on_it(stage: Stage) -> None:
    link = Attachment(ContentKind.LINK, "https://desk.example.invalid/t/1001", "新工单 TK-1001")
    await stage.channel.send(OutgoingMessage(ZHANG, "客户反馈屏幕划痕", attachments=(link,)), "k1")
    (call,) = stage.calls("send")
    theirs = sample("send_textcard_request")["textcard"]
    assert call.body["textcard"] == {name: theirs[name] for name in ("title", "description", "url")}


async def test_a_link_beside_many_words_has_its_own_card(stage: Stage) -> None:
    link = Attachment(ContentKind.LINK, "https://desk.example.invalid/t/1001", "题" * 100)
    await stage.channel.send(OutgoingMessage(ZHANG, "长" * 300, attachments=(link,)), "k1")
    words, card = stage.calls("send")
    assert words.body["msgtype"] == "text"
    assert len(card.body["textcard"]["title"].encode()) <= TITLE_LIMIT
    assert len(card.body["textcard"]["description"].encode()) <= DESCRIPTION_LIMIT
    assert stage.double.violations == []


async def test_a_message_can_be_taken_back(stage: Stage) -> None:
    receipt = await stage.channel.send(HELLO, "k1")
    await stage.channel.recall(receipt.platform_message_id)
    assert stage.double.ledger.message(receipt.platform_message_id).recalled
    (call,) = stage.calls("recall")
    assert set(call.body) == set(sample("recall_request"))


async def test_a_group_is_made_once_and_hears_what_is_sent(stage: Stage) -> None:
    theirs = sample("appchat_create_request")
    terms = (theirs["name"], theirs["owner"], theirs["userlist"], theirs["chatid"])
    group = await stage.channel.create_group(*terms)
    assert await stage.channel.create_group(*terms) == group
    assert group.room_id == "wecom_app:main:ticketTK1001"
    assert stage.calls("appchat_create")[0].body == theirs
    await stage.channel.send(OutgoingMessage(group, "客户补充了照片", at=Person("lisi", "李四")), "k1")
    (call,) = stage.calls("appchat_send")
    assert set(call.body) == set(sample("appchat_send_request"))
    assert await stage.shown("ticketTK1001") == ["@李四 客户补充了照片"]


async def test_a_group_whose_making_was_not_answered_is_found(stage: Stage) -> None:
    stage.double.faults.next("appchat_create", drop=True)
    group = await stage.channel.create_group("工单", "zhangsan", ["zhangsan", "lisi"], "t1")
    assert group.chat_id == "t1"


async def test_a_group_that_cannot_be_made_is_refused(stage: Stage) -> None:
    with pytest.raises(GiveUp):
        await stage.channel.create_group("工单", "zhangsan", ["zhangsan"], "t1")
    stage.double.faults.next("appchat_create", refuse=True)
    with pytest.raises(FateUnknown):
        await stage.channel.create_group("工单", "zhangsan", ["zhangsan", "lisi"], "t1")


async def test_a_group_gets_a_card_as_words_and_a_lost_answer_is_not_guessed(stage: Stage) -> None:
    group = await stage.channel.create_group("工单", "zhangsan", ["zhangsan", "lisi"], "t1")
    await stage.channel.send(OutgoingMessage(group, card=CARD), "k1")
    assert await stage.shown("t1") == [CARD.as_text()]
    stage.double.faults.next("appchat_send", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(OutgoingMessage(group, "再看看"), "k2")
    assert len(stage.calls("appchat_send")) == 2


async def test_nothing_to_say_is_nothing_sent(stage: Stage) -> None:
    assert await stage.channel.send(OutgoingMessage(ZHANG), "k1") == Receipt()
    with pytest.raises(GiveUp, match="neither"):
        await stage.channel.send(OutgoingMessage(ZHANG, attachments=(Attachment(ContentKind.STICKER, "x"),)), "k2")
    assert stage.calls("send") == []


def test_a_button_that_cannot_carry_its_value_is_refused() -> None:
    card = replace(CARD, buttons=(Button("转人工", {"action": "长" * 1000}),))
    with pytest.raises(GiveUp, match="1024"):
        to_parts(OutgoingMessage(ZHANG, card=card), "k1", SETTINGS)


def test_a_card_with_long_rows_keeps_its_words() -> None:
    card = replace(CARD, sections=(("很长的名字啊", "值" * 100),))
    (part,) = to_parts(OutgoingMessage(ZHANG, card=card), "k1", SETTINGS)
    assert part.body["template_card"]["sub_title_text"] == f"很长的名字啊：{'值' * 100}"
