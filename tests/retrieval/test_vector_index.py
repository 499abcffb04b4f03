"""The contract of the vector index, kept by the one in memory and by Chroma."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from conversation.errors import RetryLater
from retrieval.embedder import Vectors
from retrieval.knowledge_index import KnowledgeIndex
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.snapshot_index import SnapshotIndex
from retrieval.vector_index import IndexBusy, VectorIndex, VectorRow, bring_in_step
from store.knowledge_rows import EntryWords, KnowledgeEntry
from tests.retrieval.conftest import entries

SIZE = 64


def unit(number: int) -> Vectors:
    vector = np.random.default_rng(number).normal(size=SIZE).astype(np.float32)
    return vector / np.linalg.norm(vector)


ROWS = [VectorRow(f"t{number}", f"e{number // 2}", unit(number)) for number in range(20)]


@pytest.fixture(params=["memory", "chroma"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorIndex]:
    opened: VectorIndex = (
        SnapshotIndex(SIZE) if request.param == "memory" else KnowledgeIndex("test-1", SIZE, folder=tmp_path / "chroma")
    )
    yield opened
    await opened.close()


async def test_the_likest_vectors_come_first_with_their_cosine(index: VectorIndex) -> None:
    await index.upsert(ROWS)
    asked = unit(3) + 0.5 * unit(4)
    asked /= np.linalg.norm(asked)
    hits = await index.query(asked, 3)
    assert [hit.text_id for hit in hits[:2]] == ["t3", "t4"]
    assert hits[0].entry_id == "e1"
    assert hits[0].similarity == pytest.approx(float(asked @ unit(3)), abs=1e-4)
    assert hits == sorted(hits, key=lambda hit: -hit.similarity)


async def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    assert await index.query(unit(1), 5) == []
    assert await index.text_ids() == set()
    assert await index.revision() == 0


async def test_fewer_vectors_than_asked_for_is_no_error(index: VectorIndex) -> None:
    await index.upsert(ROWS[:2])
    assert len(await index.query(unit(0), 10)) == 2
    assert await index.query(unit(0), 0) == []


async def test_the_same_id_is_replaced(index: VectorIndex) -> None:
    await index.upsert(ROWS)
    await index.upsert([VectorRow("t3", "e9", unit(99))])
    hit = (await index.query(unit(99), 1))[0]
    assert (hit.text_id, hit.entry_id) == ("t3", "e9")
    assert len(await index.text_ids()) == len(ROWS)


async def test_deleted_vectors_are_gone_and_strange_ids_are_ignored(index: VectorIndex) -> None:
    await index.upsert(ROWS)
    await index.delete(["t3", "never-there"])
    assert "t3" not in {hit.text_id for hit in await index.query(unit(3), 20)}
    assert "t3" not in await index.text_ids()


async def test_the_revision_is_remembered_until_the_index_is_cleared(index: VectorIndex) -> None:
    await index.upsert(ROWS)
    await index.mark(7)
    assert await index.revision() == 7
    await index.clear()
    assert await index.revision() == 0
    assert await index.text_ids() == set()
    await index.upsert(ROWS)
    assert len(await index.query(unit(3), 20)) == len(ROWS)


async def test_coming_in_step_makes_only_what_is_missing(index: VectorIndex) -> None:
    embedder = NgramEmbedder(SIZE)
    everything = await bring_in_step(index, entries(), embedder, 1)
    assert everything > len(entries())
    assert await bring_in_step(index, entries(), embedder, 1) == 0
    changed = [*entries()[1:], KnowledgeEntry("refund", 2, EntryWords("怎么换货？", "找客服。"))]
    assert await bring_in_step(index, changed, embedder, 2) == 2
    assert not any(text_id.startswith("refund@1#") for text_id in await index.text_ids())
    assert await index.revision() == 2


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    first = KnowledgeIndex("test-1", SIZE, folder=tmp_path)
    await first.upsert(ROWS)
    await first.mark(3)
    await first.close()
    second = KnowledgeIndex("test-1", SIZE, folder=tmp_path)
    assert await second.revision() == 3
    assert (await second.query(unit(3), 1))[0].text_id == "t3"
    await second.close()


async def test_vectors_of_another_embedder_are_kept_apart(tmp_path: Path) -> None:
    old = KnowledgeIndex("model-1", SIZE, folder=tmp_path)
    await old.upsert(ROWS)
    await old.close()
    new = KnowledgeIndex("model-2", SIZE, folder=tmp_path)
    assert await new.text_ids() == set()
    await new.close()


async def test_what_another_embedder_left_is_named_and_removed(tmp_path: Path) -> None:
    old = KnowledgeIndex("model-1", SIZE, folder=tmp_path / "chroma")
    await old.upsert(ROWS)
    await old.close()
    new = KnowledgeIndex("model-2", SIZE, folder=tmp_path / "chroma")
    await new.upsert(ROWS)
    assert await new.others() == await new.forget_others() == [f"entries_model-1_{SIZE}"]
    assert await new.others() == []
    assert len(await new.text_ids()) == len(ROWS)
    await new.close()


async def test_one_process_alone_has_the_folder(tmp_path: Path) -> None:
    first = KnowledgeIndex("test-1", SIZE, folder=tmp_path / "chroma")
    await first.upsert(ROWS)
    second = KnowledgeIndex("test-1", SIZE, folder=tmp_path / "chroma")
    with pytest.raises(IndexBusy, match="another process"):
        await second.query(unit(1), 3)
    await first.close()
    assert len(await second.query(unit(1), 3)) == 3
    await second.close()


async def test_a_folder_deleted_under_a_running_process_is_made_again(tmp_path: Path) -> None:
    index = KnowledgeIndex("test-1", SIZE, folder=tmp_path / "chroma")
    await index.upsert(ROWS)
    shutil.rmtree(tmp_path / "chroma")
    with pytest.raises(RetryLater):
        await index.upsert(ROWS)
    await index.upsert(ROWS)
    assert await index.text_ids() == {row.text_id for row in ROWS}
    assert await index.revision() == 0
    await index.close()


async def test_a_server_that_is_not_there_means_try_later() -> None:
    index = KnowledgeIndex("test-1", SIZE, url="http://127.0.0.1:9")
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:9"):
        await index.query(unit(1), 3)
    await index.close()


def test_an_index_lives_in_a_folder_or_on_a_server() -> None:
    with pytest.raises(ValueError, match="either"):
        KnowledgeIndex("test-1", SIZE)
