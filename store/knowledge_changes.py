"""The writes of the knowledge base: new entries, next versions, retirement, and the revision that indexes follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from store.dialects import upsert
from store.knowledge_rows import BASE, BATCH, KnowledgeEntry
from store.schema import entries, entry_versions, knowledge_state

_BUMP = upsert(
    knowledge_state,
    lambda add: add.on_conflict_do_update(
        index_elements=["id"],
        set_={"revision": knowledge_state.c.revision + 1, "changed_at": add.excluded.changed_at},
    ),
)


def bump_revision(connection: Connection, now: float) -> None:
    """Tells the indexes that a live entry changed; part of the transaction that changes it."""
    connection.execute(_BUMP.on(connection), {"id": BASE, "revision": 1, "changed_at": now})


_TOUCH = upsert(
    knowledge_state,
    lambda add: add.on_conflict_do_update(index_elements=["id"], set_={"revision": knowledge_state.c.revision}),
)


def lock_state(connection: Connection) -> None:
    """Lets nobody else import until the transaction ends."""
    connection.execute(_TOUCH.on(connection), {"id": BASE, "revision": 0})


def lock_entry(connection: Connection, entry_id: str) -> None:
    """Lets nobody else change the entry until the transaction ends (SQLite has one writer anyway)."""
    connection.execute(select(entries.c.id).where(entries.c.id == entry_id).with_for_update())


def insert_entries(connection: Connection, new: Sequence[KnowledgeEntry]) -> None:
    """Writes new entries, each with its version. Raises IntegrityError when an id or a source key is taken."""
    if not new:
        return
    connection.execute(insert(entries), [_entry_row(entry) for entry in new])
    connection.execute(insert(entry_versions), [_version_row(entry) for entry in new])


def write_versions(connection: Connection, changed: Sequence[KnowledgeEntry], *, from_source: bool = False) -> None:
    """Writes the next version of entries that are there; their earlier versions stay.

    The content hash is what the source said last: an edit by hand leaves it, so that the next import leaves the edit.
    """
    if not changed:
        return
    connection.execute(insert(entry_versions), [_version_row(entry) for entry in changed])
    for entry in changed:
        row = _entry_row(entry)
        for kept in ("id", "created_at", "source", "source_key", *(() if from_source else ("content_hash",))):
            del row[kept]
        connection.execute(update(entries).where(entries.c.id == entry.entry_id).values(row))


def set_status(connection: Connection, entry_ids: Sequence[str], status: str, now: float) -> None:
    """Makes entries live or retired."""
    for start in range(0, len(entry_ids), BATCH):
        part = entry_ids[start : start + BATCH]
        connection.execute(update(entries).where(entries.c.id.in_(part)).values(status=status, updated_at=now))


def _entry_row(entry: KnowledgeEntry) -> dict[str, Any]:
    return {
        "id": entry.entry_id,
        "status": entry.status,
        "category": entry.words.category,
        "source": entry.source,
        "source_key": entry.source_key,
        "content_hash": entry.words.content_hash,
        "current_version": entry.version,
        "valid_from": entry.valid_from,
        "valid_until": entry.valid_until,
        "created_at": entry.written_at,
        "updated_at": entry.written_at,
    }


def _version_row(entry: KnowledgeEntry) -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "version": entry.version,
        "question": entry.words.question,
        "similar": orjson.dumps(list(entry.words.similar)).decode(),
        "answer": entry.words.answer,
        "author": entry.author,
        "created_at": entry.written_at,
    }
