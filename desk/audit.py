"""The audit log: append-only, each row's hash covers the one before it, so that no row can be changed unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import orjson
from sqlalchemy import Connection, func, select

from store.schema import audit


def record(
    connection: Connection, *, actor: str, action: str, subject: str, detail: Mapping[str, object], now: float
) -> None:
    """Appends one row. `actor` is a staff id or `bot` / `system`; `detail` holds no personal data."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("audit"))))
    previous = connection.execute(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)).scalar() or ""
    body = orjson.dumps(dict(detail), option=orjson.OPT_SORT_KEYS).decode()
    row = {"at": now, "actor": actor, "action": action, "subject": subject, "detail": body, "previous": previous}
    connection.execute(audit.insert().values(**row, hash=_hash(row)))


def broken_at(connection: Connection) -> int | None:
    """The id of the first row that does not follow from the one before it; None when the whole log is sound."""
    previous = ""
    for row in connection.execute(select(audit).order_by(audit.c.id)).mappings():
        fields = {name: row[name] for name in ("at", "actor", "action", "subject", "detail", "previous")}
        if row["previous"] != previous or row["hash"] != _hash(fields):
            return int(row["id"])
        previous = row["hash"]
    return None


def _hash(row: Mapping[str, object]) -> str:
    return hashlib.sha256(orjson.dumps(dict(row), option=orjson.OPT_SORT_KEYS)).hexdigest()
