"""Wires the storage: a data folder that can be written and a database whose schema is the newest, or a sentence."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from alembic.util.exc import CommandError
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from conversation.errors import BadSettings, RetryLater
from settings import Settings
from store.database import Database
from store.database_url import read_url, sqlite_path
from store.migrate import migrate
from store.open_database import open_database

#: Seconds; a PostgreSQL server that swallows packets would otherwise hold a start for minutes.
CONNECT_S = 10


def prepare_data_folder(folder: Path) -> None:
    """Makes the data folder where it is missing. Raises `BadSettings` where it cannot be written."""
    cure = "set HUIYING_DATA_DIR to a folder that this user may write to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise BadSettings(f"the data folder {folder} is a file: {cure}") from None
    except OSError as error:
        raise BadSettings(f"the data folder {folder} cannot be made ({error.strerror}): {cure}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadSettings(f"the data folder {folder} cannot be written: {cure}")


async def ready_database(settings: Settings) -> Database:
    """The settings' database, opened, its schema up to date. Raises `BadSettings`; a password never appears in it."""
    url = read_url(settings.database)
    if url.get_backend_name() != "sqlite":
        url = url.set(query={"connect_timeout": str(CONNECT_S), **url.query})
    address = url.render_as_string(hide_password=False)
    try:
        await asyncio.to_thread(migrate, address)
    except CommandError as error:
        raise BadSettings(
            f"the database {_shown(url)} has a schema that this version does not know ({error}): "
            "upgrade Huiying, or restore the backup made before the upgrade"
        ) from None
    except (DBAPIError, RetryLater, OSError) as error:
        raise BadSettings(_refusal(url, error)) from None
    return open_database(address)


def _refusal(url: URL, error: DBAPIError | RetryLater | OSError) -> str:
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    reason = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), type(error).__name__)
    if url.get_backend_name() == "sqlite":
        return f"the SQLite file {_shown(url)} cannot be used ({reason}): set HUIYING_DATABASE_URL or HUIYING_DATA_DIR"
    return (
        f"PostgreSQL at {_shown(url)} cannot be used ({reason}): check that the server runs, and that host, user, "
        "password and database of HUIYING_DATABASE_URL are right"
    )


def _shown(url: URL) -> str:
    """Where the database is, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return str(sqlite_path(url))
    port = f":{url.port}" if url.port else ""
    return f"{url.host or 'the local socket'}{port}/{url.database or ''}"
