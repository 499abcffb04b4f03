"""Column shorthands shared by the tables: text ids, Unix-second times, JSON as text."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite counts rows only in a plain INTEGER key; PostgreSQL needs the wide type.
ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def row_number() -> Column[int]:
    """A primary key that counts up: the order in which rows were written."""
    return Column("id", ROW_NUMBER, primary_key=True, autoincrement=True)


def text_id(name: str = "id") -> Column[str]:
    """A primary key made by us or by a platform."""
    return Column(name, Text, primary_key=True)


def words(name: str, default: str = "", **options: Any) -> Column[str]:
    """Text that is never null."""
    return Column(name, Text, nullable=False, server_default=default, **options)


def when(name: str, **options: Any) -> Column[float]:
    """A moment in Unix seconds, null when it has not come."""
    return Column(name, Float, **options)


def count(name: str, default: int = 0) -> Column[int]:
    """A whole number, 0 by default."""
    return Column(name, Integer, nullable=False, server_default=str(default))


def json_text(name: str, default: str = "{}") -> Column[str]:
    """JSON kept as text: written and read by `conversation.codec` or orjson, never queried into."""
    return Column(name, Text, nullable=False, server_default=default)
