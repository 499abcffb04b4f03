"""The live retriever follows the base, and answers with what it holds when a store is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conversation.errors import RetryLater
from knowledge.entries import KnowledgeBase
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.knowledge_index import KnowledgeIndex
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.retriever import Retriever
from retrieval.snapshot_index import SnapshotIndex
from retrieval.vector_index import VectorIndex
from store.database import Database, Result, Work
from store.knowledge_rows import EntryWords
from tests.conftest import FakeClock
from tests.retrieval.conftest import WORDS


class BreakableDatabase:
    """A real database that can be taken away."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self.dialect = real.dialect
        self.gone = False
        self.reads = 0

    async def write(self, work: Work[Result]) -> Result:
        return await self._real.write(work)

    async def read(self, work: Work[Result]) -> Result:
        self.reads += 1
        if self.gone:
            raise RetryLater("gone")
        return await self._real.read(work)

    async def close(self) -> None: ...


@pytest.fixture
def breakable(database: Database) -> BreakableDatabase:
    return BreakableDatabase(database)


@pytest.fixture
async def filled(base: KnowledgeBase) -> KnowledgeBase:
    for words in WORDS.values():
        await base.add(words, author="li")
    return base


@pytest.fixture
async def retriever(
    breakable: BreakableDatabase, filled: KnowledgeBase, keyword_index: KeywordIndex, clock: FakeClock
) -> AsyncIterator[Retriever]:
    opened = Retriever(breakable, NgramEmbedder(), clock=clock, keyword_index=keyword_index)
    yield opened
    await opened.close()


async def first(retriever: Retriever, text: str) -> str:
    return (await retriever.search(text)).passages[0].question


async def test_it_loads_the_base_at_the_first_question(retriever: Retriever) -> None:
    assert await first(retriever, "怎么退款") == "怎么申请退款？"


async def test_a_change_is_found_after_a_refresh(retriever: Retriever, filled: KnowledgeBase) -> None:
    await retriever.search("以旧换新")
    added = await filled.add(EntryWords("怎么以旧换新？", "下单时选以旧换新。"), author="li")
    await retriever.refresh()
    found = (await retriever.search("以旧换新")).passages[0]
    assert (found.entry_id, found.version) == (added.entry_id, 1)


async def test_another_process_s_change_is_noticed_within_the_check_interval(
    retriever: Retriever, filled: KnowledgeBase, clock: FakeClock
) -> None:
    await retriever.search("以旧换新")
    await filled.add(EntryWords("怎么以旧换新？", "下单时选以旧换新。"), author="li")
    clock.advance(1.1)
    await retriever.search("以旧换新")
    assert retriever._following is not None
    await retriever._following
    assert await first(retriever, "以旧换新") == "怎么以旧换新？"


async def test_a_retired_entry_is_never_found_again(retriever: Retriever, filled: KnowledgeBase) -> None:
    entry = (await retriever.search("怎么退款")).passages[0]
    await filled.retire(entry.entry_id)
    await retriever.refresh()
    assert entry.entry_id not in {p.entry_id for p in (await retriever.search("怎么退款")).passages}


async def test_an_entry_is_found_only_while_it_holds(
    retriever: Retriever, filled: KnowledgeBase, clock: FakeClock
) -> None:
    words = EntryWords("双十一有什么优惠？", "全场满 300 减 40。")
    await filled.add(words, author="li", valid_from=clock.now + 100, valid_until=clock.now + 1000)
    await retriever.refresh()
    assert words.question not in {p.question for p in (await retriever.search("双十一优惠")).passages}
    clock.advance(500)
    assert await first(retriever, "双十一优惠") == words.question
    clock.advance(501)
    assert words.question not in {p.question for p in (await retriever.search("双十一优惠")).passages}


async def test_the_same_question_is_not_searched_twice(retriever: Retriever, breakable: BreakableDatabase) -> None:
    one = await retriever.search("怎么退款")
    reads = breakable.reads
    assert await retriever.search(" 怎么退款 ") is one
    assert breakable.reads == reads


async def test_it_answers_on_when_the_database_is_gone(
    retriever: Retriever, breakable: BreakableDatabase, clock: FakeClock
) -> None:
    await retriever.search("怎么退款")
    breakable.gone = True
    clock.advance(5)
    assert await first(retriever, "怎么开发票") == "怎么开发票？"
    assert retriever._following is not None
    await retriever._following
    assert await first(retriever, "客服几点上班") == "客服几点上班？"


async def test_without_anything_loaded_a_gone_database_means_try_later(
    retriever: Retriever, breakable: BreakableDatabase
) -> None:
    breakable.gone = True
    with pytest.raises(RetryLater):
        await retriever.search("怎么退款")


@pytest.fixture(params=["memory", "chroma", "unreachable", "none"])
async def vector_index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorIndex | None]:
    embedder = NgramEmbedder()
    index: VectorIndex | None = {
        "memory": lambda: SnapshotIndex(embedder.dimensions),
        "chroma": lambda: KnowledgeIndex(embedder.name, embedder.dimensions, folder=tmp_path / "chroma"),
        "unreachable": lambda: KnowledgeIndex(embedder.name, embedder.dimensions, url="http://127.0.0.1:9"),
        "none": lambda: None,
    }[request.param]()
    yield index
    if index is not None:
        await index.close()


async def test_a_base_too_large_for_memory_is_searched_through_its_indexes(
    sqlite_database: Database, vector_index: VectorIndex | None, clock: FakeClock
) -> None:
    await _searches_alike(sqlite_database, vector_index, clock)


async def test_a_large_base_in_postgres_is_searched_alike(postgres_url: str, clock: FakeClock) -> None:
    from store.open_database import open_database

    database = open_database(postgres_url)
    await _searches_alike(database, SnapshotIndex(NgramEmbedder().dimensions), clock)
    await database.close()


async def _searches_alike(database: Database, vector_index: VectorIndex | None, clock: FakeClock) -> None:
    from retrieval.postgres_keyword_index import PostgresKeywordIndex
    from retrieval.sqlite_keyword_index import SqliteKeywordIndex

    keywords: KeywordIndex = SqliteKeywordIndex() if database.dialect == "sqlite" else PostgresKeywordIndex()
    embedder = NgramEmbedder()
    base = KnowledgeBase(database, keywords, clock=clock)
    await base.prepare()
    for words in WORDS.values():
        await base.add(words, author="li")
    if isinstance(vector_index, SnapshotIndex | KnowledgeIndex) and "127" not in getattr(vector_index, "_url", ""):
        await IndexKeeper(database, embedder, vector_index).follow()
    whole = Retriever(database, embedder, clock=clock, keyword_index=keywords)
    large = Retriever(
        database, embedder, clock=clock, keyword_index=keywords, vector_index=vector_index, snapshot_limit=2
    )
    for asked in ("怎么退款", "發票怎麼開", "你们几点下班", "C++ 能用吗"):
        one, other = await whole.search(asked), await large.search(asked)
        assert one.passages[0] == other.passages[0]
        assert one.answerable == pytest.approx(other.answerable, abs=0.05)
    changed = await base.add(EntryWords("怎么以旧换新？", "下单时选以旧换新。"), author="li")
    await large.refresh()
    assert (await large.search("以旧换新")).passages[0].entry_id == changed.entry_id


async def test_the_keeper_follows_the_base(database: Database, filled: KnowledgeBase, clock: FakeClock) -> None:
    index = SnapshotIndex(NgramEmbedder().dimensions)
    keeper = IndexKeeper(database, NgramEmbedder(), index)
    made = await keeper.follow()
    assert made == len(await index.text_ids()) > len(WORDS)
    assert await keeper.follow() == 0
    await filled.add(EntryWords("怎么以旧换新？", "下单时选以旧换新。"), author="li")
    assert await keeper.follow() == 2
    assert await keeper.rebuild() == made + 2
