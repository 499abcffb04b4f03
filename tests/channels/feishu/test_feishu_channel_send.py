"""Messages out: through the real REST calls into the double, with everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from channels.channel import Channel, Receipt
from channels.feishu import FeishuChannel
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Attachment, Button, Card, ContentKind, OutgoingMessage
from tests.channels.feishu.stage import GROUP, SETTINGS, Clock, Desk, Inbox, Stage, staged

HELLO = OutgoingMessage(GROUP, "您好，已为您查询")
CARD = Card("需要人工", (("客户", "李四"),), (Button("接单", {"action": "take"}),))
LI_SI: dict[str, Any] = {"user_open_id": "ou_lisi", "user_name": "李四"}


async def test_a_text_arrives_once_and_the_receipt_names_it(stage: Stage) -> None:
    channel: Channel = stage.channel
    receipt = await channel.send(HELLO, "k1")
    assert stage.double.ledger.message(receipt.platform_message_id).text == HELLO.text
    assert await channel.send(HELLO, "k1") == receipt
    assert stage.double.ledger.texts("oc_room") == [HELLO.text]
    assert (channel.platform, channel.account) == ("feishu", "main")
    assert channel.capabilities.cards
    assert channel.capabilities.resend_is_safe


async def test_a_person_is_mentioned_and_hostile_words_mention_nobody(stage: Stage) -> None:
    stage.double.rooms.person("ou_lisi", "李四")
    text = '请看 <at user_id="all"></at>'
    receipt = await stage.channel.send(OutgoingMessage(GROUP, text, at=Person("ou_lisi", "李四")), "k1")
    assert stage.double.ledger.message(receipt.platform_message_id).text == '@李四 请看 ＜at user_id="all">＜/at>'


async def test_an_answer_joins_the_thread_of_what_it_answers(stage: Stage) -> None:
    said = await stage.double.say(chat_id="oc_room", text="在吗", **LI_SI)
    plain = await stage.channel.send(OutgoingMessage(GROUP, "在", reply_to=said), "k1")
    threaded = await stage.channel.send(OutgoingMessage(GROUP, "在的", reply_to=said, in_thread=True), "k2")
    assert stage.double.ledger.message(plain.platform_message_id).reply_to == said
    assert stage.double.ledger.message(plain.platform_message_id).thread_id is None
    assert stage.double.ledger.message(threaded.platform_message_id).thread_id is not None


async def test_a_card_arrives_and_is_changed_in_its_place(stage: Stage) -> None:
    card_id = (await stage.channel.send(OutgoingMessage(GROUP, card=CARD), "k1")).platform_message_id
    assert stage.double.button(card_id, "接单") == {"action": "take"}
    changed = OutgoingMessage(GROUP, card=replace(CARD, title="处理中", buttons=()), updates=card_id)
    assert await stage.channel.send(changed, "k2") == Receipt(card_id)
    assert stage.double.ledger.message(card_id).text.startswith("处理中")
    assert stage.double.buttons(card_id) == []


async def test_a_card_that_feishu_refuses_is_sent_as_words_once(stage: Stage) -> None:
    stage.double.faults.next("create", code=230099, msg="Failed to create card content")
    stage.double.faults.next("create", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(OutgoingMessage(GROUP, card=CARD), "k1")
    stage.double.faults.next("create", code=230099, msg="Failed to create card content")
    await stage.channel.send(OutgoingMessage(GROUP, card=CARD), "k1")
    assert stage.double.ledger.texts("oc_room") == ["【需要人工】\n客户：李四"]
    assert stage.double.violations == []


async def test_a_refused_change_of_a_card_is_told_beside_it(stage: Stage) -> None:
    card_id = (await stage.channel.send(OutgoingMessage(GROUP, card=CARD), "k1")).platform_message_id
    stage.double.faults.next("patch", code=230099, msg="no")
    receipt = await stage.channel.send(OutgoingMessage(GROUP, card=CARD, updates=card_id), "k2")
    assert stage.double.ledger.message(receipt.platform_message_id).reply_to == card_id


async def test_words_for_a_thread_whose_root_is_gone_still_reach_the_room(stage: Stage) -> None:
    card_id = (await stage.channel.send(OutgoingMessage(GROUP, card=CARD), "k1")).platform_message_id
    stage.double.rooms.recall(card_id)
    line = OutgoingMessage(GROUP, "客户：还在吗", reply_to=card_id, in_thread=True)
    receipt = await stage.channel.send(line, "k2")
    assert stage.double.ledger.message(receipt.platform_message_id).reply_to is None
    with pytest.raises(GiveUp, match="withdrawn"):
        await stage.channel.send(replace(line, in_thread=False), "k3")


async def test_an_expired_token_is_renewed_once_and_unseen(stage: Stage) -> None:
    await stage.channel.send(HELLO, "k1")
    stage.double.faults.next("create", expired_token=True)
    await stage.channel.send(HELLO, "k2")
    assert len(stage.calls("token")) == 2
    assert len(stage.double.ledger.texts("oc_room")) == 2
    stage.double.faults.next("create", times=2, expired_token=True)
    with pytest.raises(RetryLater):
        await stage.channel.send(HELLO, "k3")
    await stage.channel.send(HELLO, "k3")
    assert len(stage.double.ledger.texts("oc_room")) == 3


async def test_a_token_is_fetched_once_for_all_and_renewed_five_minutes_early(stage: Stage) -> None:
    await asyncio.gather(*(stage.channel.send(HELLO, f"k{number}") for number in range(5)))
    assert len(stage.calls("token")) == 1
    stage.clock.now += 7200 - 301
    await stage.channel.send(HELLO, "later")
    assert len(stage.calls("token")) == 1
    stage.clock.now += 2
    await stage.channel.send(HELLO, "later still")
    assert len(stage.calls("token")) == 2
    assert {call.code for call in stage.calls("create")} == {0}


async def test_wrong_credentials_are_given_up_in_words() -> None:
    async with staged() as stage, httpx.AsyncClient(transport=httpx.ASGITransport(app=stage.double.app)) as client:
        wrong = replace(SETTINGS, app_secret="guess")
        channel = FeishuChannel(wrong, intake=Inbox(), presses=Desk(), client=client, clock=Clock())
        with pytest.raises(GiveUp, match="app_secret is wrong"):
            await channel.send(HELLO, "k1")
        await channel.close()


async def test_too_fast_waits_as_long_as_feishu_says(stage: Stage) -> None:
    stage.double.faults.next("create", rate_limited=True, headers={"x-ogw-ratelimit-reset": "7"})
    with pytest.raises(RetryLater) as busy:
        await stage.channel.send(HELLO, "k1")
    assert busy.value.after_s == 7.0
    for number in range(5):
        await stage.channel.send(HELLO, f"n{number}")
    with pytest.raises(RetryLater) as own:
        await stage.channel.send(HELLO, "n5")
    assert own.value.after_s == 1.0


@pytest.mark.parametrize(
    ("fault", "error", "after_s"),
    [
        ({"code": 230020, "msg": "frequency limit"}, RetryLater, 1.0),
        ({"code": 11232}, RetryLater, 5.0),
        ({"http": 429}, RetryLater, 1.0),
        ({"http": 429, "headers": {"x-ogw-ratelimit-reset": "soon"}}, RetryLater, 1.0),
        ({"http": 503}, RetryLater, None),
        ({"refuse": True}, FateUnknown, None),
        ({"drop": True}, FateUnknown, None),
        ({"http": 502}, FateUnknown, None),
        ({"http": 500, "code": 1500}, FateUnknown, None),
        ({"http": 200}, FateUnknown, None),
        ({"code": 230002}, GiveUp, None),
        ({"code": 230001}, GiveUp, None),
        ({"code": 99991403}, GiveUp, None),
        ({"code": 99991672}, GiveUp, None),
        ({"http": 404}, GiveUp, None),
    ],
    ids=str,
)
async def test_every_failure_says_what_can_be_done(
    stage: Stage, fault: dict[str, Any], error: type[Exception], after_s: float | None
) -> None:
    stage.double.faults.next("create", **fault)
    with pytest.raises(error) as failed:
        await stage.channel.send(HELLO, "k1")
    assert type(failed.value).__mro__[0] is error or isinstance(failed.value, GiveUp)
    assert getattr(failed.value, "after_s", None) == after_s
    if error is not GiveUp:
        await stage.channel.send(HELLO, "k1")
        assert stage.double.ledger.texts("oc_room") == [HELLO.text]


async def test_a_feishu_that_cannot_be_reached_is_tried_later() -> None:
    settings = replace(SETTINGS, domain="http://127.0.0.1:9")
    async with httpx.AsyncClient(trust_env=False) as client:
        channel = FeishuChannel(settings, intake=Inbox(), presses=Desk(), client=client, clock=Clock())
        with pytest.raises(RetryLater):
            await channel.send(HELLO, "k1")
        await channel.close()


async def test_pictures_and_files_follow_the_words_as_messages_of_their_own(stage: Stage) -> None:
    image, invoice = stage.double.add_file(b"png"), stage.double.add_file(b"%PDF", "application/pdf", "file_v3_")
    await stage.double.say(chat_id="oc_staff", message_type="image", content={"image_key": image}, **LI_SI)
    await stage.double.say(
        chat_id="oc_staff", message_type="file", content={"file_key": invoice, "file_name": "发票.pdf"}, **LI_SI
    )
    attachments = tuple(one for heard in stage.inbox.messages for one in heard.attachments)
    message = OutgoingMessage(GROUP, "请查收", attachments=attachments)
    stage.double.faults.next("create", drop=True)
    with pytest.raises(FateUnknown):
        await stage.channel.send(message, "k1")
    receipt = await stage.channel.send(message, "k1")
    stage.clock.now += 1
    assert await stage.channel.send(message, "k1") == receipt
    sent = stage.double.ledger.of("oc_room", role="bot")
    assert [one.kind for one in sent] == ["text", "image", "file"]
    assert stage.double.violations == []
    picture = sent[1].extra["content"]["image_key"]
    assert picture != image
    assert stage.double._side.file(picture) == (b"png", "image/png")


async def test_a_file_that_cannot_go_says_whether_the_words_went(stage: Stage) -> None:
    foreign = Attachment(ContentKind.IMAGE, "https://wecom.example/media/1")
    with pytest.raises(GiveUp, match="words went out"):
        await stage.channel.send(OutgoingMessage(GROUP, "请看", attachments=(foreign,)), "k1")
    with pytest.raises(GiveUp, match="not one of Feishu's"):
        await stage.channel.send(OutgoingMessage(GROUP, attachments=(foreign,)), "k2")
    gone = Attachment(ContentKind.FILE, "om_1/file_v3_gone", "a.pdf")
    with pytest.raises(GiveUp, match="234003"):
        await stage.channel.send(OutgoingMessage(GROUP, attachments=(gone,)), "k3")


async def test_the_small_calls_work_against_the_platform(stage: Stage) -> None:
    said = await stage.double.say(chat_id="oc_room", text="在吗", **LI_SI)
    client = stage.channel._client
    reaction = await client.react(said, "OnIt")
    assert stage.double.ledger.message(said).reactions == ("OnIt",)
    await client.unreact(said, reaction)
    assert stage.double.ledger.message(said).reactions == ()
    sent = (await stage.channel.send(HELLO, "k1")).platform_message_id
    assert (await client.message(sent)).app_id == SETTINGS.app_id
    assert (await client.message(said)).open_id == "ou_lisi"
    await client.withdraw(sent)
    assert stage.double.ledger.message(sent).recalled
    assert (await client.bot()).name == "售后助手"
    assert (await client.user("ou_lisi")).name == "李四"


async def test_a_private_chat_may_be_written_to_by_the_persons_id(stage: Stage) -> None:
    room = Room("feishu", "main", "ou_lisi", RoomKind.DIRECT)
    receipt = await stage.channel.send(OutgoingMessage(room, "您好"), "k1")
    assert stage.double.ledger.message(receipt.platform_message_id).text == "您好"
