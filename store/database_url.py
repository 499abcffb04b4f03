"""Reads a database URL as people write it: `sqlite:///path` or `postgresql://…`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from conversation.errors import BadSettings


def read_url(text: str) -> URL:
    """The URL with our driver in it. Raises `BadSettings` for what is no SQLite file and no PostgreSQL server."""
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise BadSettings(f"{text!r} is not a database URL: write sqlite:///path or postgresql://host/name") from error
    kind = url.get_backend_name()
    if kind in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite")
    raise BadSettings("the database must be a file (sqlite:///path) or a server (postgresql://host/name)")


def sqlite_path(url: URL) -> Path:
    """The file that a SQLite URL names."""
    return Path(url.database or "")
