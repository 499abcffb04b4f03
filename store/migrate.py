"""Brings a database to the newest schema before the service starts; any number of processes may try at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from store.database_url import read_url, sqlite_path

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
        return create_engine(url, poolclass=NullPool)
    sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _prepare(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _upgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
