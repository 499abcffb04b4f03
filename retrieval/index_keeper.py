"""Keeps the vector index in step with the entries in SQL. Run by the process that owns the index."""

from __future__ import annotations

from sqlalchemy import Connection

from retrieval.embedder import Embedder
from retrieval.vector_index import VectorIndex, bring_in_step
from store.database import Database
from store.knowledge_rows import KnowledgeEntry, live_entries, revision


class IndexKeeper:
    """Follows the base with a vector index, and makes the index again from SQL."""

    def __init__(self, database: Database, embedder: Embedder, index: VectorIndex) -> None:
        self._database = database
        self._embedder = embedder
        self._index = index

    async def follow(self) -> int:
        """Brings the index in step; gives how many vectors were made. Costs one look when nothing changed.

        Raises `RetryLater` when the database or the index is gone; the next call continues.
        """
        if await self._index.revision() == await self._database.read(revision):
            return 0
        entries, at = await self._database.read(entries_and_revision)
        return await bring_in_step(self._index, entries, self._embedder, at)

    async def rebuild(self) -> int:
        """Throws the index away and makes it again; gives how many vectors it holds. Raises `RetryLater`."""
        await self._index.clear()
        entries, at = await self._database.read(entries_and_revision)
        return await bring_in_step(self._index, entries, self._embedder, at)


def entries_and_revision(connection: Connection) -> tuple[list[KnowledgeEntry], int]:
    """The live entries, and the revision that they are of."""
    at = revision(connection)
    return live_entries(connection), at
