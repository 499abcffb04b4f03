"""Opens the database that a URL names; called once by the wiring."""

from __future__ import annotations

from store.database import Database
from store.database_url import read_url, sqlite_path
from store.sqlite_database import SqliteDatabase


def open_database(url: str) -> Database:
    """The database behind `sqlite:///path` or `postgresql://…`. Raises `BadSettings` for any other URL."""
    address = read_url(url)
    if address.get_backend_name() == "sqlite":
        return SqliteDatabase(sqlite_path(address))
    # An embedded start does not pay for importing the async engine and its driver.
    from store.postgres_database import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(address.render_as_string(hide_password=False))
