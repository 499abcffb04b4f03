"""Callbacks in: real signed and encrypted bytes, every vector, redelivery, greetings, pressed cards."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from channels.wechat_xml import read_xml
from conversation.card_press import CardAnswer
from conversation.errors import BadSettings, RetryLater
from conversation.messages import Button, Card, EventKind, IncomingMessage, OutgoingMessage, RoomEvent
from playground.wecom_envelope import WecomEnvelope
from store.database import Database
from tests.channels.wecom_app.stage import CASES, SETTINGS, SIGNED_AT, Stage, staged, with_settings

CARD = Card("需要人工协助吗", (("工单", "TK1001"),), (Button("转人工", {"action": "hand_off"}),))


async def posted(stage: Stage, case: dict[str, Any]) -> httpx.Response:
    body = case.get("body") or f"<xml><Encrypt><![CDATA[{case['encrypt']}]]></Encrypt></xml>"
    query = {name: str(case[name]) for name in ("msg_signature", "timestamp", "nonce")}
    return await stage.double.deliver_raw(body, query)


async def test_the_url_check_is_answered_with_the_bare_plaintext(stage: Stage) -> None:
    case = CASES["url_verify"]
    answer = await stage.double._client.get(stage.double.callback_url, params=case["query"])
    assert (answer.status_code, answer.text) == (200, case["expect_response_body"])
    assert await stage.double.verify_url()


async def test_a_forged_url_check_is_refused(stage: Stage) -> None:
    query = {**CASES["url_verify"]["query"], "msg_signature": "0" * 40}
    assert (await stage.double._client.get(stage.double.callback_url, params=query)).status_code == 403


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "inbound"])
async def test_every_inbound_vector_is_heard(stage: Stage, name: str) -> None:
    assert (await posted(stage, CASES[name])).status_code == 200
    assert len(stage.intake.items) + len(stage.presses.seen) == 1


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "negative"])
async def test_every_negative_vector_is_refused(stage: Stage, name: str) -> None:
    assert (await posted(stage, CASES[name])).status_code == 403
    assert stage.intake.items == []


async def test_the_reply_vector_opens_as_our_replies_do(stage: Stage) -> None:
    sealed = read_xml(CASES["reply_text"]["response_body_xml"].encode())
    envelope = WecomEnvelope(SETTINGS.token, SETTINGS.encoding_aes_key, SETTINGS.corp_id)
    plain = envelope.open(sealed["Encrypt"], sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"])
    assert read_xml(plain.encode())["Content"] == "已收到，正在处理"
    assert set(sealed) == {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}


async def test_a_message_is_acknowledged_with_an_empty_body(stage: Stage) -> None:
    body, query = stage.double.seal(stage.double.plain("zhangsan", "text", {"Content": "在吗", "MsgId": 1}))
    answer = await stage.double.deliver_raw(body, query)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<xml/>", b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>"],
)
async def test_a_body_without_one_ciphertext_is_malformed(stage: Stage, body: bytes) -> None:
    _, query = stage.double.seal("x")
    assert (await stage.double.deliver_raw(body, query)).status_code == 400


async def test_a_huge_body_is_refused_before_it_is_read(stage: Stage) -> None:
    _, query = stage.double.seal("x")
    assert (await stage.double.deliver_raw(b"<xml>" + b"x" * (1 << 20), query)).status_code == 413


async def test_a_hostile_document_inside_a_right_envelope_is_refused(stage: Stage) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><xml><Content>&b;</Content></xml>'
    assert await stage.deliver_plain(bomb.encode()) == 403
    assert await stage.deliver_plain(b"no xml") == 400
    assert stage.intake.items == []


async def test_the_platform_asks_three_times_and_nothing_is_lost_while_the_inbox_is_gone(stage: Stage) -> None:
    stage.intake.broken = RetryLater("the database is gone")
    await stage.double.say("zhangsan", "我的打印机坏了")
    assert [one.outcome for one in stage.double.ledger.deliveries] == ["refused", "answered"]
    assert [message.text for message in stage.intake.messages] == ["我的打印机坏了"]
    assert stage.double.gave_up == []


async def test_the_very_same_bytes_are_taken_again_after_they_could_not_be_kept(stage: Stage) -> None:
    body, query = stage.double.seal(stage.double.plain("zhangsan", "text", {"Content": "在吗", "MsgId": 1}))
    stage.intake.broken = RetryLater("the database is gone")
    statuses = [(await stage.double.deliver_raw(body, query)).status_code for _ in range(3)]
    assert statuses == [503, 200, 403]
    assert len(stage.intake.messages) == 1


async def test_a_redelivered_event_is_kept_once(stage: Stage) -> None:
    event_id = await stage.double.event("zhangsan", "enter_agent")
    for _ in range(2):
        assert await stage.double.redeliver(event_id) == 200
    (entered,) = stage.intake.items
    assert isinstance(entered, RoomEvent)
    assert entered.kind is EventKind.ENTERED
    stage.clock.now += 60
    await stage.double.event("zhangsan", "enter_agent")
    assert len(stage.intake.items) == 2


async def test_who_joins_is_greeted_once_and_who_only_opens_the_app_is_not(stage: Stage) -> None:
    event_id = await stage.double.event("zhangsan", "subscribe")
    await stage.double.redeliver(event_id)
    await stage.double.event("zhangsan", "enter_agent")
    assert await stage.shown("zhangsan") == [SETTINGS.greeting]
    assert stage.double.violations == []


async def test_a_menu_button_asks_what_the_settings_say_and_an_unknown_one_is_logged(stage: Stage) -> None:
    await stage.double.event("zhangsan", "click", "MENU_HELP")
    (asked,) = stage.intake.items
    assert isinstance(asked, IncomingMessage)
    assert asked.text == "怎么使用"
    with capture_logs() as logs:
        await stage.double.event("zhangsan", "click", "MENU_OTHER")
    assert [log["event"] for log in logs] == ["wecom_app.event_unsupported"]
    assert len(stage.intake.items) == 1


async def card_of(stage: Stage) -> str:
    """A card in zhangsan's chat; gives its message id."""
    room = stage.room("zhangsan")
    receipt = await stage.channel.send(OutgoingMessage(room, card=CARD), "card-1")
    return receipt.platform_message_id


async def test_a_press_is_answered_by_a_button_that_says_what_was_done(stage: Stage) -> None:
    card_id = await card_of(stage)
    press_id = await stage.double.press(card_id, "zhangsan", "转人工")
    (press,) = stage.presses.seen
    assert press.value == {"action": "hand_off"}
    assert press.operator.person_id == "zhangsan"
    assert (stage.double.ledger.message(card_id).card or {})["replaced"] == "已转人工"
    await stage.double.redeliver(press_id)
    assert {one.press_id for one in stage.presses.seen} == {press.press_id}
    assert stage.double.violations == []


async def test_a_press_with_a_new_card_changes_the_card_by_its_code(stage: Stage) -> None:
    stage.presses.answer = CardAnswer("已接单", card=Card("处理中", (("工单", "TK1001"),), (Button("完成", {}),)))
    card_id = await card_of(stage)
    await stage.double.press(card_id, "zhangsan", "转人工")
    await stage.settled()
    changed = stage.double.ledger.message(card_id)
    assert changed.text.startswith("处理中")
    (call,) = stage.calls("update_card")
    assert call.body["userids"] == ["zhangsan"]
    assert call.body["template_card"]["task_id"] == stage.presses.seen[0].card_message_id


async def test_a_desk_that_fails_is_told_on_the_button(stage: Stage) -> None:
    async def broken(press: Any) -> CardAnswer:
        raise RetryLater("the database is gone")

    stage.presses.pressed = broken  # type: ignore[method-assign]
    card_id = await card_of(stage)
    await stage.double.press(card_id, "zhangsan", "转人工")
    assert (stage.double.ledger.message(card_id).card or {})["replaced"] == "没有成功"


async def test_a_slow_desk_is_not_waited_for_and_its_answer_is_shown_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.wecom_app.presses.ANSWER_WITHIN_S", 0.01)
    go = asyncio.Event()

    async def slow(press: Any) -> CardAnswer:
        await go.wait()
        return CardAnswer("已转人工")

    stage.presses.pressed = slow  # type: ignore[method-assign]
    card_id = await card_of(stage)
    await stage.double.press(card_id, "zhangsan", "转人工")
    assert "replaced" not in (stage.double.ledger.message(card_id).card or {})
    go.set()
    await stage.settled()
    assert (stage.double.ledger.message(card_id).card or {})["replaced"] == "已转人工"


async def test_another_apps_callback_is_remarked(stage: Stage) -> None:
    plain = stage.double.plain("zhangsan", "text", {"Content": "在吗", "MsgId": 1}).replace("1000002", "1000003")
    with capture_logs() as logs:
        assert await stage.deliver_plain(plain.encode()) == 200
    assert "wecom_app.other_app" in [log["event"] for log in logs]
    assert len(stage.intake.messages) == 1


async def test_a_picture_can_be_fetched_by_its_reference(stage: Stage) -> None:
    media_id = stage.double.add_media(b"PNG" * 100)
    await stage.double.send_in("zhangsan", "image", {"PicUrl": "http://wecom.test/p", "MediaId": media_id})
    (attachment,) = stage.intake.messages[0].attachments
    file = await stage.channel.media(attachment.reference)
    assert (file.content, file.media_type, file.name) == (b"PNG" * 100, "image/png", "photo.png")


async def test_after_a_key_change_the_previous_key_still_opens(sqlite_database: Database) -> None:
    newer = with_settings(encoding_aes_key="A" * 43, previous_key=SETTINGS.encoding_aes_key)
    async with staged(sqlite_database, newer) as stage:
        assert (await posted(stage, CASES["inbound_text"])).status_code == 200
        await stage.double.say("zhangsan", "新钥匙")
        assert [message.text for message in stage.intake.messages] == ["我要报修打印机", "新钥匙"]


async def test_old_callbacks_are_refused(stage: Stage) -> None:
    stage.clock.now = SIGNED_AT + 400
    assert (await posted(stage, CASES["inbound_text"])).status_code == 403


@pytest.mark.parametrize("change", [{"corp_id": ""}, {"secret": ""}, {"agent_id": 0}])
def test_settings_without_their_parts_say_where_to_find_them(change: dict[str, Any]) -> None:
    with pytest.raises(BadSettings, match="应用管理"):
        with_settings(**change)


def test_settings_do_not_show_their_secrets() -> None:
    for secret in (SETTINGS.secret, SETTINGS.token, SETTINGS.encoding_aes_key):
        assert secret not in repr(SETTINGS)
