"""A knowledge base in a real database of each kind."""

from __future__ import annotations

import pytest

from knowledge.entries import KnowledgeBase
from retrieval.keyword_index import KeywordIndex
from retrieval.postgres_keyword_index import PostgresKeywordIndex
from retrieval.sqlite_keyword_index import SqliteKeywordIndex
from store.database import Database
from tests.conftest import FakeClock


@pytest.fixture
def keyword_index(database: Database) -> KeywordIndex:
    return SqliteKeywordIndex() if database.dialect == "sqlite" else PostgresKeywordIndex()


@pytest.fixture
async def base(database: Database, keyword_index: KeywordIndex, clock: FakeClock) -> KnowledgeBase:
    opened = KnowledgeBase(database, keyword_index, clock=clock)
    await opened.prepare()
    return opened
