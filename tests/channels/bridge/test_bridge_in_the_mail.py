"""A gateway's group and the whole mail: asked once, answered once, whatever the gateway does in between."""

from __future__ import annotations

import asyncio

from store.database import Database
from store.schema import inbox, outbox
from tests.channels.bridge.stage import SIGNED_AT, Stage, staged, with_settings
from tests.conftest import FakeClock
from tests.delivery.stage import Stage as Mail


async def test_a_question_in_a_group_is_answered_once_to_whoever_asked(sqlite_database: Database) -> None:
    clock = FakeClock(SIGNED_AT)
    mail = Mail(sqlite_database, clock)
    async with staged(sqlite_database, clock=clock, inbox=mail.inbox) as stage:
        mail.channels = {("bridge", "main"): stage.channel}
        async with mail.sending():
            stage.double.faults.next("webhook", drop=True)
            asked = await stage.double.say("alice", "订单到哪了", mention_bot=True)
            await stage.double.redeliver_missed()
            stage.double.faults.next("command", drop=True)
            await mail.answer()
            await _ended(mail, "queued")
            clock.advance(5)
            await _ended(mail)
        (answer,) = stage.double.ledger.of("room-1", "bot")
        assert (answer.text, answer.reply_to) == ("@alice\u2005答：订单到哪了", asked)
        assert await mail.column(outbox, "platform_message_id") == [answer.message_id]
        assert stage.double.violations == []


async def test_a_gateway_that_is_told_to_slow_down_delivers_after_its_pause(sqlite_database: Database) -> None:
    clock = FakeClock(SIGNED_AT)
    mail = Mail(sqlite_database, clock)
    async with staged(sqlite_database, with_settings(api_base=""), clock=clock, inbox=mail.inbox) as stage:
        mail.channels = {("bridge", "main"): stage.channel}
        stage.double.gateway.fail_next("rate_limited", 30)
        await stage.double.say("alice", "在吗", mention_bot=True)
        async with mail.sending():
            await mail.answer()
            await _pulled(stage)
            await _ended(mail, "queued")
            assert await mail.column(outbox, "next_at") == [SIGNED_AT + 30]
            clock.advance(30)
            await _pulled(stage)
            await _ended(mail)
        assert stage.double.ledger.texts("room-1", "bot") == ["@alice\u2005答：在吗"]


async def test_a_message_taken_back_before_it_was_answered_is_not_answered(sqlite_database: Database) -> None:
    clock = FakeClock(SIGNED_AT)
    mail = Mail(sqlite_database, clock)
    async with staged(sqlite_database, clock=clock, inbox=mail.inbox) as stage:
        asked = await stage.double.say("alice", "当我没说", mention_bot=True)
        await stage.double.recall(asked)
        await mail.answer()
        assert await mail.column(inbox, "status") == ["done", "done"]
        assert await mail.rows(outbox) == []


async def _pulled(stage: Stage) -> None:
    async with asyncio.timeout(20):
        while not await stage.double.gateway.pull(wait=5):
            pass


async def _ended(mail: Mail, status: str = "sent") -> None:
    """Waits until the one outbox row has been tried and is in `status`."""
    async with asyncio.timeout(20):
        while True:
            rows = await mail.rows(outbox)
            if rows and rows[0].status == status and rows[0].attempts:
                return
            await asyncio.sleep(0.01)
