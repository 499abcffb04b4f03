"""Entries and their versions: nothing that was ever said is lost, and every index follows."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from knowledge.entries import KnowledgeBase, NoSuchEntry
from retrieval.index_keeper import IndexKeeper
from retrieval.keyword_index import KeywordIndex
from retrieval.knowledge_index import KnowledgeIndex
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.retriever import Retriever
from store.database import Database
from store.knowledge_rows import RETIRED, EntryWords
from tests.conftest import FakeClock

POSTAGE = EntryWords("包邮吗", "满 79 元包邮。", ("邮费多少",), "配送")
DEARER = EntryWords("包邮吗", "满 99 元包邮。", ("邮费多少",), "配送")


async def indexed(database: Database, index: KeywordIndex, token: str) -> list[str]:
    return await database.read(lambda connection: index.search(connection, {token: 1.0}, 10))


async def test_an_entry_is_kept_as_it_was_written(base: KnowledgeBase, clock: FakeClock) -> None:
    added = await base.add(POSTAGE, author="li", valid_until=clock.now + 60)
    assert await base.entry(added.entry_id) == added
    assert (added.version, added.words, added.author, added.written_at) == (1, POSTAGE, "li", clock.now)
    assert await base.live() == [added]


async def test_a_change_is_a_new_version_and_the_old_one_can_still_be_cited(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    changed = await base.change(added.entry_id, DEARER, author="zhou")
    assert (changed.version, changed.author) == (2, "zhou")
    assert (await base.entry(added.entry_id)).words == DEARER
    assert (await base.entry(added.entry_id, 1)).words == POSTAGE
    assert [(one.version, one.author) for one in await base.history(added.entry_id)] == [(1, "li"), (2, "zhou")]


async def test_equal_words_change_nothing(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    revision = await base.revision()
    assert (await base.change(added.entry_id, POSTAGE, author="zhou")).version == 1
    assert await base.revision() == revision


async def test_rolling_back_writes_the_old_words_as_a_new_version(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    await base.change(added.entry_id, DEARER, author="zhou")
    back = await base.roll_back(added.entry_id, 1, author="wang")
    assert (back.version, back.words, back.author) == (3, POSTAGE, "wang")
    assert len(await base.history(added.entry_id)) == 3


async def test_every_change_of_a_live_entry_bumps_the_revision(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    await base.change(added.entry_id, DEARER, author="li")
    await base.retire(added.entry_id)
    assert await base.revision() == 3
    await base.retire(added.entry_id)
    assert await base.revision() == 3


async def test_a_retired_entry_keeps_its_versions_and_can_return(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    await base.retire(added.entry_id)
    assert await base.live() == []
    assert (await base.entry(added.entry_id)).status == RETIRED
    await base.roll_back(added.entry_id, 1, author="li")
    assert [entry.version for entry in await base.live()] == [2]


async def test_the_word_index_changes_with_the_entry(
    base: KnowledgeBase, database: Database, keyword_index: KeywordIndex
) -> None:
    added = await base.add(POSTAGE, author="li")
    assert await indexed(database, keyword_index, "79") == [added.entry_id]
    await base.change(added.entry_id, DEARER, author="li")
    assert await indexed(database, keyword_index, "79") == []
    assert await indexed(database, keyword_index, "99") == [added.entry_id]
    await base.retire(added.entry_id)
    assert await indexed(database, keyword_index, "99") == []


async def test_what_is_not_there_is_said(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    for asking in (
        base.entry("kb_none"),
        base.entry(added.entry_id, 9),
        base.history("kb_none"),
        base.change("kb_none", DEARER, author="li"),
        base.roll_back(added.entry_id, 9, author="li"),
        base.retire("kb_none"),
    ):
        with pytest.raises(NoSuchEntry):
            await asking


async def test_two_changes_at_once_give_two_versions(base: KnowledgeBase) -> None:
    added = await base.add(POSTAGE, author="li")
    texts = [EntryWords("包邮吗", f"满 {amount} 元包邮。") for amount in range(8)]
    await asyncio.gather(*(base.change(added.entry_id, words, author="li") for words in texts))
    assert [entry.version for entry in await base.history(added.entry_id)] == list(range(1, 10))


async def test_a_word_index_that_was_lost_is_filled_at_start(
    base: KnowledgeBase, database: Database, keyword_index: KeywordIndex, clock: FakeClock
) -> None:
    added = await base.add(POSTAGE, author="li")
    await database.write(keyword_index.clear)
    await KnowledgeBase(database, keyword_index, clock=clock).prepare()
    assert await indexed(database, keyword_index, "79") == [added.entry_id]


async def test_everything_is_found_again_after_the_index_folder_was_deleted(
    database: Database, keyword_index: KeywordIndex, clock: FakeClock, tmp_path: Path
) -> None:
    embedder, folder = NgramEmbedder(), tmp_path / "chroma"
    index = KnowledgeIndex(embedder.name, embedder.dimensions, folder=folder)
    base = KnowledgeBase(database, keyword_index, IndexKeeper(database, embedder, index), clock=clock)
    await base.prepare()
    for number in range(3):
        await base.add(EntryWords(f"问题{number}怎么办", f"第{number}个办法。"), author="li")
    assert await base.rebuild_index() == 3
    await index.close()
    shutil.rmtree(folder)

    index = KnowledgeIndex(embedder.name, embedder.dimensions, folder=folder)
    keeper = IndexKeeper(database, embedder, index)
    assert await keeper.follow() == 6
    large = Retriever(
        database,
        embedder,
        clock=clock,
        keyword_index=keyword_index,
        vector_index=index,
        keeper=keeper,
        snapshot_limit=1,
    )
    assert (await large.search("问题2怎么办")).passages[0].question == "问题2怎么办"
    await large.close()
    await index.close()
