"""Commands posted to a gateway: once each, in order, and never called delivered before the gateway says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from channels.bridge import commands, errands
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.identity import Person
from conversation.messages import Attachment, Button, Card, ContentKind, OutgoingMessage
from store.database import Database
from tests.channels.bridge.stage import GROUP, Stage, sample, staged, with_settings


def words(text: str = "预计明天发货", **more: Any) -> OutgoingMessage:
    return OutgoingMessage(GROUP, text=text, **more)


def commanded(stage: Stage) -> list[dict[str, Any]]:
    return [call.body for call in stage.double.ledger.calls]


async def posted(stage: Stage, receipt: dict[str, Any]) -> dict[str, Any]:
    answer = await stage.double.deliver_raw(*stage.double.seal(receipt))
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_a_command_has_the_form_of_the_contract(stage: Stage) -> None:
    await stage.channel.send(words(reply_to="wxmsg-1"), "01J9MADEUP0000000000000100")
    (command,) = commanded(stage)
    expected = {**sample("outbound_command"), "expires_at": "2025-10-09T08:58:30Z", "conversation_type": "group"}
    assert command == expected


async def test_the_receipts_message_id_is_ours(stage: Stage) -> None:
    receipt = await stage.channel.send(words(), "k1")
    assert receipt.platform_message_id == stage.double.ledger.of("room-1", "bot")[0].message_id
    again = await stage.channel.send(words(), "k1")
    assert again == receipt
    assert len(commanded(stage)) == 1


async def test_somebody_is_mentioned_in_a_group(stage: Stage) -> None:
    await stage.channel.send(words(at=Person("contact-1", "王先生")), "k1")
    assert commanded(stage)[0]["message"]["mentions"] == [{"id": "contact-1", "display_name": "王先生"}]
    assert stage.double.ledger.texts("room-1") == ["@王先生\u2005预计明天发货"]


async def test_a_card_goes_as_words_and_markdown_as_plain_text(stage: Stage) -> None:
    card = Card("需要人工吗", (("工单", "TK1"),), (Button("转人工", {"a": "b"}),))
    await stage.channel.send(OutgoingMessage(GROUP, card=card), "k1")
    await stage.channel.send(words("**明天**发货"), "k2")
    assert stage.double.ledger.texts("room-1") == ["【需要人工吗】\n工单：TK1", "明天发货"]


async def test_files_follow_the_words_by_address(stage: Stage) -> None:
    picture = Attachment(ContentKind.IMAGE, "https://files.example/a.png#sha256=00", "a.png")
    await stage.channel.send(words(attachments=(picture,)), "k1")
    assert [one["message"] for one in commanded(stage)] == [
        {"type": "text", "text": "预计明天发货"},
        {"type": "image", "url": "https://files.example/a.png", "name": "a.png"},
    ]
    with pytest.raises(GiveUp, match="by hand"):
        await stage.channel.send(words(attachments=(Attachment(ContentKind.FILE, "om_1/key"),)), "k2")
    assert len(commanded(stage)) == 2


async def test_a_long_text_goes_on_where_it_was_interrupted(stage: Stage) -> None:
    text = "".join(f"第{number}条说明。" for number in range(800))
    stage.double.faults.every(2, "command", http=503)
    for _ in range(6):
        try:
            await stage.channel.send(words(text), "k1")
            break
        except RetryLater:
            continue
    assert "".join(stage.double.ledger.texts("room-1")) == text
    assert len(stage.double.ledger.texts("room-1")) > 2


async def test_nothing_is_said_where_there_is_nothing_to_say(stage: Stage) -> None:
    assert (await stage.channel.send(words(""), "k1")).platform_message_id == ""
    assert commanded(stage) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"http": 429, "headers": {"Retry-After": "7"}}, RetryLater),
        ({"http": 503}, RetryLater),
        ({"http": 500}, FateUnknown),
        ({"http": 502}, FateUnknown),
        ({"drop": True}, FateUnknown),
        ({"refuse": True}, FateUnknown),
        ({"http": 401}, GiveUp),
        ({"http": 404}, GiveUp),
        ({"http": 302}, GiveUp),
    ],
)
async def test_a_failure_says_what_can_be_done(stage: Stage, fault: Any, error: type[Exception]) -> None:
    stage.double.gateway.send_receipts = False
    stage.double.faults.next("command", **fault)
    with pytest.raises(error) as raised:
        await stage.channel.send(words(), "k1")
    assert stage.channel._settings.secret not in str(raised.value)
    if isinstance(raised.value, RetryLater) and fault["http"] == 429:
        assert raised.value.after_s == 7


async def test_a_pause_that_the_gateway_asks_for_is_kept_and_then_the_command_is_done(stage: Stage) -> None:
    stage.double.gateway.fail_next("rate_limited", 30)
    with pytest.raises(RetryLater) as first:
        await stage.channel.send(words(), "k1")
    assert first.value.after_s == 30
    stage.clock.advance(10)
    with pytest.raises(RetryLater) as second:
        await stage.channel.send(words(), "k1")
    assert second.value.after_s == 20
    assert len(commanded(stage)) == 1
    stage.clock.advance(20)
    await stage.channel.send(words(), "k1")
    assert stage.double.ledger.texts("room-1") == ["预计明天发货"]


async def test_a_failure_for_good_is_final(stage: Stage) -> None:
    stage.double.gateway.fail_next("not_in_room")
    with pytest.raises(GiveUp, match="not_in_room"):
        await stage.channel.send(words(), "k1")
    with pytest.raises(GiveUp, match="not_in_room"):
        await stage.channel.send(words(), "k1")
    assert len(commanded(stage)) == 1


async def test_the_sample_receipts_are_understood(stage: Stage) -> None:
    command_id = sample("outbound_command")["command_id"]
    stage.double.gateway.send_receipts = False
    sending = asyncio.create_task(stage.channel.send(words(), command_id))
    while not commanded(stage):
        await asyncio.sleep(0)
    assert await posted(stage, sample("receipt_failed")) == {"accepted": True, "duplicate": False}
    with pytest.raises(RetryLater) as told:
        await sending
    assert told.value.after_s == 30
    assert await posted(stage, sample("receipt")) == {"accepted": True, "duplicate": False}
    assert await posted(stage, sample("receipt")) == {"accepted": True, "duplicate": True}
    assert await posted(stage, sample("receipt_failed")) == {"accepted": True, "duplicate": True}
    assert (await stage.channel.send(words(), command_id)).platform_message_id == "wxmsg-9"


async def test_a_receipt_for_nothing_we_know_is_taken_and_changes_nothing(stage: Stage) -> None:
    assert await posted(stage, sample("receipt")) == {"accepted": True, "duplicate": True}


@pytest.mark.parametrize("change", [{"status": "perhaps"}, {"status": None}, {"command_id": ""}, {"command_id": None}])
async def test_a_receipt_of_no_sense_is_refused(stage: Stage, change: dict[str, Any]) -> None:
    body, headers = stage.double.seal({**sample("receipt"), **change})
    assert (await stage.double.deliver_raw(body, headers)).status_code == 400


async def test_without_a_receipt_nothing_counts_as_delivered(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(receipt_wait_s=0.01)) as stage:
        stage.double.gateway.send_receipts = False
        for _ in range(2):
            with pytest.raises(FateUnknown, match="has not said"):
                await stage.channel.send(words(), "k1")
        assert stage.double.ledger.texts("room-1") == ["预计明天发货"]
        stage.clock.advance(300)
        with pytest.raises(GiveUp, match="may have arrived"):
            await stage.channel.send(words(), "k1")


async def test_a_gateway_that_never_was_there_is_told_apart_from_one_that_was(stage: Stage) -> None:
    stage.double.faults.always("command", http=503)
    with pytest.raises(RetryLater):
        await stage.channel.send(words(), "k1")
    stage.clock.advance(300)
    with pytest.raises(GiveUp, match="did not arrive"):
        await stage.channel.send(words(), "k1")


async def test_a_busy_answer_after_a_lost_one_stays_unknown(stage: Stage) -> None:
    stage.double.gateway.send_receipts = False
    stage.double.faults.next("command", refuse=True)
    stage.double.faults.next("command", http=503)
    with pytest.raises(FateUnknown):
        await stage.channel.send(words(), "k1")
    with pytest.raises(FateUnknown, match="earlier try"):
        await stage.channel.send(words(), "k1")


async def test_a_gateway_without_receipts_has_delivered_what_it_took(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(receipts=False)) as stage:
        stage.double.gateway.send_receipts = False
        await stage.channel.send(words(), "k1")
        await stage.channel.send(words(), "k1")
        stage.double.faults.next("command", refuse=True)
        with pytest.raises(FateUnknown):
            await stage.channel.send(words("第二句"), "k2")
        await stage.channel.send(words("第二句"), "k2")
        assert stage.double.ledger.texts("room-1") == ["预计明天发货", "第二句"]


async def test_in_tap_mode_a_draft_is_offered_and_a_person_sends_it(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(tap=True)) as stage:
        await stage.channel.send(words(), "k1")
        assert commanded(stage)[0]["command"] == "message.offer"
        assert stage.double.ledger.texts("room-1") == []
        message_id = await stage.double.gateway.tap("k1")
        assert [one.sender_role for one in stage.double.ledger.of("room-1")] == ["staff"]
        assert (await stage.channel.send(words(), "k1")).platform_message_id == message_id
        assert len(commanded(stage)) == 1


async def test_a_sleeping_gateway_keeps_only_a_few_sends_waiting(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "WAITERS", 1)
    async with staged(sqlite_database, with_settings(receipt_wait_s=30.0)) as stage:
        stage.double.gateway.send_receipts = False
        first = asyncio.create_task(stage.channel.send(words(), "k1"))
        while not stage.channel._errands._waiters.locked():
            await asyncio.sleep(0)
        with pytest.raises(FateUnknown):
            await asyncio.wait_for(stage.channel.send(words(), "k2"), 10)
        await posted(stage, {**sample("receipt"), "command_id": "k1"})
        assert (await asyncio.wait_for(first, 10)).platform_message_id == "wxmsg-9"


async def test_a_receipt_taken_by_another_process_is_found(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(receipt_wait_s=10.0)) as here, staged(sqlite_database) as there:
        here.double.gateway.send_receipts = False
        sending = asyncio.create_task(here.channel.send(words(), "k1"))
        while not commanded(here):
            await asyncio.sleep(0)
        await posted(there, {**sample("receipt"), "command_id": "k1"})
        assert (await sending).platform_message_id == "wxmsg-9"


async def test_another_gateway_cannot_settle_a_command_that_is_not_its_own(sqlite_database: Database) -> None:
    other = with_settings(account="second", receipt_wait_s=0.01)
    async with (
        staged(sqlite_database, with_settings(receipt_wait_s=0.01)) as one,
        staged(sqlite_database, other) as two,
    ):
        one.double.gateway.send_receipts = False
        with pytest.raises(FateUnknown):
            await one.channel.send(words(), "k1")
        await posted(two, {**sample("receipt"), "command_id": "k1"})
        with pytest.raises(FateUnknown):
            await one.channel.send(words(), "k1")


async def test_old_commands_are_forgotten(stage: Stage) -> None:
    await stage.channel.send(words(), "k1")
    before = stage.clock.now
    assert await stage.database.write(lambda connection: commands.forget(connection, before=before)) == 0
    assert await stage.database.write(lambda connection: commands.forget(connection, before=before + 1)) == 1


async def test_the_service_breaks_no_rule_of_the_contract(stage: Stage) -> None:
    for number in range(3):
        await stage.channel.send(words("长" * 3000), f"k{number}")
    assert stage.double.violations == []
