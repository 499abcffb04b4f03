"""The rows behind commands, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.bridge import commands
from channels.bridge.commands import CommandRow, ReceiptNote
from channels.bridge.outbound import Command
from store.database import Database

NOW = 1_760_000_010.0


def command(number: int = 1) -> Command:
    return Command(f"k{number}", "room-1", {"command_id": f"k{number}", "message": {"type": "text", "text": "您好"}})


async def put(database: Database, number: int = 1, now: float = NOW) -> CommandRow:
    return await database.write(
        lambda connection: commands.put(connection, command(number), account="main", expires_s=300, now=now)
    )


def offering(now: float = NOW, limit: int = 10, account: str = "main") -> Callable[..., list[bytes]]:
    return lambda connection: commands.offer(connection, account, now=now, lease_s=30, limit=limit)


async def settled(database: Database, *notes: ReceiptNote, now: float = NOW) -> list[bool]:
    return await database.write(lambda connection: [commands.settle(connection, "main", note, now) for note in notes])


async def test_a_command_is_written_once_and_keeps_its_expiry(database: Database) -> None:
    first, again = await put(database), await put(database, now=NOW + 100)
    assert first == again
    assert first.expires_at == NOW + 300
    assert not first.offered


async def test_offers_are_leased_in_order_until_they_are_taken(database: Database) -> None:
    for number in range(3):
        await put(database, number)
    first = await database.write(offering(limit=2))
    assert [b'"k0"' in first[0], b'"k1"' in first[1]] == [True, True]
    assert len(await database.write(offering())) == 1
    assert await database.write(offering()) == []
    assert await database.write(offering(account="other")) == []
    taken = await database.write(lambda connection: commands.take(connection, "main", ["k0", "k0", "kx"]))
    assert taken == 1
    assert len(await database.write(offering(now=NOW + 30))) == 2
    assert await database.write(offering(now=NOW + 300)) == []


async def test_two_polls_at_once_never_get_the_same_command(database: Database) -> None:
    for number in range(20):
        await put(database, number)
    got = await asyncio.gather(*(database.write(offering(limit=5)) for _ in range(6)))
    bodies = [body for one in got for body in one]
    assert len(bodies) == len(set(bodies))


async def test_delivery_is_the_last_word(database: Database) -> None:
    await put(database)
    failed, delivered = ReceiptNote("k1", False, error_code="blocked"), ReceiptNote("k1", True, "wx-1")
    assert await settled(database, failed, failed, delivered, delivered, failed) == [True, False, True, False, False]
    row = await put(database)
    assert (row.status, row.gateway_message_id, row.error_code) == (commands.DELIVERED, "wx-1", "")


async def test_what_failed_for_now_waits_its_pause_and_starts_afresh(database: Database) -> None:
    await put(database)
    await database.write(offering())
    await settled(database, ReceiptNote("k1", False, error_code="busy", retry_after_s=30.0))
    early = await put(database, now=NOW + 29)
    assert (early.status, early.retry_at) == (commands.FAILED, NOW + 30)
    late = await put(database, now=NOW + 30)
    assert (late.status, late.expires_at, late.offered) == (commands.WAITING, NOW + 330, False)
    assert len(await database.write(offering(now=NOW + 30))) == 1


async def test_what_failed_for_good_stays_so(database: Database) -> None:
    await put(database)
    await settled(database, ReceiptNote("k1", False, error_code="blocked"))
    assert (await put(database, now=NOW + 9999)).status == commands.FAILED


async def test_events_and_our_own_words_are_recognised(database: Database) -> None:
    await put(database)
    await settled(database, ReceiptNote("k1", True, "wx-1"))
    for _ in range(2):
        await database.write(lambda connection: commands.remember(connection, "main", "e1", NOW))

    def known(event_id: str, message_id: str, quoted_id: str, account: str = "main") -> Callable[..., commands.Known]:
        return lambda connection: commands.knows(
            connection, account, event_id=event_id, message_id=message_id, quoted_id=quoted_id
        )

    assert await database.read(known("e1", "", "")) == commands.Known(True, False, False)
    assert await database.read(known("e2", "wx-1", "wx-2")) == commands.Known(False, True, False)
    assert await database.read(known("e2", "", "wx-1")) == commands.Known(False, False, True)
    assert await database.read(known("e1", "wx-1", "", "other")) == commands.Known(False, False, False)
