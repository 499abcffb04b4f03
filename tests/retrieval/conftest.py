"""What the retrieval tests share: a small base of invented entries, and a base in a real database."""

from __future__ import annotations

import pytest

from knowledge.entries import KnowledgeBase
from retrieval.keyword_index import KeywordIndex
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.postgres_keyword_index import PostgresKeywordIndex
from retrieval.sqlite_keyword_index import SqliteKeywordIndex
from store.database import Database
from store.knowledge_rows import EntryWords, KnowledgeEntry
from tests.conftest import FakeClock

WORDS = {
    "refund": EntryWords(
        "怎么申请退款？", "在订单页点「申请退款」，审核后 1–3 个工作日到账。", ("退钱流程", "钱怎么退")
    ),
    "invoice": EntryWords("怎么开发票？", "订单完成后在订单页下载电子发票。", ("发票在哪里下载",)),
    "hours": EntryWords("客服几点上班？", "人工客服每天 9:00–21:00 在线。", ("你们几点下班",)),
    "e3": EntryWords("耳机 E3 防水吗？", "E3 是 IPX4，防汗，不能游泳时戴。售价 199 元。"),
    "c++": EntryWords("SDK 支持 C++ 吗？", "支持 C++17，见 docs/sdk.md，错误码 E-1001 表示没有授权。"),
}


def entries() -> list[KnowledgeEntry]:
    return [KnowledgeEntry(entry_id, 1, words) for entry_id, words in WORDS.items()]


@pytest.fixture
def embedder() -> NgramEmbedder:
    return NgramEmbedder()


@pytest.fixture
def keyword_index(database: Database) -> KeywordIndex:
    return SqliteKeywordIndex() if database.dialect == "sqlite" else PostgresKeywordIndex()


@pytest.fixture
async def base(database: Database, keyword_index: KeywordIndex, clock: FakeClock) -> KnowledgeBase:
    opened = KnowledgeBase(database, keyword_index, clock=clock)
    await opened.prepare()
    return opened
