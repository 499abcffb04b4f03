"""A slow embedder beside the live retriever: made once, kept in SQL, and never a question's misfortune."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import structlog

from conversation.errors import GiveUp, RetryLater
from knowledge.entries import KnowledgeBase
from retrieval import kept_vectors
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.openai_embedder import EmbeddingEndpoint, OpenAIEmbedder
from retrieval.retriever import Retriever
from retrieval.slow_embedding import LEFT_ALONE_S, REST_S, SlowEmbedding
from retrieval.snapshot_index import SnapshotIndex
from store.database import Database
from store.knowledge_rows import EntryWords
from tests.conftest import FakeClock
from tests.retrieval.conftest import WORDS
from tests.retrieval.embedding_endpoint import EmbeddingEndpoint as Stage
from tests.retrieval.embedding_endpoint import embedding_endpoint


@dataclass
class Finding:
    """The parts as the wiring puts them together."""

    stage: Stage
    slow: SlowEmbedding
    index: SnapshotIndex
    keeper: IndexKeeper
    retriever: Retriever
    base: KnowledgeBase

    async def followed(self) -> None:
        self.retriever.follow_soon()
        assert self.retriever._following is not None
        await self.retriever._following

    def asked_since(self, mark: int) -> list[str]:
        return self.stage.texts[mark:]


@pytest.fixture
def stage() -> Iterator[Stage]:
    with embedding_endpoint() as opened:
        yield opened


async def slow_at(stage: Stage, database: Database, clock: FakeClock, batch: int = 4) -> SlowEmbedding:
    embedder = OpenAIEmbedder(EmbeddingEndpoint(stage.url, "bge-m3", batch=batch), pauses_s=0.001)
    slow = SlowEmbedding(embedder, database, clock=clock)
    await slow.open()
    return slow


@pytest.fixture
async def finding(
    stage: Stage, database: Database, base: KnowledgeBase, keyword_index: KeywordIndex, clock: FakeClock
) -> AsyncIterator[Finding]:
    for words in WORDS.values():
        await base.add(words, author="li")
    slow = await slow_at(stage, database, clock)
    index = SnapshotIndex(slow.embedder.dimensions)
    keeper = IndexKeeper(database, slow.embedder, index, slow=slow)
    retriever = Retriever(
        database, slow.embedder, clock=clock, keyword_index=keyword_index, keeper=keeper, slow=slow, vector_index=index
    )
    yield Finding(stage, slow, index, keeper, retriever, base)
    await retriever.close()
    await slow.close()


async def test_the_first_question_waits_for_no_vector_of_the_base(finding: Finding) -> None:
    found = await finding.retriever.search("怎么退款")
    assert found.passages[0].question == "怎么申请退款？"
    assert finding.stage.texts[1:] == ["怎么退款"], "the start asked for dimensions, then only the question was sent"


async def test_vectors_of_the_base_are_made_once_and_change_what_is_found(finding: Finding) -> None:
    before = await finding.retriever.search("怎么退款")
    await finding.followed()
    after = await finding.retriever.search("怎么退款")
    assert after.passages[0].score > before.passages[0].score, "the vectors add their evidence"
    assert len(await finding.index.text_ids()) == len(finding.index._rows) > len(WORDS)
    mark = len(finding.stage.texts)
    await finding.followed()
    assert finding.asked_since(mark) == []


async def test_a_second_process_pays_for_nothing(
    finding: Finding, database: Database, keyword_index: KeywordIndex, clock: FakeClock
) -> None:
    await finding.keeper.follow()
    mark = len(finding.stage.texts)
    slow = await slow_at(finding.stage, database, clock)
    other = Retriever(database, slow.embedder, clock=clock, keyword_index=keyword_index, slow=slow)
    await other.refresh()
    assert finding.asked_since(mark) == []
    scores = [(await one.search("退款怎么申请")).passages[0].score for one in (finding.retriever, other)]
    assert scores[0] == pytest.approx(scores[1])
    await other.close()
    await slow.close()


async def test_only_what_changed_is_made_again(finding: Finding) -> None:
    await finding.followed()
    mark = len(finding.stage.texts)
    await finding.base.add(EntryWords("怎么以旧换新？", "下单时选以旧换新。"), author="li")
    await finding.followed()
    assert sorted(finding.asked_since(mark)) == ["怎么以旧换新？", "怎么以旧换新？\n下单时选以旧换新。"]
    assert (await finding.retriever.search("以旧换新")).passages[0].question == "怎么以旧换新？"


async def test_a_run_that_broke_off_is_continued(finding: Finding) -> None:
    mark = len(finding.stage.requests)
    original = finding.stage.answer

    def breaks_off(request: dict[str, object], authorization: str) -> tuple[int, bytes]:
        if len(finding.stage.requests) >= mark + 2:
            return 401, b"{}"
        return original(request, authorization)

    finding.stage.answer = breaks_off  # type: ignore[method-assign]
    with pytest.raises(GiveUp):
        await finding.keeper.follow()
    finding.stage.answer = original  # type: ignore[method-assign]
    reindexed = await finding.keeper.reindex()
    sent = [text for request in finding.stage.requests[mark:] for text in request["input"]]
    assert len(sent) == len(set(sent)) == reindexed.texts, "nothing was made twice"
    assert reindexed.made == reindexed.texts - 8


async def test_a_question_goes_by_words_while_the_model_is_gone(finding: Finding, clock: FakeClock) -> None:
    await finding.followed()
    finding.stage.down = 503
    with structlog.testing.capture_logs() as logs:
        found = await finding.retriever.search("怎么开发票")
        again = await finding.retriever.search("客服几点上班")
    assert found.passages[0].question == "怎么开发票？"
    assert again.passages[0].question == "客服几点上班？"
    gone = [one for one in logs if one["event"] == "retrieval.embedder_gone"]
    assert [one["log_level"] for one in gone] == ["error"], "loud, but once: the model is left alone for a while"
    finding.stage.down = 0
    mark = len(finding.stage.texts)
    clock.advance(LEFT_ALONE_S)
    await finding.retriever.search("怎么开发票")
    assert finding.asked_since(mark) == ["怎么开发票"], "what was found without the model was not remembered"


async def test_a_model_that_hangs_costs_a_question_its_time_out_and_no_more(finding: Finding) -> None:
    await finding.followed()
    finding.stage.sleeps = True
    async with asyncio.timeout(5):
        found = await finding.retriever.search("怎么退款")
        await finding.retriever.search("怎么开发票")
    assert found.passages[0].question == "怎么申请退款？"
    finding.stage.asleep.set()


async def test_a_base_that_cannot_be_read_now_is_tried_again_later(finding: Finding, clock: FakeClock) -> None:
    finding.stage.down = 401
    with structlog.testing.capture_logs() as logs:
        await finding.followed()
        await finding.followed()
    told = [one["reason"] for one in logs if one["event"] == "retrieval.not_followed"]
    assert len(told) == 1
    assert "HUIYING_EMBEDDING_API_KEY" in told[0]
    finding.stage.down = 0
    mark = len(finding.stage.texts)
    await finding.followed()
    assert finding.asked_since(mark) == []
    clock.advance(REST_S)
    await finding.followed()
    assert finding.asked_since(mark) != []
    assert await finding.index.text_ids()


async def test_reindexing_removes_what_no_entry_says_any_more(finding: Finding, database: Database) -> None:
    await finding.keeper.reindex()
    entry = (await finding.base.live())[0]
    await finding.base.retire(entry.entry_id)
    reindexed = await finding.keeper.reindex()
    name = finding.slow.embedder.name
    kept = await database.read(lambda connection: kept_vectors.held_hashes(connection, name))
    assert len(kept) == reindexed.texts
    assert reindexed.made == 0


async def test_reindexing_again_makes_everything_again(finding: Finding) -> None:
    first = await finding.keeper.reindex()
    mark = len(finding.stage.texts)
    told: list[tuple[int, int]] = []
    again = await finding.keeper.reindex(again=True, progress=lambda done, total: told.append((done, total)))
    assert again.made == first.texts
    assert len(finding.asked_since(mark)) == first.texts + 1, "and the dimensions once"
    assert told[0] == (0, first.texts)
    assert told[-1] == (first.texts, first.texts)


async def test_a_model_that_was_changed_under_its_name_is_read_anew(
    finding: Finding, database: Database, clock: FakeClock
) -> None:
    from retrieval.ngram_embedder import NgramEmbedder

    await finding.keeper.reindex()
    finding.stage.embedder = NgramEmbedder(32)
    with pytest.raises(RetryLater, match="reindex once more"):
        await finding.keeper.reindex(again=True)
    slow = await slow_at(finding.stage, database, clock)
    assert slow.embedder.dimensions == 32
    await slow.close()


async def test_two_processes_share_the_work(finding: Finding, database: Database, clock: FakeClock) -> None:
    other = await slow_at(finding.stage, database, clock)
    texts = [f"第{number}个问题怎么办" for number in range(60)]
    mark = len(finding.stage.texts)
    await asyncio.gather(finding.slow.make(texts), other.make(texts))
    assert set(finding.asked_since(mark)) == set(texts)
    assert len(finding.asked_since(mark)) < 2 * len(texts)
    assert len(await other.held(texts)) == len(texts)
    await other.close()
