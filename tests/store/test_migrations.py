"""The migrations amount to the schema, on both databases, however many processes start at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from conversation.errors import BadSettings
from store.database_url import read_url
from store.migrate import migrate
from store.open_database import open_database
from store.postgres_database import PostgresDatabase
from store.schema import METADATA
from store.sqlite_database import SqliteDatabase


def ours(name: str | None, kind: str, _parents: Any) -> bool:
    """The full-text tables of retrieval are made by retrieval."""
    return not (kind == "table" and (name or "").startswith(("entry_search", "alembic_version")))


def bare(default: Any) -> str:
    """A server default without the quotes and brackets that each side adds in its own way."""
    plain = str(default).split("::")[0].strip("()'\"")
    return "0" if plain == "false" else plain


def other_default(_context: Any, _seen: Any, _wanted: Any, seen: Any, _default: Any, wanted: Any) -> bool:
    return (seen is None) != (wanted is None) or bare(seen) != bare(wanted)


def differences(url: str) -> list[Any]:
    engine = create_engine(read_url(url))
    options = {"compare_type": True, "compare_server_default": other_default, "include_name": ours}
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)
    engine.dispose()
    return list(found)


def test_the_migrations_amount_to_the_schema(database_url: str) -> None:
    assert differences(database_url) == []


def test_a_missing_table_is_noticed_by_the_comparison(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE gaps"))
    engine.dispose()
    assert differences(sqlite_url) != []


def test_full_text_tables_are_left_alone(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE VIRTUAL TABLE entry_search USING fts5(tokens)"))
    engine.dispose()
    migrate(sqlite_url)
    assert differences(sqlite_url) == []


def test_several_processes_may_migrate_at_once_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/huiying.sqlite3"
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, [url] * 4))
    assert differences(url) == []


def test_several_processes_may_migrate_at_once_on_postgresql(postgres_server: str) -> None:
    engine = create_engine(read_url(postgres_server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS crowded"))
        connection.execute(text("CREATE DATABASE crowded"))
    url = postgres_server.replace("/postgres?", "/crowded?")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, [url] * 4))
    assert differences(url) == []
    engine.dispose()


def test_an_engine_may_be_handed_over(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.sqlite3")
    migrate(engine)
    assert "inbox" in inspect(engine).get_table_names()
    engine.dispose()


async def test_a_url_opens_the_database_it_names(sqlite_url: str, postgres_url: str) -> None:
    for url, kind in ((sqlite_url, SqliteDatabase), (postgres_url, PostgresDatabase)):
        database = open_database(url)
        assert isinstance(database, kind)
        rows = await database.read(lambda connection: connection.execute(text("SELECT count(*) FROM inbox")).scalar())
        assert rows == 0
        await database.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_any_other_url_is_refused_in_words(url: str) -> None:
    with pytest.raises(BadSettings, match=r"sqlite:///path|is not a database URL|must be a file"):
        open_database(url)
