"""Search in a base too large for memory: candidates from the word and the vector index, then the same ranking."""

from __future__ import annotations

import asyncio

import structlog

from conversation.errors import RetryLater
from retrieval.embedder import Embedder
from retrieval.entry_reader import EntryReader
from retrieval.entry_snapshot import EntrySnapshot, Question, SideStatistics
from retrieval.keyword_index import KeywordIndex
from retrieval.slow_embedding import SlowEmbedding
from retrieval.static_encoder import StaticEncoder
from retrieval.vector_index import VectorIndex
from store.database import Database
from store.knowledge_rows import KnowledgeEntry, live_among

logger = structlog.get_logger(__name__)

#: Entries that each of the two indexes proposes.
PROPOSED = 60
#: Entries whose readings are kept between searches: the often asked ones are read once.
REMEMBERED = 5000


class Candidates:
    """Makes a small snapshot per question, out of the entries that could answer it.

    `sample` are entries from which it is learned how common words are; `statistics` of a few thousand entries differ
    little from those of all.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        sample: list[KnowledgeEntry],
        *,
        keyword_index: KeywordIndex,
        vector_index: VectorIndex | None,
        slow: SlowEmbedding | None = None,
        compares: StaticEncoder | None = None,
    ) -> None:
        self._database = database
        self._keyword_index = keyword_index
        self._vector_index = vector_index
        self.reader = EntryReader(embedder, spare=REMEMBERED, compares=compares)
        self._slow = slow
        # How common words are is learned from words alone.
        self._statistics: SideStatistics = self.reader.snapshot(sample, vectors={} if slow else None).statistics

    async def snapshot_for(self, question: Question) -> EntrySnapshot:
        """The candidates for `question`. Raises `RetryLater` when the database is gone; vectors may be gone."""
        by_words, by_vector = await asyncio.gather(self._by_words(question), self._by_vector(question))
        entries = await self._database.read(lambda connection: live_among(connection, by_words + by_vector))
        vectors = None if self._slow is None else await self._slow.held(self.reader.unread(entries))
        return await asyncio.to_thread(self.reader.snapshot, entries, self._statistics, vectors)

    async def _by_words(self, question: Question) -> list[str]:
        weights = {token: weight * self._rarity(token) for token, weight in question.words.answering.items()}
        return await self._database.read(lambda connection: self._keyword_index.search(connection, weights, PROPOSED))

    async def _by_vector(self, question: Question) -> list[str]:
        if self._vector_index is None or not question.vector.any():
            return []
        try:
            hits = await self._vector_index.query(question.vector, 2 * PROPOSED)
        except RetryLater as gone:
            logger.warning("retrieval.vectors_gone", reason=str(gone))
            return []
        return list(dict.fromkeys(hit.entry_id for hit in hits))[:PROPOSED]

    def _rarity(self, token: str) -> float:
        number = self.reader.number_of(token)
        return max(self._statistics.asks.rarity(number), self._statistics.answers.rarity(number))
