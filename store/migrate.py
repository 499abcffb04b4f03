"""Brings a database to the newest schema before the service starts; any number of processes may try at once."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from conversation.errors import RetryLater
from store.database_url import read_url, sqlite_path

LOCK_TRIES, LOCK_PAUSE_S = 600, 0.1
MIGRATIONS = Path(__file__).parent / "migrations"
#: The number of PostgreSQL's advisory lock: any constant that nobody else in the database uses.
LOCK = 0x4875_6979_696E_67


def migrate(url_or_engine: str | Engine) -> None:
    """Runs what is missing of the migrations, in one transaction. Blocks: call it in a thread from async code.

    Whoever comes second waits for the first and then finds nothing to do.
    """
    if isinstance(url_or_engine, Engine):
        _upgrade(url_or_engine)
        return
    engine = _engine(url_or_engine)
    try:
        _upgrade(engine)
    finally:
        engine.dispose()


def _engine(text_url: str) -> Engine:
    url = read_url(text_url)
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _write_ahead(connection: Any) -> None:
    """Switches the file to its lasting mode before the service opens it from several threads at once.

    SQLite refuses the switch at once, without waiting, while anybody else is at the file.
    """
    for _ in range(LOCK_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            time.sleep(LOCK_PAUSE_S)
        else:
            return
    raise RetryLater("the SQLite file stays locked: is another process using it?")


def _upgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
