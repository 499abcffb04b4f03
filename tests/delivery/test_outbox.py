"""What leaves: in order per room, under the right owner, at the platform's pace, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from channels.channel import Receipt
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.messages import OutgoingMessage
from delivery.outbox import Outbox, Settlement
from delivery.send_verdict import Sent
from delivery.terms import DeliveryTerms
from store.outbox_rows import SYSTEM, put_in_outbox
from store.schema import attempts, conversations, messages, outbox
from tests.conftest import FakeClock
from tests.delivery.doubles import SAFE, UNSAFE, StageChannel, StageDesk, message, room
from tests.delivery.stage import Stage, notes_of, until


async def queue(stage: Stage, key: str, *, lane: int = 1, **about: object) -> None:
    def work(connection: Connection) -> None:
        options = {"author": SYSTEM, **about}
        put_in_outbox(connection, OutgoingMessage(room(lane), text=key), key=key, now=stage.clock(), **options)

    await stage.database.write(work)


async def statuses(stage: Stage) -> list[str]:
    return await stage.column(outbox, "status")


async def settled(stage: Stage, *wanted: str) -> None:
    async with asyncio.timeout(20):
        while await statuses(stage) != list(wanted):
            await asyncio.sleep(0.005)


async def test_a_reply_is_sent_and_its_line_knows(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    async with stage.sending():
        await settled(stage, "sent")
    [row] = await stage.rows(outbox)
    [line] = await stage.rows(messages, spoken_by="bot")
    assert row.platform_message_id == line.platform_message_id == "om_1"
    assert (line.status, row.sent_at) == ("sent", stage.clock.now)
    [key] = [key for key, _ in stage.channel.sent]
    assert key == row.idempotency_key
    assert [(one.attempt, one.status) for one in await stage.rows(attempts)] == [(1, "sent")]
    assert notes_of(stage, "sent") == [("reply", "om_1")]


async def test_the_same_key_is_queued_once(stage: Stage) -> None:
    await queue(stage, "k")
    await queue(stage, "k")
    assert await statuses(stage) == ["queued"]


async def test_a_room_gets_its_messages_in_order(stage: Stage) -> None:
    for number in range(30):
        await queue(stage, f"{number}", lane=number % 3)
    async with stage.sending():
        await settled(stage, *["sent"] * 30)
    for lane in range(3):
        texts = [int(message.text) for _, message in stage.channel.sent if message.room == room(lane)]
        assert texts == sorted(texts)


async def test_a_later_message_waits_for_an_earlier_one_of_its_room_and_no_other(
    stage: Stage, clock: FakeClock
) -> None:
    stage.channel.answers = [RetryLater("busy")]
    await queue(stage, "first")
    await queue(stage, "second")
    async with stage.sending():
        await until(lambda: stage.channel.calls == 1)
        await queue(stage, "elsewhere", lane=2)
        await until(lambda: stage.channel.texts == ["elsewhere"])
        clock.advance(2)
        await settled(stage, "sent", "sent", "sent")
    assert stage.channel.texts == ["elsewhere", "first", "second"]


async def test_a_line_of_the_bot_is_cancelled_once_somebody_else_has_the_conversation(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.database.write(lambda connection: connection.execute(conversations.update().values(owner_epoch=1)))
    [conversation] = await stage.column(conversations, "id")
    await queue(stage, "by staff", conversation_id=conversation, author="staff")
    async with stage.sending():
        await settled(stage, "cancelled", "sent")
    assert stage.channel.texts == ["by staff"]
    assert await stage.column(messages, "status", spoken_by="bot") == ["cancelled"]


async def test_a_retry_waits_longer_each_time_and_ends_in_a_burial_after_eight(stage: Stage, clock: FakeClock) -> None:
    stage.channel.answers = [RetryLater("busy") for _ in range(20)]
    await queue(stage, "k")
    dues = []
    async with stage.sending():
        for tried in range(1, 8):
            await until(lambda tried=tried: stage.channel.calls == tried)
            async with asyncio.timeout(20):
                while (row := (await stage.rows(outbox))[0]).status != "queued":
                    await asyncio.sleep(0.005)
            dues.append(row.next_at - clock.now)
            clock.now = row.next_at
        await settled(stage, "buried")
    assert dues == pytest.approx([1, 2, 4, 8, 16, 32, 64])
    assert await stage.column(attempts, "status") == ["retry"] * 7 + ["buried"]
    assert [note[0] for note in notes_of(stage, "undeliverable")] == ["k"]


async def test_the_platform_may_ask_for_more_patience(stage: Stage, clock: FakeClock) -> None:
    stage.channel.answers = [RetryLater("limit", after_s=90)]
    await queue(stage, "k")
    async with stage.sending():
        await until(lambda: stage.channel.calls == 1)
        async with asyncio.timeout(20):
            while (await stage.rows(outbox))[0].next_at != clock.now + 90:
                await asyncio.sleep(0.005)


async def test_a_message_older_than_an_hour_is_given_up(stage: Stage, clock: FakeClock) -> None:
    stage.channel.answers = [RetryLater("limit", after_s=3000), RetryLater("limit", after_s=3000)]
    await queue(stage, "k")
    async with stage.sending():
        await settled(stage, "queued")
        await until(lambda: stage.channel.calls == 1)
        async with asyncio.timeout(20):
            while (await stage.rows(outbox))[0].next_at != clock.now + 3000:
                await asyncio.sleep(0.005)
        clock.advance(3000)
        await settled(stage, "buried")


async def test_what_cannot_be_sent_is_buried_and_a_person_is_told(stage: Stage) -> None:
    stage.channel.answers = [GiveUp("the customer blocked us")]
    await stage.put(message(1))
    await stage.answer()
    async with stage.sending():
        await settled(stage, "buried")
    assert await stage.column(messages, "status", spoken_by="bot") == ["failed"]
    assert [why for _, why in notes_of(stage, "undeliverable")] == ["the customer blocked us"]


@pytest.mark.parametrize("error", [FateUnknown("lost"), TimeoutError(), KeyError("a fault of the channel")])
async def test_an_unknown_fate_is_repeated_where_that_is_safe(stage: Stage, clock: FakeClock, error: Exception) -> None:
    stage.channel.answers = [error]
    await queue(stage, "k")
    async with stage.sending():
        await until(lambda: stage.channel.calls == 1)
        await settled(stage, "queued")
        clock.advance(5)
        await settled(stage, "sent")
    assert [key for key, _ in stage.channel.sent] == ["k"]


@pytest.mark.parametrize("error", [FateUnknown("lost"), KeyError("a fault of the channel")])
async def test_an_unknown_fate_is_said_where_a_repeat_could_double_it(stage: Stage, error: Exception) -> None:
    stage.channel = StageChannel(UNSAFE, [error])
    await stage.put(message(1))
    await stage.answer()
    async with stage.sending():
        await settled(stage, "unknown")
    assert stage.channel.calls == 1
    assert await stage.column(messages, "status", spoken_by="bot") == ["unknown"]
    assert len(notes_of(stage, "undeliverable")) == 1


async def test_a_platform_that_never_answers_does_not_hold_the_sender(stage: Stage) -> None:
    class Silent(StageChannel):
        async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
            await asyncio.Event().wait()
            raise AssertionError

    stage.channel = Silent(UNSAFE)
    stage.terms = replace(stage.terms, send_limit_s=0.05)
    await queue(stage, "k")
    async with stage.sending():
        await settled(stage, "unknown")


async def taken_by_a_dying_sender(stage: Stage, clock: FakeClock) -> Outbox:
    """A sender that took everything that was due and never came back."""
    dead = Outbox(stage.known_channels, StageDesk(), holder="dead", lease_s=30)
    await stage.database.write(lambda connection: dead.take(connection, clock.now, 9))
    return dead


async def test_a_dead_senders_message_is_sent_again_where_that_is_safe(stage: Stage, clock: FakeClock) -> None:
    await queue(stage, "k")
    await taken_by_a_dying_sender(stage, clock)
    async with stage.sending():
        clock.advance(29)
        assert await statuses(stage) == ["sending"]
        clock.advance(2)
        await settled(stage, "sent")
    assert await stage.column(attempts, "status") == ["lost", "sent"]


async def test_a_dead_senders_message_is_unknown_where_a_repeat_could_double_it(stage: Stage, clock: FakeClock) -> None:
    stage.channel = StageChannel(UNSAFE)
    await queue(stage, "k")
    await queue(stage, "next")
    await taken_by_a_dying_sender(stage, clock)
    async with stage.sending():
        clock.advance(31)
        await settled(stage, "unknown", "sent")
    assert stage.channel.texts == ["next"]
    assert len(notes_of(stage, "undeliverable")) == 1


async def test_late_news_of_a_sent_message_are_believed(stage: Stage, clock: FakeClock) -> None:
    """A sender that was slow, not dead, knows the truth about a message that was given up as unknown."""
    stage.channel = StageChannel(UNSAFE)
    await queue(stage, "k")
    slow = Outbox(stage.known_channels, StageDesk(), holder="slow", lease_s=30)
    takings = await stage.database.write(lambda connection: slow.take(connection, clock.now, 9))
    clock.advance(31)
    async with stage.sending():
        await settled(stage, "unknown")
    news = Settlement(takings.parcels[0].row, Sent(Receipt("om_late")), clock.now)
    done = await stage.database.write(lambda connection: slow.settle(connection, [news]))
    assert done.ours == [True]
    assert await statuses(stage) == ["sent"]


async def test_a_sender_whose_row_was_taken_over_settles_nothing(stage: Stage, clock: FakeClock) -> None:
    await queue(stage, "k")
    slow = Outbox(stage.known_channels, StageDesk(), holder="slow", lease_s=30)
    takings = await stage.database.write(lambda connection: slow.take(connection, clock.now, 9))
    clock.advance(31)
    await taken_by_a_dying_sender(stage, clock)
    news = Settlement(takings.parcels[0].row, Sent(Receipt("om_late")), clock.now)
    done = await stage.database.write(lambda connection: slow.settle(connection, [news]))
    assert done.ours == [False]
    assert await statuses(stage) == ["sending"]


async def test_a_line_overtaken_while_its_sender_died_is_not_repeated(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    await stage.answer()
    await taken_by_a_dying_sender(stage, clock)
    await stage.database.write(lambda connection: connection.execute(conversations.update().values(owner_epoch=1)))
    clock.advance(31)
    async with stage.sending():
        await settled(stage, "cancelled")
    assert stage.channel.sent == []


@pytest.mark.parametrize(("limits", "gap", "burst"), [({"per_second": 2.0}, 1, 2), ({"per_minute": 3.0}, 60, 3)])
async def test_a_room_is_spoken_to_no_faster_than_allowed(
    stage: Stage, clock: FakeClock, limits: dict[str, float], gap: float, burst: int
) -> None:
    stage.channel = StageChannel(replace(SAFE, **limits))
    for number in range(burst * 2 + 1):
        await queue(stage, f"{number}")
    async with stage.sending():
        for rounds in range(1, 3):
            await until(lambda rounds=rounds: len(stage.channel.sent) == burst * rounds)
            await asyncio.sleep(0.1)
            assert len(stage.channel.sent) == burst * rounds
            clock.advance(gap)
        await until(lambda: len(stage.channel.sent) == burst * 2 + 1)
    assert set(await stage.column(attempts, "attempt")) == {1}


async def test_one_room_at_its_limit_slows_no_other(stage: Stage) -> None:
    stage.channel = StageChannel(replace(SAFE, per_minute=1.0))
    for number in range(3):
        await queue(stage, f"a{number}", lane=1)
    for number in range(5):
        await queue(stage, f"b{number}", lane=10 + number)
    async with stage.sending():
        await until(lambda: len(stage.channel.sent) == 6)


async def test_a_message_for_a_platform_that_is_not_set_up_waits_for_it(stage: Stage, clock: FakeClock) -> None:
    await queue(stage, "k")
    stage.channels = {}
    async with stage.sending():
        async with asyncio.timeout(20):
            while "no channel" not in (await stage.rows(outbox))[0].error:
                await asyncio.sleep(0.005)
    stage.channels = None
    clock.advance(5)
    async with stage.sending():
        await settled(stage, "sent")


async def test_a_payload_that_cannot_be_read_is_buried(stage: Stage) -> None:
    await queue(stage, "bad")
    await queue(stage, "good")
    await stage.database.write(
        lambda connection: connection.execute(
            outbox.update().where(outbox.c.idempotency_key == "bad").values(payload="{}")
        )
    )
    async with stage.sending():
        await settled(stage, "buried", "sent")


async def test_a_receipt_survives_a_database_that_is_gone_for_a_moment(stage: Stage) -> None:
    await queue(stage, "k")
    real_write = stage.database.write
    refused = 0

    async def flaky(work):  # type: ignore[no-untyped-def]
        nonlocal refused
        if stage.channel.sent and refused < 2:
            refused += 1
            raise RetryLater("gone")
        return await real_write(work)

    stage.database.write = flaky  # type: ignore[method-assign]
    async with stage.sending():
        await settled(stage, "sent")
    assert stage.channel.calls == 1
    assert refused == 2


async def test_a_desk_that_fails_does_not_make_a_message_go_out_twice(stage: Stage) -> None:
    class Desk(StageDesk):
        def on_sent(self, *_: object) -> None:  # type: ignore[override]
            raise ValueError("a fault of ours")

    stage.desk = Desk()
    await queue(stage, "k")
    async with stage.sending():
        await settled(stage, "sent")
    assert stage.channel.calls == 1


async def test_many_settled_sends_share_few_transactions(stage: Stage) -> None:
    for number in range(30):
        await queue(stage, f"{number}", lane=number)
    writes = 0
    real_write = stage.database.write

    async def counted(work):  # type: ignore[no-untyped-def]
        nonlocal writes
        writes += 1
        return await real_write(work)

    stage.database.write = counted  # type: ignore[method-assign]
    async with stage.sending():
        await settled(stage, *["sent"] * 30)
    assert writes < 30


def test_a_lease_shorter_than_a_send_is_refused() -> None:
    with pytest.raises(ValueError, match="outlast"):
        DeliveryTerms(send_limit_s=30, lease_s=30)
