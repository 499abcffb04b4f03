"""The embedded database commits in groups, keeps failures apart, and survives waiters that give up."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from conversation.errors import RetryLater
from store.sqlite_database import SqliteDatabase


async def opened(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "a.sqlite3")
    await database.write(lambda c: c.execute(text("CREATE TABLE seen (n INTEGER PRIMARY KEY)")))
    return database


def insert(number: int) -> object:
    def work(connection: Connection) -> int:
        connection.execute(text("INSERT INTO seen VALUES (:n)"), {"n": number})
        return number

    return work


async def numbers(database: SqliteDatabase) -> list[int]:
    return list(await database.read(lambda c: c.execute(text("SELECT n FROM seen ORDER BY n")).scalars().all()))


async def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    assert await asyncio.gather(*(database.write(insert(n)) for n in range(200))) == list(range(200))
    assert await numbers(database) == list(range(200))
    await database.close()


async def test_one_failure_in_a_group_leaves_the_others_alone(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    gate = threading.Event()
    held = asyncio.create_task(database.write(lambda _: gate.wait()))  # what follows shares one commit
    await asyncio.sleep(0)

    def fails(connection: Connection) -> None:
        connection.execute(text("INSERT INTO seen VALUES (7)"))
        raise ValueError("no")

    jobs = [
        asyncio.create_task(one)
        for one in (database.write(insert(1)), database.write(fails), database.write(insert(2)))
    ]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(held, *jobs, return_exceptions=True)
    assert [type(one) for one in results[1:]] == [int, ValueError, int]
    assert await numbers(database) == [1, 2]
    await database.close()


async def test_a_waiter_that_gives_up_does_not_stop_the_writer(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    started, gate = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        connection.execute(text("INSERT INTO seen VALUES (1)"))
        started.set()
        gate.wait()

    running = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(started.wait)
    waiting = asyncio.create_task(database.write(insert(2)))
    await asyncio.sleep(0)
    running.cancel()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.set()
    assert await database.write(insert(3)) == 3
    assert await numbers(database) == [1, 3], "what had begun is kept, what had not is never begun"
    await database.close()


async def test_what_is_written_survives_closing(tmp_path: Path) -> None:
    database = await opened(tmp_path)
    await database.write(insert(5))
    await database.close()
    again = SqliteDatabase(tmp_path / "a.sqlite3")
    assert await numbers(again) == [5]
    await again.close()


async def test_a_file_that_cannot_be_opened_is_said_so_instead_of_waiting_for_ever(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite3").mkdir()
    database = SqliteDatabase(tmp_path / "a.sqlite3")
    for _ in range(2):
        with pytest.raises(RetryLater, match="cannot be opened"):
            await database.write(lambda c: c.execute(text("SELECT 1")))
    await database.close()
