"""The knowledge base: entries and their versions, changed only here, each change in one transaction with its index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from conversation.errors import HuiyingError
from conversation.identity import new_id
from knowledge.importing import AUTHOR, ImportReport, import_paths
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import IndexedWords, KeywordIndex, indexed_words
from store.database import Database
from store.knowledge_changes import bump_revision, insert_entries, lock_entry, set_status, write_versions
from store.knowledge_rows import (
    LIVE,
    RETIRED,
    EntryWords,
    KnowledgeEntry,
    count_live,
    entry_at,
    history,
    live_entries,
    live_versions,
    revision,
)

#: Entries that are indexed in one transaction when the word index is made again.
BATCH = 500


class NoSuchEntry(HuiyingError):
    """The base has no entry, or no version of it, by that name."""


class KnowledgeBase:
    """What is known. Every change of a live entry bumps the revision that retrievers follow."""

    def __init__(
        self,
        database: Database,
        keyword_index: KeywordIndex,
        keeper: IndexKeeper | None = None,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._keyword_index = keyword_index
        self._keeper = keeper
        self._clock = clock

    async def prepare(self) -> None:
        """Makes the word index, and fills it where it does not hold every live entry. Call once at start."""

        def incomplete(connection: Connection) -> bool:
            new = self._keyword_index.ensure(connection)
            return new or self._keyword_index.count(connection) != count_live(connection)

        if await self._database.write(incomplete):
            await self._fill_keyword_index()

    async def revision(self) -> int:
        """How often the base changed."""
        return await self._database.read(revision)

    async def live(self) -> list[KnowledgeEntry]:
        """Every live entry, oldest first."""
        return await self._database.read(live_entries)

    async def entry(self, entry_id: str, version: int | None = None) -> KnowledgeEntry:
        """An entry at `version` (None: the current one), live or not. Raises `NoSuchEntry`."""
        return await self._database.read(lambda connection: _existing(connection, entry_id, version))

    async def history(self, entry_id: str) -> list[KnowledgeEntry]:
        """Every version of an entry, oldest first. Raises `NoSuchEntry`."""
        versions = await self._database.read(lambda connection: history(connection, entry_id))
        if not versions:
            raise NoSuchEntry(f"there is no entry {entry_id}")
        return versions

    async def add(
        self,
        words: EntryWords,
        *,
        author: str,
        valid_from: float | None = None,
        valid_until: float | None = None,
    ) -> KnowledgeEntry:
        """Adds a live entry; it holds from `valid_from` until `valid_until` (Unix seconds, None: without a limit)."""
        entry_id = new_id("kb")
        entry = KnowledgeEntry(
            entry_id,
            1,
            words,
            source=author,
            source_key=entry_id,
            author=author,
            written_at=self._clock(),
            valid_from=valid_from,
            valid_until=valid_until,
        )

        def work(connection: Connection) -> None:
            insert_entries(connection, [entry])
            self._index(connection, entry)

        await self._database.write(work)
        return entry

    async def change(self, entry_id: str, words: EntryWords, *, author: str) -> KnowledgeEntry:
        """Gives an entry new words as its next version, and makes it live. Equal words change nothing.

        Raises `NoSuchEntry`.
        """
        return await self._database.write(lambda connection: self._change(connection, entry_id, words, author))

    async def roll_back(self, entry_id: str, version: int, *, author: str) -> KnowledgeEntry:
        """Gives an entry the words of an earlier version again, as a new one: history is never rewritten.

        Raises `NoSuchEntry`.
        """

        def work(connection: Connection) -> KnowledgeEntry:
            old = _existing(connection, entry_id, version)
            return self._change(connection, entry_id, old.words, author)

        return await self._database.write(work)

    async def retire(self, entry_id: str) -> None:
        """Takes an entry out of every answer from now on; its versions stay. Raises `NoSuchEntry`."""

        def work(connection: Connection) -> None:
            lock_entry(connection, entry_id)
            if _existing(connection, entry_id).status == RETIRED:
                return
            set_status(connection, [entry_id], RETIRED, self._clock())
            self._keyword_index.remove(connection, [entry_id])
            bump_revision(connection, self._clock())

        await self._database.write(work)

    async def import_paths(self, paths: Sequence[Path], *, author: str = AUTHOR) -> ImportReport:
        """See `knowledge.importing.import_paths`."""
        return await import_paths(self._database, self._keyword_index, paths, clock=self._clock, author=author)

    async def rebuild_index(self) -> int:
        """Makes the word index and the vector index again from the entries; gives how many entries there are.

        Raises `RetryLater` when the database or the vector index is gone.
        """
        await self._database.write(self._keyword_index.ensure)
        filled = await self._fill_keyword_index()
        if self._keeper is not None:
            await self._keeper.rebuild()
        return filled

    def _change(self, connection: Connection, entry_id: str, words: EntryWords, author: str) -> KnowledgeEntry:
        lock_entry(connection, entry_id)
        current = _existing(connection, entry_id)
        if current.words == words and current.status == LIVE:
            return current
        newest = history(connection, entry_id)[-1].version
        changed = replace(
            current, version=newest + 1, words=words, status=LIVE, author=author, written_at=self._clock()
        )
        write_versions(connection, [changed])
        self._index(connection, changed)
        return changed

    def _index(self, connection: Connection, entry: KnowledgeEntry) -> None:
        self._keyword_index.put(connection, [indexed_words(entry)])
        bump_revision(connection, self._clock())

    async def _fill_keyword_index(self) -> int:
        """Fills batch by batch, so that nobody waits long for the writer."""
        entries = await self._database.read(live_entries)
        await self._database.write(self._keyword_index.clear)
        for start in range(0, len(entries), BATCH):
            part = entries[start : start + BATCH]
            words = await asyncio.to_thread(_indexed, part)
            await self._database.write(partial(self._put_unchanged, part=part, words=words))
        return len(entries)

    def _put_unchanged(
        self, connection: Connection, *, part: Sequence[KnowledgeEntry], words: Sequence[IndexedWords]
    ) -> None:
        """Indexes what is as it was when it was read; an entry that changed meanwhile has indexed itself."""
        now = live_versions(connection, [entry.entry_id for entry in part])
        same = [one for entry, one in zip(part, words, strict=True) if now.get(entry.entry_id) == entry.version]
        self._keyword_index.put(connection, same)


def _indexed(entries: Sequence[KnowledgeEntry]) -> list[IndexedWords]:
    return [indexed_words(entry) for entry in entries]


def _existing(connection: Connection, entry_id: str, version: int | None = None) -> KnowledgeEntry:
    found = entry_at(connection, entry_id, version)
    if found is None:
        at = "" if version is None else f" at version {version}"
        raise NoSuchEntry(f"there is no entry {entry_id}{at}")
    return found
