"""SQLite as the database of one process: a writer thread that commits in groups, and a few readers.

SQLite has one writer at a time. Transactions that arrive while another is being committed share the next commit, each
in a savepoint of its own: one fsync for all of them, and the failure of one leaves the others alone.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from conversation.errors import RetryLater
from store.database import Result, Work

#: How many transactions share one commit at most: bounds the time that the first of them waits.
GROUP_LIMIT = 64
READERS = 2

_Job = tuple[Work[Any], Future[Any]]


class SqliteDatabase:
    """The embedded default. One process owns the file."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._engine = _engine(path, poolclass=NullPool)
        self._reader_engine = _engine(path, poolclass=QueuePool, pool_size=READERS, max_overflow=0)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._writer = threading.Thread(target=self._write_groups, name="sqlite-writer", daemon=True)
        self._writer.start()

    async def write(self, work: Work[Result]) -> Result:
        """See `Database.write`."""
        done: Future[Result] = Future()
        self._jobs.put((work, done))
        return await asyncio.wrap_future(done)

    async def read(self, work: Work[Result]) -> Result:
        """See `Database.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """See `Database.close`."""
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown(wait=True)
        self._engine.dispose()
        self._reader_engine.dispose()

    def _read(self, work: Work[Result]) -> Result:
        with self._reader_engine.connect() as connection:
            return work(connection)

    def _write_groups(self) -> None:
        try:
            connection = self._engine.connect()
        except OperationalError as error:
            self._refuse_all(error)
            return
        with connection:
            while (job := self._jobs.get()) is not None:
                group, closing = self._gather(job)
                # From here on a waiter that is cancelled cannot take its work back: the result would have no place.
                wanted = [(work, done) for work, done in group if done.set_running_or_notify_cancel()]
                if wanted:
                    self._commit_group(connection, wanted)
                if closing:
                    return

    def _refuse_all(self, error: OperationalError) -> None:
        """Nobody waits for ever for a file that cannot be opened."""
        while (job := self._jobs.get()) is not None:
            if job[1].set_running_or_notify_cancel():
                job[1].set_exception(RetryLater(f"the SQLite file cannot be opened: {error.orig}"))

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        group = [first]
        while len(group) < GROUP_LIMIT:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit_group(self, connection: Connection, group: list[_Job]) -> None:
        settled: list[Callable[[], None]] = []
        try:
            with connection.begin():
                for work, done in group:
                    settled.append(_run_one(connection, work, done, alone=len(group) == 1))
        except OperationalError as error:
            for _, done in group:
                done.set_exception(RetryLater(f"the SQLite file cannot be written now: {error.orig}"))
            return
        except BaseException as error:  # noqa: BLE001  the waiter gets it, whatever it is
            # A work that runs alone has no savepoint: what it raised undid the whole transaction and belongs to it.
            for _, done in group:
                done.set_exception(error)
            return
        for settle in settled:
            settle()


def _run_one(connection: Connection, work: Work[Any], done: Future[Any], *, alone: bool) -> Callable[[], None]:
    """Runs one work of a group; gives the call that tells its waiter, to be made after the commit."""
    if alone:
        result = work(connection)
        return lambda: done.set_result(result)
    try:
        with connection.begin_nested():
            result = work(connection)
    except OperationalError:
        raise
    except BaseException as error:  # noqa: BLE001  the waiter gets it, whatever it is
        failure = error
        return lambda: done.set_exception(failure)
    return lambda: done.set_result(result)


def _engine(path: Path, **pool: Any) -> Engine:
    # What customers said stands in the parameters: it must not reach a log by way of an error's words.
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 10}, hide_parameters=True, **pool
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late for savepoints
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if pool["poolclass"] is NullPool else "BEGIN")

    return engine
