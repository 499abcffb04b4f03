"""What a gateway posts: kept once, acknowledged honestly, refused with a reason."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from channels.request_body import BODY_LIMIT
from conversation.errors import GiveUp, RetryLater
from conversation.messages import EventKind, IncomingMessage, OutgoingMessage, RoomEvent
from store.database import Database
from tests.channels.bridge.stage import GROUP, OURS, PAYLOADS, SETTINGS, VECTORS, Stage, sample, staged, with_settings

KEPT = {"accepted": True, "duplicate": False}
KNOWN = {"accepted": True, "duplicate": True}


async def post(stage: Stage, payload: dict[str, Any]) -> dict[str, Any]:
    answer = await stage.double.deliver_raw(*stage.double.seal(payload))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_vector_is_taken_as_posted_and_answered_as_the_contract_says(stage: Stage) -> None:
    case = VECTORS["cases"][0]
    answer = await stage.http.post(OURS, content=case["body"].encode(), headers=case["headers"])
    assert (answer.status_code, answer.json()) == (200, json.loads((PAYLOADS / "ack.json").read_text()))
    assert [one.text for one in stage.intake.messages] == ["订单 12345 什么时候发货"]


@pytest.mark.parametrize("case", VECTORS["cases"][1:], ids=lambda case: case["name"])
async def test_a_wrong_vector_keeps_nothing(stage: Stage, case: dict[str, Any]) -> None:
    stage.clock.now = case["now"]
    answer = await stage.http.post(OURS, content=case["body"].encode(), headers=case["headers"])
    assert answer.status_code == 401
    assert stage.intake.items == []


async def test_the_same_event_again_is_a_duplicate(stage: Stage) -> None:
    assert await post(stage, sample("inbound_message_text")) == KEPT
    assert await post(stage, sample("inbound_message_text")) == KNOWN


async def test_an_event_id_is_used_once_even_for_another_message(stage: Stage) -> None:
    await post(stage, sample("inbound_message_text"))
    other = sample("inbound_message_text")
    other["message"]["id"] = "wxmsg-7"
    assert await post(stage, other) == KNOWN
    assert len(stage.intake.items) == 1


async def test_a_gateway_that_forgot_its_event_ids_doubles_no_message(stage: Stage) -> None:
    await post(stage, sample("inbound_message_text"))
    assert await post(stage, {**sample("inbound_message_text"), "event_id": "after-a-restart"}) == KNOWN
    assert len(stage.intake.items) == 1


async def test_the_ledger_of_events_outlives_the_process(sqlite_database: Database) -> None:
    async with staged(sqlite_database) as first:
        assert await post(first, sample("inbound_message_text")) == KEPT
    async with staged(sqlite_database) as second:
        assert await post(second, sample("inbound_message_text")) == KNOWN


async def test_two_gateways_may_use_the_same_event_id(sqlite_database: Database) -> None:
    async with staged(sqlite_database) as one, staged(sqlite_database, with_settings(account="second")) as two:
        assert await post(one, sample("inbound_message_text")) == KEPT
        assert await post(two, sample("inbound_message_text")) == KEPT


async def test_without_a_durable_inbox_nothing_is_acknowledged_and_the_same_request_may_come_again(
    stage: Stage,
) -> None:
    body, headers = stage.double.seal(sample("inbound_message_text"))
    stage.intake.broken = RetryLater("the disk is full")
    refused = await stage.double.deliver_raw(body, headers)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert (await stage.double.deliver_raw(body, headers)).json() == KEPT


async def test_a_replayed_request_is_refused(stage: Stage) -> None:
    body, headers = stage.double.seal(sample("inbound_message_text"))
    assert (await stage.double.deliver_raw(body, headers)).status_code == 200
    assert (await stage.double.deliver_raw(body, headers)).status_code == 401


async def test_the_double_delivers_what_it_missed(stage: Stage) -> None:
    stage.double.faults.next("webhook", drop=True)
    await stage.double.say("alice", "在吗", mention_bot=True)
    stage.double.faults.next("webhook", refuse=True)
    await stage.double.say("bob", "我也想问")
    assert await stage.double.redeliver_missed() == 0
    assert [one.text for one in stage.intake.messages] == ["在吗", "我也想问"]


async def test_a_group_lives_through_the_double(stage: Stage) -> None:
    asked = await stage.double.say("alice", "订单到哪了", mention_bot=True)
    await stage.double.recall(asked)
    await stage.double.moves("newcomer", "bot-1")
    await stage.double.moves("bot-1", joined=False)
    kinds = [one.kind for one in stage.intake.items if isinstance(one, RoomEvent)]
    assert kinds == [EventKind.RECALLED, EventKind.ENTERED, EventKind.BOT_ADDED, EventKind.BOT_REMOVED]
    assert stage.intake.messages[0].mentions_bot


async def test_what_we_have_no_word_for_is_logged_and_acknowledged(stage: Stage) -> None:
    with capture_logs() as logs:
        assert await post(stage, {**sample("inbound_message_text"), "event_type": "room.renamed"}) == KEPT
    assert [log["event"] for log in logs] == ["bridge.unsupported"]
    assert logs[0]["event_id"] == sample("inbound_message_text")["event_id"]


@pytest.mark.parametrize("schema", ["bridge.message.v2", "", None, ["bridge.message.v1"], {}])
async def test_a_schema_that_we_do_not_speak_is_refused(stage: Stage, schema: object) -> None:
    body, headers = stage.double.seal({**sample("inbound_message_text"), "schema": schema})
    assert (await stage.double.deliver_raw(body, headers)).status_code == 400


async def test_a_body_over_the_limit_is_refused(stage: Stage) -> None:
    assert (await stage.double.deliver_raw(b"x" * (BODY_LIMIT + 1))).status_code == 413


async def test_an_answer_to_our_words_is_known_as_one(stage: Stage) -> None:
    receipt = await stage.channel.send(OutgoingMessage(GROUP, text="明天发货"), "k1")
    await stage.double.say("alice", "哪个快递", reply_to=receipt.platform_message_id)
    await stage.double.say("bob", "我的呢", reply_to="wxmsg-of-somebody")
    first, second = stage.intake.messages
    assert first.quote is not None
    assert first.quote.of_bot
    assert second.quote is not None
    assert not second.quote.of_bot


async def test_our_own_words_coming_back_are_nobodys_question(stage: Stage) -> None:
    receipt = await stage.channel.send(OutgoingMessage(GROUP, text="明天发货"), "k1")
    await stage.double.say("bot-1", "明天发货", message_id=receipt.platform_message_id)
    assert stage.intake.items == []


async def test_a_file_is_fetched_from_the_gateway_and_proved(stage: Stage) -> None:
    picture = stage.double.add_file(b"\x89PNG made up", "image/png")
    await stage.double.say("alice", kind="image", attachments=[picture])
    (attachment,) = stage.intake.messages[0].attachments
    found = await stage.channel.media(attachment.reference)
    assert (found.content, found.media_type) == (b"\x89PNG made up", "image/png")
    stage.double.gateway.files.update({name: ("image/png", b"changed") for name in stage.double.gateway.files})
    with pytest.raises(GiveUp, match="SHA-256"):
        await stage.channel.media(attachment.reference)
    stage.double.gateway.files.clear()
    with pytest.raises(GiveUp, match="not there"):
        await stage.channel.media(attachment.reference)


@pytest.mark.parametrize(
    "reference",
    [
        "http://169.254.169.254/latest",
        "http://gateway.test@evil.example/f",
        "http://gateway.test.evil.example/f",
        "ftp://gateway.test/f",
        "https://[::1",
        "nonsense",
        "",
    ],
)
async def test_a_file_of_a_foreign_host_is_never_fetched(stage: Stage, reference: str) -> None:
    with pytest.raises(GiveUp, match=r"host|address"):
        await stage.channel.media(reference)


async def test_a_file_from_a_named_host_is_fetched(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(api_base="", extra_hosts=("gateway.test",))) as stage:
        picture = stage.double.add_file(b"x", "image/png")
        assert (await stage.channel.media(picture["url"])).content == b"x"


async def test_twenty_gateway_threads_at_once_keep_one_message(stage: Stage) -> None:
    answers = await asyncio.gather(*(post(stage, sample("inbound_message_text")) for _ in range(20)))
    assert sum(answer == KEPT for answer in answers) == 1
    assert len(stage.intake.items) == 1


async def test_no_log_line_holds_words_or_secrets(stage: Stage) -> None:
    with capture_logs() as logs:
        await stage.double.say("alice", "我的卡号是6222000011112222")
        await post(stage, {**sample("inbound_message_text"), "event_type": "strange"})
        stage.double.gateway.fail_next("我的卡号是6222000011112222")
        with pytest.raises(GiveUp):
            await stage.channel.send(OutgoingMessage(GROUP, text="6222000011112222"), "k1")
    assert not [log for log in logs if SETTINGS.secret in str(log) or "6222000011112222" in str(log)]
    assert isinstance(stage.intake.items[0], IncomingMessage)
