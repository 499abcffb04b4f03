"""Alembic's entry: runs the migrations on the connection that `store.migrate` hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from store.schema import METADATA


def run(connection: Connection) -> None:
    """Brings the database of `connection` to the wanted revision, inside the caller's transaction."""
    sqlite = connection.dialect.name == "sqlite"
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=sqlite)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
