"""Bytes in, bytes out: what the platform gets for each callback, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from channels.wecom_bot.inbound import stream_id_of
from channels.wecom_bot.webhook import BODY_LIMIT
from conversation.errors import RetryLater
from conversation.messages import Button, Card, ContentKind, EventKind, RoomEvent
from store.database import Database
from tests.channels.wecom_bot.stage import CASES, Stage, sample, staged, with_settings

LOOKING = "正在为您查询…"


async def test_the_url_check_is_answered_with_the_bare_plaintext(stage: Stage) -> None:
    case = CASES["url_verify"]
    answer = await stage.http.get(f"http://ours.test/callback?{case['query_string']}")
    assert (answer.status_code, answer.text) == (200, case["expect_response_body"])
    assert await stage.double.verify_url()


@pytest.mark.parametrize("change", [{"echostr": ""}, {"msg_signature": "0" * 40}, {"timestamp": "1"}])
async def test_a_wrong_url_check_is_refused(stage: Stage, change: dict[str, str]) -> None:
    answer = await stage.http.get("http://ours.test/callback", params={**CASES["url_verify"]["query"], **change})
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "inbound"])
async def test_every_inbound_vector_is_taken_as_posted(stage: Stage, name: str) -> None:
    case = CASES[name]
    answer = await stage.http.post(
        f"http://ours.test{'/callback'}?{case['query_string']}",
        content=case["body"],
        headers={"content-type": case["content_type"]},
    )
    assert answer.status_code == 200
    if answer.content:
        assert stage.opened(answer)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["kind"] == "negative"])
async def test_every_negative_vector_is_refused_as_posted(stage: Stage, name: str) -> None:
    case = CASES[name]
    query = {field: str(case[field]) for field in ("msg_signature", "timestamp", "nonce")}
    answer = await stage.http.post(
        "http://ours.test/callback", params=query, content=json.dumps({"encrypt": case["encrypt"]})
    )
    assert answer.status_code == 403
    assert stage.inbox.kept == {}


async def test_a_message_is_kept_before_it_is_acknowledged_with_a_bubble(stage: Stage) -> None:
    payload = sample("inbound_text_single")
    answer = await stage.answer(payload)
    stream_id = stream_id_of("main", payload["msgid"])
    assert answer == {
        "msgtype": "stream",
        "stream": {"id": stream_id, "finish": False, "content": LOOKING, "feedback": {"id": stream_id}},
    }
    assert stage.inbox.messages[0].reply_handle["stream_id"] == stream_id


async def test_without_a_durable_inbox_there_is_no_acknowledgement(stage: Stage) -> None:
    stage.inbox.broken = RetryLater("gone")
    assert (await stage.post(sample("inbound_text_single"))).status_code == 503
    stage.inbox.broken = None
    answer = await stage.answer(sample("inbound_text_single"))
    assert answer is not None
    assert answer["stream"]["finish"] is False


async def test_a_message_that_could_not_be_kept_holds_no_bubble_of_its_lane(stage: Stage) -> None:
    stage.inbox.broken = RetryLater("gone")
    assert (await stage.post({**sample("inbound_text_single"), "msgid": "M1"})).status_code == 503
    stage.inbox.broken = None
    assert await stage.answer({**sample("inbound_text_single"), "msgid": "M2"}) is not None


async def test_a_burst_is_acknowledged_with_one_bubble(stage: Stage) -> None:
    payloads = [{**sample("inbound_text_single"), "msgid": f"M{number}"} for number in range(4)]
    assert (await stage.answer(payloads[0]) or {})["stream"]
    assert [await stage.answer(payload) for payload in payloads[1:]] == [None, None, None]
    assert len(stage.inbox.messages) == 4


async def test_messages_at_the_same_moment_still_get_one_bubble_per_lane(stage: Stage) -> None:
    payloads = [
        {**sample("inbound_text_single"), "msgid": f"M{number}", "from": {"userid": f"u{number % 3}"}}
        for number in range(12)
    ]
    answers = await asyncio.gather(*(stage.answer(payload) for payload in payloads))
    assert sum(answer is not None for answer in answers) == 3
    assert len(stage.inbox.messages) == 12


async def test_a_redelivered_message_gets_the_same_bubble_and_is_kept_once(stage: Stage) -> None:
    payload = sample("inbound_text_group")
    first = await stage.answer(payload)
    assert await stage.answer(payload) == first
    assert len(stage.inbox.messages) == 1
    await stage.channel.send(stage.reply("明天发货"), "k1")
    again = await stage.answer(payload)
    assert again is not None
    assert (again["stream"]["finish"], again["stream"]["content"]) == (True, "明天发货")


async def test_a_group_line_that_does_not_name_the_bot_is_kept_and_gets_no_bubble(stage: Stage) -> None:
    payload = {**sample("inbound_text_group"), "text": {"content": "@小明 吃饭去"}}
    with capture_logs() as logs:
        assert await stage.answer(payload) is None
    assert [log["event"] for log in logs] == ["wecom_bot.not_our_name"]
    assert stage.inbox.messages[0].mentions_others == ("小明",)


async def test_a_refresh_shows_how_far_the_answer_is(stage: Stage) -> None:
    first = await stage.answer(sample("inbound_text_single"))
    assert first is not None
    refresh = {**sample("inbound_stream_refresh"), "stream": {"id": first["stream"]["id"]}}
    assert (await stage.answer(refresh) or {})["stream"] == {
        "id": first["stream"]["id"],
        "finish": False,
        "content": LOOKING,
    }
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    assert (await stage.answer(refresh) or {})["stream"] == {
        "id": first["stream"]["id"],
        "finish": True,
        "content": "三天内到账",
    }


async def test_a_bubble_without_an_answer_ends_with_an_honest_line(stage: Stage) -> None:
    first = await stage.answer(sample("inbound_text_single"))
    assert first is not None
    refresh = {**sample("inbound_stream_refresh"), "stream": {"id": first["stream"]["id"]}}
    stage.clock.now += 331
    late = await stage.answer(refresh)
    assert late is not None
    assert late["stream"]["finish"] is True
    assert "还没有查到结果" in late["stream"]["content"]


async def test_a_bubble_of_another_process_is_answered_from_the_database(
    stage: Stage, sqlite_database: Database
) -> None:
    first = await stage.answer(sample("inbound_text_single"))
    assert first is not None
    refresh = {**sample("inbound_stream_refresh"), "stream": {"id": first["stream"]["id"]}}
    async with staged(sqlite_database, clock=stage.clock) as other:
        assert (await other.answer(refresh) or {})["stream"]["content"] == LOOKING
        await stage.channel.send(stage.reply("三天内到账"), "k1")
        last = (await other.answer(refresh) or {})["stream"]
        assert (last["finish"], last["content"]) == (True, "三天内到账")


async def test_a_lane_is_free_again_when_another_process_ended_its_bubble(
    stage: Stage, sqlite_database: Database
) -> None:
    await stage.answer({**sample("inbound_text_single"), "msgid": "M1"})
    async with staged(sqlite_database, clock=stage.clock) as other:
        await other.channel.send(stage.reply("三天内到账"), "k1")
    assert await stage.answer({**sample("inbound_text_single"), "msgid": "M2"}) is None
    stage.clock.now += 2
    assert await stage.answer({**sample("inbound_text_single"), "msgid": "M3"}) is not None


async def test_a_lane_is_free_again_as_soon_as_its_answer_left(stage: Stage) -> None:
    await stage.answer({**sample("inbound_text_single"), "msgid": "M1"})
    await stage.channel.send(stage.reply("三天内到账"), "k1")
    assert await stage.answer({**sample("inbound_text_single"), "msgid": "M2"}) is not None


async def test_a_stream_that_nobody_knows_ends_in_time(stage: Stage) -> None:
    assert (await stage.answer(sample("inbound_stream_refresh")) or {})["stream"]["finish"] is False
    stage.clock.now += 330
    assert (await stage.answer(sample("inbound_stream_refresh")) or {})["stream"]["finish"] is True


async def test_a_redelivered_line_of_a_burst_stays_without_a_bubble(stage: Stage) -> None:
    payloads = [{**sample("inbound_text_single"), "msgid": f"M{number}"} for number in range(3)]
    assert await stage.answer(payloads[0])
    assert await stage.answer(payloads[1]) is None
    await stage.channel.send(stage.reply("好", *stage.inbox.messages), "k1")
    assert await stage.answer(payloads[1]) is None
    assert await stage.answer(payloads[2])


async def test_a_line_of_a_burst_knows_the_bubble_of_its_answer(stage: Stage) -> None:
    for number in range(2):
        await stage.answer({**sample("inbound_text_single"), "msgid": f"M{number}"})
        stage.clock.now += 1
    first, second = (message.reply_handle for message in stage.inbox.messages)
    assert (second["stream_id"], second["opened_at"]) == (first["stream_id"], first["opened_at"])
    assert float(second["response_expires"]) == float(first["response_expires"]) + 1


async def test_after_five_minutes_without_an_answer_the_next_message_gets_a_bubble(stage: Stage) -> None:
    await stage.answer({**sample("inbound_text_single"), "msgid": "M1"})
    stage.clock.now += 300
    assert await stage.answer({**sample("inbound_text_single"), "msgid": "M2"})


async def test_who_enters_the_chat_is_greeted_each_time_the_platform_asks(stage: Stage) -> None:
    for _ in range(2):
        assert await stage.answer(sample("event_enter_chat")) == sample("reply_text_welcome")
    assert len(stage.inbox.kept) == 1


async def test_without_a_greeting_entering_is_only_noted(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(greeting="")) as stage:
        assert await stage.answer(sample("event_enter_chat")) is None
        assert [item.kind for item in stage.inbox.kept.values()] == [EventKind.ENTERED]


async def test_a_thumb_is_kept_and_answered_with_an_empty_body(stage: Stage) -> None:
    answer = await stage.post(sample("event_feedback"))
    assert (answer.status_code, answer.content) == (200, b"")
    event = next(iter(stage.inbox.kept.values()))
    assert isinstance(event, RoomEvent)
    assert (event.kind, event.subject) == (EventKind.DISLIKED, "fb-7f3c9a2e")


async def test_a_pressed_card_is_decided_by_the_desk_and_replaced_at_once(stage: Stage) -> None:
    stage.presses.card = Card("已转人工", (("订单", "12345"),), (Button("已转人工", {"do": "none"}),))
    answer = await stage.answer(sample("event_template_card_button"))
    assert answer is not None
    assert answer["response_type"] == "update_template_card"
    assert answer["template_card"]["task_id"] == "task_20251009_0002"
    assert answer["template_card"]["main_title"] == {"title": "已转人工"}
    assert stage.presses.seen[0].value == {"key": "handoff_human"}
    assert stage.inbox.kept == {}


@pytest.mark.parametrize("payload", [{"msgtype": "event", "event": {"eventtype": "comet"}}, {"x": 1}, {}])
async def test_what_says_nothing_is_answered_with_an_empty_body(stage: Stage, payload: dict[str, Any]) -> None:
    answer = await stage.post({"msgid": "M1", "from": {"userid": "u"}, **payload} if payload else payload)
    assert answer.status_code == 200


async def test_an_unknown_type_of_message_is_kept_to_be_answered(stage: Stage) -> None:
    answer = await stage.answer({**sample("inbound_text_single"), "msgtype": "hologram"})
    assert answer is not None
    assert stage.inbox.messages[0].kind is ContentKind.OTHER


@pytest.mark.parametrize("text", ["", "😀😀", "退" * 100_000])
async def test_odd_texts_are_taken(stage: Stage, text: str) -> None:
    with capture_logs() as logs:
        assert await stage.answer({**sample("inbound_text_single"), "text": {"content": text}})
    assert [log["event"] for log in logs] == (["wecom_bot.text_cut"] if len(text) > 20_000 else [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (BODY_LIMIT + 1), 413),
        (b"", 400),
        (b"\xff\xfe{", 400),
        (b"[]", 400),
        (b'{"encrypt": 5}', 400),
        (b'{"encrypt": "\xff"}', 400),
        (b"{}", 400),
        (b"[" * 100_000, 400),
    ],
)
async def test_a_malformed_body_is_refused(stage: Stage, body: bytes, status: int) -> None:
    _, query = stage.double.seal("{}")
    assert (await stage.double.deliver_raw(body, query)).status_code == status


@pytest.mark.parametrize("inside", ["no json", "[]", "5", "null"])
async def test_a_signed_envelope_around_no_object_is_refused(stage: Stage, inside: str) -> None:
    assert (await stage.post(inside)).status_code == 400


async def test_invalid_utf8_inside_the_envelope_is_refused(stage: Stage) -> None:
    import base64

    from playground.wecom_envelope import WecomEnvelope
    from tests.channels.wecom_bot.stage import SETTINGS

    envelope = WecomEnvelope(SETTINGS.token, SETTINGS.encoding_aes_key)
    raw = b'{"msgid": "\xff"}'
    packed = b"r" * 16 + len(raw).to_bytes(4, "big") + raw
    encrypt = base64.b64encode(envelope.encrypt_media(packed)).decode()
    at = str(int(stage.clock.now))
    query = {"msg_signature": envelope.signature(at, "n", encrypt), "timestamp": at, "nonce": "n"}
    assert (await stage.double.deliver_raw(json.dumps({"encrypt": encrypt}), query)).status_code == 400


async def test_the_very_same_request_is_refused_the_second_time(stage: Stage) -> None:
    body, query = stage.double.seal(json.dumps(sample("inbound_text_single")))
    assert (await stage.double.deliver_raw(body, query)).status_code == 200
    assert (await stage.double.deliver_raw(body, query)).status_code == 403


async def test_an_old_request_is_refused(stage: Stage) -> None:
    body, query = stage.double.seal(json.dumps(sample("inbound_text_single")))
    stage.clock.now += 301
    assert (await stage.double.deliver_raw(body, query)).status_code == 403


async def test_two_bots_on_one_callback_are_noticed(stage: Stage) -> None:
    with capture_logs() as logs:
        await stage.answer({**sample("inbound_text_single"), "aibotid": "somebody-else"})
    assert [log["event"] for log in logs] == ["wecom_bot.other_bot"]
