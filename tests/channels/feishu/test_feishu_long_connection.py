"""Events over the websocket, answers through the API: without keys, without a public address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.channel import Connects
from channels.feishu import FeishuChannel, FeishuSettings
from conversation.card_press import CardAnswer
from conversation.errors import BadSettings, RefusedInput, RetryLater
from conversation.messages import Button, Card, OutgoingMessage
from tests.channels.feishu.long_stage import long_staged, until
from tests.channels.feishu.stage import GROUP, Stage, staged

LI_SI: dict[str, Any] = {"user_open_id": "ou_lisi", "user_name": "李四"}
CARD = Card("需要人工", (("客户", "李四"),), (Button("接单", {"action": "take"}),))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with long_staged() as one:
        await one.channel.start()
        await until(lambda: not one.channel.problem)
        yield one
        assert one.double.violations == []


async def test_a_message_comes_over_the_connection_and_is_answered(stage: Stage) -> None:
    said = await stage.double.say(chat_id="oc_room", text="怎么退货？", mention_bot=True, **LI_SI)

    message = stage.inbox.messages[0]
    assert (message.message_id, message.text, message.mentions_bot) == (said, "怎么退货？", True)
    assert stage.double.pending_redeliveries == []
    await stage.channel.send(OutgoingMessage(message.room, text="七天内可以退。", reply_to=said), "k1")
    assert stage.double.ledger.texts("oc_room", "bot") == ["七天内可以退。"]


async def test_a_long_event_in_many_frames_arrives_whole(stage: Stage) -> None:
    stage.double.sockets.piece_bytes = 100
    text = "很长的问题。" * 200

    await stage.double.say(chat_id="oc_room", text=text, **LI_SI)

    assert stage.inbox.messages[0].text == text


async def test_a_pressed_card_is_answered_over_the_connection(stage: Stage) -> None:
    card_id = (await stage.channel.send(OutgoingMessage(GROUP, card=CARD), "k1")).platform_message_id
    stage.desk.answer = CardAnswer("已接单", card=Card("处理中", (("客户", "李四"),)))

    answer = await stage.double.press(card_id, "ou_wang", "客服小王", {"action": "take"})

    assert answer["toast"]["content"] == "已接单"
    assert stage.desk.pressed_with[0].value == {"action": "take"}
    assert stage.double.ledger.message(card_id).updated


async def test_an_event_that_cannot_be_kept_is_delivered_again_and_kept_once(stage: Stage) -> None:
    stage.inbox.broken = RetryLater("the database is gone")
    said = await stage.double.say(chat_id="oc_room", text="怎么退货？", **LI_SI)
    assert [event.key for event in stage.double.pending_redeliveries] == [said]

    stage.inbox.broken = None
    stage.clock.now += 15
    await stage.double.advance_redeliveries()
    await stage.double.redeliver(said)

    assert [one.message_id for one in stage.inbox.messages] == [said]
    assert stage.double.pending_redeliveries == []


async def test_an_event_of_an_unknown_kind_is_acknowledged(stage: Stage) -> None:
    assert await stage.double._delivery.send("im.something.new_v9", {"a": 1})


async def test_an_event_of_another_app_is_not_taken(stage: Stage) -> None:
    payload = stage.double.event("im.message.receive_v1", {})
    payload["header"]["app_id"] = "cli_somebody_else"

    answer = await stage.double.sockets.post(payload, "k", "im.message.receive_v1")

    assert answer is not None
    assert answer.status_code == 500
    assert stage.inbox.items == []


async def test_a_broken_connection_comes_back(stage: Stage) -> None:
    await stage.double.sockets.cut()

    await until(lambda: stage.double.sockets.connections == 2 and not stage.channel.problem)
    await stage.double.say(chat_id="oc_room", text="还在吗？", **LI_SI)

    assert [one.text for one in stage.inbox.messages] == ["还在吗？"]


async def test_pings_go_out_as_often_as_the_platform_asks() -> None:
    async with long_staged() as stage:
        stage.double.sockets.ping_every_s = 1
        await stage.channel.start()

        await until(lambda: stage.double.sockets.pings >= 2)
        assert stage.double.sockets.connections == 1


@pytest.mark.parametrize("code", [1, 403, 1000040350])
async def test_a_refused_address_is_asked_for_again_and_the_reason_is_told(code: int) -> None:
    async with long_staged() as stage:
        stage.double.faults.next("endpoint", code=code)
        await stage.channel.start()

        await until(lambda: f"code {code}" in stage.channel.problem)
        if code == 1:
            await until(lambda: not stage.channel.problem)


async def test_a_wrong_secret_is_told_without_showing_it() -> None:
    async with long_staged(app_secret="made-up-wrong") as stage:
        await stage.channel.start()

        await until(lambda: "check app_id, app_secret" in stage.channel.problem)
        assert "made-up-wrong" not in stage.channel.problem


async def test_two_processes_share_the_events_of_one_app(stage: Stage) -> None:
    other = FeishuChannel(
        stage.channel._line._settings,
        intake=stage.inbox,
        presses=stage.desk,
        client=stage.web,
        clock=stage.clock,
    )
    assert isinstance(other, Connects)
    await other.start()
    await until(lambda: stage.double.sockets.connected == 2)

    for number in range(12):
        await stage.double.say(chat_id="oc_room", text=str(number), **LI_SI)

    assert [one.text for one in stage.inbox.messages] == [str(number) for number in range(12)]
    await other.close()
    assert stage.double.sockets.connections == 2


async def test_nobody_may_post_to_an_app_on_the_long_connection(stage: Stage) -> None:
    with pytest.raises(RefusedInput) as refused:
        await stage.channel.receive(None)  # type: ignore[arg-type]
    assert refused.value.status == 404


async def test_a_channel_with_webhooks_opens_no_connection(stage: Stage) -> None:
    async with staged() as webhooks:
        await webhooks.channel.start()
        assert webhooks.channel.problem == ""
        assert webhooks.double.sockets.connections == 0
        assert webhooks.calls("endpoint") == []


def test_only_webhooks_need_keys() -> None:
    FeishuSettings("main", "cli", "s", "", "", mode="long_connection")
    with pytest.raises(BadSettings, match="encrypt_key"):
        FeishuSettings("main", "cli", "s", "", "")
