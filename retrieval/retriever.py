"""The live retriever: follows the base's revision, searches in memory, and remembers what was asked just now."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Connection

from conversation.errors import GiveUp, RetryLater
from conversation.findings import Retrieval
from retrieval.calibration import RetrievalModel, load_model
from retrieval.candidates import Candidates
from retrieval.embedder import Embedder, Vectors
from retrieval.entry_reader import EntryReader
from retrieval.entry_snapshot import EntrySnapshot
from retrieval.finder import CONTEXT_LINES, Finder, asked_texts
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.slow_embedding import SlowEmbedding
from retrieval.static_encoder import StaticEncoder
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
#: Seconds between two looks for vectors that were lacking.
NEW_VECTORS_EVERY_S = 5.0
REMEMBERED = 1024
#: Remembered findings are searched again after this time, since entries begin and cease to hold.
REMEMBERED_FOR_S = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of the base at one revision: all of it, or the way to candidates.

    `lacking` counts the texts whose vectors were not made yet.
    """

    revision: int
    snapshot: EntrySnapshot | None
    candidates: Candidates | None
    lacking: int = 0


class Retriever:
    """Finds entries for questions. Goes on with what it holds when the database or the vector index is gone.

    `slow` is given where `embedder` is slow: its vectors are never made here, only read; without them words decide.
    """

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
        slow: SlowEmbedding | None = None,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._clock = clock
        self._keyword_index = keyword_index
        self._vector_index = vector_index
        self._keeper = keeper
        self._limit = snapshot_limit
        self._slow = slow
        chosen = model or load_model(embedder.name)
        self._compares = StaticEncoder.shipped() if chosen.second else None
        self._reader = EntryReader(embedder, compares=self._compares)
        self._finder = Finder(self._reader, chosen)
        self._held: Held | None = None
        self._checked_at = float("-inf")
        self._loading = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._trouble = ""
        self._vectors_read_at = float("-inf")
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
        vectors = None if self._slow is None else await self._slow.of_questions(asked_texts(text, context))
        found = await self._find(held, text, context, k, now, vectors)
        # What was found while the embedder was gone is found better when it is back.
        if vectors is None or vectors:
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

    def follow_soon(self) -> None:
        """Brings everything in step with the base in the background, as a search does now and then."""
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow())

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
            self.follow_soon()
        assert self._held is not None
        return self._held

    async def _follow(self) -> None:
        try:
            await self.refresh()
            try:
                if self._keeper is not None:
                    await self._keeper.follow()
            finally:
                await self._read_new_vectors()
            self._trouble = ""
        except (RetryLater, GiveUp) as gone:
            # Tried again every second: one line for each trouble, not for each try.
            if str(gone) != self._trouble:
                logger.warning("retrieval.not_followed", reason=str(gone))
            self._trouble = str(gone)

    async def _read_new_vectors(self) -> None:
        """Loads again where vectors were lacking that this process, or another one, has made since."""
        held = self._held
        if held is None or not held.lacking or self._clock() < self._vectors_read_at + NEW_VECTORS_EVERY_S:
            return
        async with self._loading:
            self._held = await self._load()
            self._remembered.clear()
            self._vectors_read_at = self._clock()
        logger.info("retrieval.vectors_read", embedder=self._embedder.name, lacking=self._held.lacking)

    async def _load(self) -> Held:
        entries, at, large = await self._database.read(self._entries_up_to_limit)
        if not large:
            wanted = set(self._reader.unread(entries)) if self._slow else set()
            vectors = await self._slow.held(list(wanted)) if self._slow else None
            snapshot = await asyncio.to_thread(self._reader.snapshot, entries, None, vectors)
            return Held(at, snapshot, None, lacking=len(wanted) - len(vectors or ()))
        if self._held is not None and self._held.candidates is not None:
            return Held(at, None, self._held.candidates)
        candidates = await asyncio.to_thread(
            Candidates,
            self._database,
            self._embedder,
            entries,
            keyword_index=self._keyword_index,
            vector_index=self._vector_index,
            slow=self._slow,
            compares=self._compares,
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

    async def _find(
        self,
        held: Held,
        text: str,
        context: Sequence[str],
        k: int,
        now: float,
        vectors: Mapping[str, Vectors] | None,
    ) -> Retrieval:
        finder, snapshot = self._finder, held.snapshot
        if held.candidates is not None:
            finder = Finder(held.candidates.reader, self._finder.model)
            lines = "\n".join(context[-CONTEXT_LINES:])
            snapshot = await held.candidates.snapshot_for(finder.question(text, lines, vectors))
        assert snapshot is not None
        find = partial(finder.find, snapshot, text, context=context, k=k, now=now, vectors=vectors)
        return find() if snapshot.size <= INLINE_NUMBERS else await asyncio.to_thread(find)
