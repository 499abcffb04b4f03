"""What is read of the knowledge base: entries at their versions, what a source said last, and the revision."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select

from store.schema import entries, entry_versions, knowledge_state

LIVE = "live"
RETIRED = "retired"
BASE = "base"
#: Parameters per statement stay below SQLite's limit.
BATCH = 500


@dataclass(frozen=True, slots=True)
class EntryWords:
    """What an entry says. `similar` are other ways to ask the same; an entry may have no question (a document)."""

    question: str = ""
    answer: str = ""
    similar: tuple[str, ...] = ()
    category: str = ""

    @property
    def content_hash(self) -> str:
        """Equal for equal words: a re-import skips what it knows."""
        parts = [self.question, self.answer, list(self.similar), self.category]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class KnowledgeEntry:
    """An entry at one version. `written_at` is when this version was written (Unix seconds).

    It holds from `valid_from` until `valid_until`; None means without a limit.
    """

    entry_id: str
    version: int
    words: EntryWords
    status: str = LIVE
    source: str = ""
    source_key: str = ""
    author: str = ""
    written_at: float = 0.0
    valid_from: float | None = None
    valid_until: float | None = None

    def holds_at(self, now: float) -> bool:
        """True when the entry may be told to a customer at `now`."""
        begun = self.valid_from is None or self.valid_from <= now
        return begun and (self.valid_until is None or now < self.valid_until)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What is known of an imported entry; `content_hash` is of what its source said last."""

    entry_id: str
    content_hash: str
    status: str
    version: int


def revision(connection: Connection) -> int:
    """The number of changes so far; 0 for an untouched base."""
    found = connection.scalar(select(knowledge_state.c.revision).where(knowledge_state.c.id == BASE))
    return int(found or 0)


def live_entries(connection: Connection, limit: int | None = None) -> list[KnowledgeEntry]:
    """Every live entry at its current version (the first `limit` of them), oldest first."""
    live = _current().where(entries.c.status == LIVE).order_by(entries.c.created_at, entries.c.id).limit(limit)
    return [_entry(row) for row in connection.execute(live)]


def count_live(connection: Connection) -> int:
    """How many entries are live."""
    counted = connection.scalar(select(func.count()).select_from(entries).where(entries.c.status == LIVE))
    return int(counted or 0)


def live_among(connection: Connection, entry_ids: Iterable[str]) -> list[KnowledgeEntry]:
    """The live ones of `entry_ids`, at their current versions, in no order."""
    wanted = list(dict.fromkeys(entry_ids))
    found: list[KnowledgeEntry] = []
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        rows = connection.execute(_current().where(entries.c.id.in_(part), entries.c.status == LIVE))
        found.extend(_entry(row) for row in rows)
    return found


def live_versions(connection: Connection, entry_ids: Sequence[str]) -> dict[str, int]:
    """The current versions of the live ones of `entry_ids` (at most a few hundred)."""
    found = select(entries.c.id, entries.c.current_version).where(entries.c.id.in_(entry_ids), entries.c.status == LIVE)
    return {entry_id: version for entry_id, version in connection.execute(found)}


def entry_at(connection: Connection, entry_id: str, version: int | None = None) -> KnowledgeEntry | None:
    """An entry at `version` (None: the current one), or None when there is no such thing."""
    at = entries.c.current_version if version is None else version
    row = connection.execute(_joined(entry_versions.c.version == at).where(entries.c.id == entry_id)).first()
    return _entry(row) if row else None


def history(connection: Connection, entry_id: str) -> list[KnowledgeEntry]:
    """Every version of an entry, oldest first; empty when there is no such entry."""
    rows = connection.execute(_joined().where(entries.c.id == entry_id).order_by(entry_versions.c.version))
    return [_entry(row) for row in rows]


def rows_of_source(connection: Connection, source: str) -> dict[str, SourceRow]:
    """What was imported from `source`, by the source's own key."""
    found = connection.execute(
        select(
            entries.c.source_key, entries.c.id, entries.c.content_hash, entries.c.status, entries.c.current_version
        ).where(entries.c.source == source)
    )
    return {key: SourceRow(*rest) for key, *rest in found}


def ids_in_use(connection: Connection, entry_ids: Collection[str]) -> set[str]:
    """Those of `entry_ids` that an entry has already."""
    wanted = list(entry_ids)
    used: set[str] = set()
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        used.update(connection.scalars(select(entries.c.id).where(entries.c.id.in_(part))))
    return used


def _joined(version: ColumnElement[bool] | None = None) -> Select[Any]:
    on = entry_versions.c.entry_id == entries.c.id
    return select(entries, *_VERSION_COLUMNS).join(entry_versions, on if version is None else and_(on, version))


def _current() -> Select[Any]:
    return _joined(entry_versions.c.version == entries.c.current_version)


_VERSION_COLUMNS = (
    entry_versions.c.version,
    entry_versions.c.question,
    entry_versions.c.similar,
    entry_versions.c.answer,
    entry_versions.c.author,
    entry_versions.c.created_at.label("written_at"),
)


def _entry(row: Row[Any]) -> KnowledgeEntry:
    return KnowledgeEntry(
        entry_id=row.id,
        version=row.version,
        words=EntryWords(row.question, row.answer, tuple(orjson.loads(row.similar)), row.category),
        status=row.status,
        source=row.source,
        source_key=row.source_key,
        author=row.author,
        written_at=row.written_at,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
