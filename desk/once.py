"""Writing a row at most once, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Inserts `row` unless a unique key of it exists already. True when it was inserted."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return connection.execute(insert(table).values(dict(row)).on_conflict_do_nothing()).rowcount == 1
