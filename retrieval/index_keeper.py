"""Keeps the vectors in step with the entries in SQL. Run by the process that owns the index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Connection

from conversation.errors import RetryLater
from retrieval import kept_vectors
from retrieval.embedder import Embedder
from retrieval.search_texts import search_texts
from retrieval.slow_embedding import Progress, SlowEmbedding, silent
from retrieval.vector_index import IndexBusy, VectorIndex, bring_in_step
from store.database import Database
from store.knowledge_rows import KnowledgeEntry, live_entries, revision

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What was made with which embedder: of how many `texts` how many vectors, and what was removed.

    `busy` says, in words, why the index was left to the process that has it; empty when it is in step.
    """

    embedder: str
    texts: int
    made: int
    removed: tuple[str, ...] = ()
    busy: str = ""


class IndexKeeper:
    """Follows the base with a vector index, and makes the index again from SQL.

    With `slow` the vectors are made first and kept in SQL, whence the index is filled. `removes_others`: what other
    embedders left in the index is removed as soon as this one's is complete.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        index: VectorIndex,
        *,
        slow: SlowEmbedding | None = None,
        removes_others: bool = False,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._index = index
        self._slow = slow
        self._removes_others = removes_others
        self._made_at: int | None = None
        self._looked_for_others = False

    async def follow(self) -> int:
        """Brings vectors and index in step; gives how many vectors were made. Costs one look when nothing changed.

        Raises `RetryLater` when the database, the index or a slow embedder is gone, and `GiveUp` when the embedder will
        never answer so; the next call continues.
        """
        at = await self._database.read(revision)
        made = 0
        if self._slow is not None and self._made_at != at:
            if self._slow.rests:
                return 0
            entries, at = await self._database.read(entries_and_revision)
            made = await self._slow.make(_texts(entries))
            self._made_at = at
        return max(made, await self._follow_index(at))

    async def rebuild(self) -> int:
        """Throws the index away and makes it again; gives how many vectors it holds. Raises as `follow`."""
        await self._index.clear()
        entries, at = await self._database.read(entries_and_revision)
        if self._slow is not None:
            await self._slow.make(_texts(entries))
        return await bring_in_step(self._index, entries, self._embedder, at, slow=self._slow)

    async def reindex(self, *, again: bool = False, progress: Progress = silent) -> Reindexed:
        """Makes every vector that is missing (`again`: all of them), then removes what other embedders left.

        What is there stays until everything is made, and a run that was stopped is continued by the next. Raises as
        `follow`; `IndexBusy` only where nothing could be done at all.
        """
        entries, at = await self._database.read(entries_and_revision)
        texts = _texts(entries)
        made, quietly = 0, progress
        if self._slow is not None:
            made, quietly = await self._make_kept(self._slow, texts, again, progress), silent
        try:
            written = await bring_in_step(
                self._index, entries, self._embedder, at, slow=self._slow, again=again or made > 0, progress=quietly
            )
            removed = await self._index.forget_others()
        except IndexBusy as busy:
            if self._slow is None:
                raise
            return Reindexed(self._embedder.name, len(texts), made, busy=str(busy))
        if self._slow is not None:
            await self._slow.forget_unused(texts)
        removed += await self._database.write(partial(_forget_kept_of_others, embedder=self._embedder.name))
        return Reindexed(self._embedder.name, len(texts), made if self._slow else written, tuple(removed))

    async def _make_kept(self, slow: SlowEmbedding, texts: list[str], again: bool, progress: Progress) -> int:
        size = slow.embedder.dimensions
        made = await slow.make(texts, again=again, progress=progress)
        if slow.embedder.dimensions != size:
            await slow.forget_unused(texts)
            raise RetryLater(
                f"{slow.embedder.name} gives {slow.embedder.dimensions} numbers a text now, it gave {size} before: "
                "the vectors are made; run huiying kb reindex once more to fill the index with them"
            )
        return made

    async def _follow_index(self, at: int) -> int:
        others = [] if self._looked_for_others else await self._index.others()
        if others:
            logger.warning("retrieval.other_embedder", stored=others, embedder=self._embedder.name)
        made = 0
        if await self._index.revision() != at:
            entries, at = await self._database.read(entries_and_revision)
            made = await bring_in_step(self._index, entries, self._embedder, at, slow=self._slow)
        if others and self._removes_others:
            logger.info("retrieval.other_embedder_removed", removed=await self._index.forget_others())
        self._looked_for_others = True
        return made


def entries_and_revision(connection: Connection) -> tuple[list[KnowledgeEntry], int]:
    """The live entries, and the revision that they are of."""
    at = revision(connection)
    return live_entries(connection), at


def _texts(entries: list[KnowledgeEntry]) -> list[str]:
    return list(dict.fromkeys(text.text for entry in entries for text in search_texts(entry)))


def _forget_kept_of_others(connection: Connection, embedder: str) -> list[str]:
    if not kept_vectors.exists(connection):
        return []
    others = kept_vectors.other_embedders(connection, embedder)
    kept_vectors.forget_embedders(connection, others)
    return others
