"""Wires the finding: embedder, keyword index, vector index, retriever, knowledge base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from knowledge.entries import KnowledgeBase
from retrieval.calibration import fitted_name
from retrieval.embedder import Embedder, SlowEmbedder
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.knowledge_index import KnowledgeIndex
from retrieval.postgres_keyword_index import PostgresKeywordIndex
from retrieval.retriever import Retriever
from retrieval.slow_embedding import SlowEmbedding
from retrieval.sqlite_keyword_index import SqliteKeywordIndex
from settings import Settings
from store.database import Database
from wiring_models import shipped_embedder

logger = structlog.get_logger(__name__)

OPENAI = "openai:"


@dataclass(frozen=True, slots=True)
class Library:
    """What is known and how it is found. `slow` is there where the embedder is slow."""

    embedder_name: str
    retriever: Retriever
    knowledge: KnowledgeBase
    index: KnowledgeIndex
    keeper: IndexKeeper
    slow: SlowEmbedding | None = None

    def tell(self) -> None:
        """Says in the log which embedder finds entries, and whether its numbers are borrowed."""
        name, fitted = self.embedder_name, fitted_name(self.embedder_name)
        if fitted is None:
            logger.warning("retrieval.not_fitted", embedder=name, cure="python -m evals.retrieval_fit")
        else:
            logger.info("retrieval.embedder", embedder=name, fitted=fitted)

    async def close(self) -> None:
        """Lets go of everything but the database."""
        await self.retriever.close()
        await self.index.close()
        if self.slow is not None:
            await self.slow.close()


def build_embedder(settings: Settings) -> Embedder:
    """The embedder of the settings; a `SlowEmbedder` has yet to be opened. Raises `BadSettings` in words."""
    model, chosen = settings.embedding_model, settings.embedding
    if not model:
        return shipped_embedder(settings)
    if model.startswith(OPENAI):
        from retrieval.openai_embedder import EmbeddingEndpoint, OpenAIEmbedder

        base_url, api_key = settings.embedding_endpoint
        return OpenAIEmbedder(
            EmbeddingEndpoint(
                base_url=base_url,
                model=model.removeprefix(OPENAI),
                api_key=api_key,
                dimensions=chosen.dimensions,
                query_prefix=chosen.query_prefix,
                document_prefix=chosen.document_prefix,
                batch=chosen.batch,
                timeout_s=chosen.timeout_s,
            )
        )
    from retrieval.sentence_embedder import SentenceEmbedder

    return SentenceEmbedder(
        model,
        query_prefix=chosen.query_prefix,
        document_prefix=chosen.document_prefix,
        dimensions=chosen.dimensions,
        batch=chosen.batch,
    )


def opened_embedder(settings: Settings) -> Embedder:
    """The embedder of the settings, ready for use outside the service. Blocks; raises `BadSettings` in words."""
    embedder = build_embedder(settings)
    if isinstance(embedder, SlowEmbedder):
        embedder.open()
    return embedder


async def build_library(settings: Settings, database: Database, clock: Callable[[], float]) -> Library:
    """The retriever over the database; Chroma holds the vectors, embedded under the data folder or as a server."""
    embedder = build_embedder(settings)
    slow = None
    if isinstance(embedder, SlowEmbedder):
        slow = SlowEmbedding(embedder, database, timeout_s=settings.embedding.timeout_s)
        await slow.open()
    keywords: KeywordIndex = SqliteKeywordIndex() if database.dialect == "sqlite" else PostgresKeywordIndex()
    folder = None if settings.chroma_url else settings.data_dir / "chroma"
    index = KnowledgeIndex(embedder.name, embedder.dimensions, folder=folder, url=settings.chroma_url)
    keeper = IndexKeeper(database, embedder, index, slow=slow, removes_others=index.is_ours_alone)
    retriever = Retriever(
        database, embedder, clock=clock, keyword_index=keywords, vector_index=index, keeper=keeper, slow=slow
    )
    knowledge = KnowledgeBase(database, keywords, keeper, clock=clock)
    await knowledge.prepare()
    return Library(embedder.name, retriever, knowledge, index, keeper, slow)
