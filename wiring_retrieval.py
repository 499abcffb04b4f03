"""Wires the finding: embedder, keyword index, vector index, retriever, knowledge base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from knowledge.entries import KnowledgeBase
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.knowledge_index import KnowledgeIndex
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.postgres_keyword_index import PostgresKeywordIndex
from retrieval.retriever import Retriever
from retrieval.sqlite_keyword_index import SqliteKeywordIndex
from settings import Settings
from store.database import Database


@dataclass(frozen=True, slots=True)
class Library:
    """What is known and how it is found."""

    retriever: Retriever
    knowledge: KnowledgeBase
    index: KnowledgeIndex


async def build_library(settings: Settings, database: Database, clock: Callable[[], float]) -> Library:
    """The retriever over the database; Chroma holds the vectors, embedded under the data folder or as a server."""
    embedder = NgramEmbedder()
    keywords: KeywordIndex = SqliteKeywordIndex() if database.dialect == "sqlite" else PostgresKeywordIndex()
    folder = None if settings.chroma_url else settings.data_dir / "chroma"
    index = KnowledgeIndex(embedder.name, embedder.dimensions, folder=folder, url=settings.chroma_url)
    keeper = IndexKeeper(database, embedder, index)
    retriever = Retriever(database, embedder, clock=clock, keyword_index=keywords, vector_index=index, keeper=keeper)
    knowledge = KnowledgeBase(database, keywords, keeper, clock=clock)
    await knowledge.prepare()
    return Library(retriever, knowledge, index)
