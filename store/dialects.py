"""Statements that SQLite and PostgreSQL spell differently, built once for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Executable, Row, Table, text
from sqlalchemy.dialects import postgresql, sqlite

AnyRow = Row[*tuple[Any, ...]]


class PerDialect:
    """One statement in both spellings; built at import, so that a call costs a dictionary look-up."""

    def __init__(self, sqlite_form: Executable, postgresql_form: Executable) -> None:
        self._forms = {"sqlite": sqlite_form, "postgresql": postgresql_form}

    def on(self, connection: Connection) -> Executable:
        """The form that the database of `connection` understands."""
        return self._forms[connection.dialect.name]


def upsert(table: Table, build: Callable[[Any], Executable]) -> PerDialect:
    """`build(insert(table))` with each dialect's own insert, for ON CONFLICT clauses."""
    return PerDialect(build(sqlite.insert(table)), build(postgresql.insert(table)))


def insert_new(table: Table) -> PerDialect:
    """An insert that leaves rows alone which are there already; the result's `rowcount` says how many were written."""
    # SQLAlchemy forgets the rowcount of an INSERT on PostgreSQL unless asked, and always where it adds a RETURNING.
    return upsert(
        table,
        lambda insert: insert.on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True),
    )


def two_texts(sqlite_text: str, postgresql_text: str) -> PerDialect:
    """A statement written by hand for each."""
    return PerDialect(text(sqlite_text), text(postgresql_text))
