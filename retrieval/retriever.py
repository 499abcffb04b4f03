"""The live retriever: follows the base's revision, searches in memory, and remembers what was asked just now."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from conversation.errors import RetryLater
from conversation.findings import Retrieval
from retrieval.calibration import RetrievalModel, load_model
from retrieval.candidates import Candidates
from retrieval.embedder import Embedder
from retrieval.entry_snapshot import EntryReader, EntrySnapshot
from retrieval.finder import Finder
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.tokens import normalise
from retrieval.vector_index import VectorIndex
from store.database import Database
from store.knowledge_rows import KnowledgeEntry, count_live, live_entries, revision

logger = structlog.get_logger(__name__)

#: A base of more entries is searched through its indexes instead of being held in memory.
SNAPSHOT_LIMIT = 20_000
#: Entries of a larger base from which it is learned how common words are.
SAMPLE = 5000
#: Seconds after which a search looks whether another process changed the base.
CHECK_EVERY_S = 1.0
#: A snapshot of more numbers than this is searched in a thread: below it a search takes under 2 ms.
INLINE_NUMBERS = 1_500_000
REMEMBERED = 1024
#: Remembered findings are searched again after this time, since entries begin and cease to hold.
REMEMBERED_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of the base at one revision: all of it, or the way to candidates."""

    revision: int
    snapshot: EntrySnapshot | None
    candidates: Candidates | None


class Retriever:
    """Finds entries for questions. Goes on with what it holds when the database or the vector index is gone."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        *,
        clock: Callable[[], float],
        keyword_index: KeywordIndex,
        vector_index: VectorIndex | None = None,
        keeper: IndexKeeper | None = None,
        model: RetrievalModel | None = None,
        snapshot_limit: int = SNAPSHOT_LIMIT,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._clock = clock
        self._keyword_index = keyword_index
        self._vector_index = vector_index
        self._keeper = keeper
        self._limit = snapshot_limit
        self._reader = EntryReader(embedder)
        self._finder = Finder(self._reader, model or load_model(embedder.name))
        self._held: Held | None = None
        self._checked_at = float("-inf")
        self._loading = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._remembered: OrderedDict[tuple[object, ...], Retrieval] = OrderedDict()

    async def search(self, text: str, *, context: Sequence[str] = (), k: int = 5) -> Retrieval:
        """The entries that answer `text`, best first, at most `k`, and the chances that they do.

        `context` are earlier lines of the customer, oldest first; they are read only when `text` is too short to
        stand alone. Raises `RetryLater` when the database is gone and nothing was ever loaded.
        """
        held = await self._current()
        now = self._clock()
        key = (held.revision, int(now / REMEMBERED_FOR_S), k, normalise(text).strip(), tuple(context))
        if (known := self._remembered.get(key)) is not None:
            self._remembered.move_to_end(key)
            return known
        found = await self._find(held, text, context, k, now)
        self._remembered[key] = found
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    async def refresh(self) -> int:
        """Loads the base as it is now, if it changed; gives its revision. Raises `RetryLater`."""
        self._checked_at = self._clock()
        async with self._loading:
            at = await self._database.read(revision)
            if self._held is None or self._held.revision != at:
                self._held = await self._load()
                logger.info("retrieval.loaded", revision=self._held.revision)
        return self._held.revision

    async def close(self) -> None:
        """Stops following the base."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _current(self) -> Held:
        """What to search now. A change is loaded in the background, while the last revision still answers."""
        if self._held is None:
            await self.refresh()
        elif self._clock() - self._checked_at >= CHECK_EVERY_S and (self._following is None or self._following.done()):
            self._checked_at = self._clock()
            self._following = asyncio.create_task(self._follow())
        assert self._held is not None
        return self._held

    async def _follow(self) -> None:
        try:
            await self.refresh()
            if self._keeper is not None:
                await self._keeper.follow()
        except RetryLater as gone:
            logger.warning("retrieval.not_followed", reason=str(gone))

    async def _load(self) -> Held:
        entries, at, large = await self._database.read(self._entries_up_to_limit)
        if not large:
            return Held(at, await asyncio.to_thread(self._reader.snapshot, entries), None)
        if self._held is not None and self._held.candidates is not None:
            return Held(at, None, self._held.candidates)
        candidates = await asyncio.to_thread(
            Candidates,
            self._database,
            self._embedder,
            entries,
            keyword_index=self._keyword_index,
            vector_index=self._vector_index,
        )
        return Held(at, None, candidates)

    def _entries_up_to_limit(self, connection: Connection) -> tuple[list[KnowledgeEntry], int, bool]:
        """The entries, their revision, and whether there are more than may be held.

        Of a large base some entries are read once, to learn how common words are.
        """
        at = revision(connection)
        large = count_live(connection) > self._limit
        learned = large and self._held is not None and self._held.candidates is not None
        return [] if learned else live_entries(connection, limit=SAMPLE if large else None), at, large

    async def _find(self, held: Held, text: str, context: Sequence[str], k: int, now: float) -> Retrieval:
        finder, snapshot = self._finder, held.snapshot
        if held.candidates is not None:
            finder = Finder(held.candidates.reader, self._finder.model)
            lines = "\n".join(context[-2:])
            snapshot = await held.candidates.snapshot_for(finder.question(text, lines))
        assert snapshot is not None
        if snapshot.size <= INLINE_NUMBERS:
            return finder.find(snapshot, text, context=context, k=k, now=now)
        return await asyncio.to_thread(finder.find, snapshot, text, context=context, k=k, now=now)
