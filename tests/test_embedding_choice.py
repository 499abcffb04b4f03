"""`embedding_model` decides what finds entries; a service that starts with another one gets itself ready."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from conversation.errors import BadSettings
from retrieval.sentence_embedder import LIBRARY
from settings import Settings
from store.knowledge_rows import EntryWords
from tests.retrieval.conftest import WORDS
from tests.retrieval.embedding_endpoint import EmbeddingEndpoint, embedding_endpoint
from wiring import Service, build_service
from wiring_models import shipped_embedder
from wiring_retrieval import build_embedder, opened_embedder


@pytest.fixture
def stage() -> Iterator[EmbeddingEndpoint]:
    with embedding_endpoint() as opened:
        yield opened


@pytest.fixture
def at_endpoint(stage: EmbeddingEndpoint) -> dict[str, Any]:
    return {"embedding_model": "openai:bge-m3", "embedding": {"base_url": stage.url}}


@asynccontextmanager
async def started(folder: Path, **changes: Any) -> AsyncIterator[Service]:
    """A running service without channels over the data in `folder`."""
    service = await build_service(Settings.model_validate({"data_dir": folder, "playground": "off", **changes}))
    try:
        await service.start()
        yield service
        await service.stop()
    finally:
        await service.close()


async def until(fits: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not fits():
            await asyncio.sleep(0.02)


async def fill(service: Service) -> None:
    for words in WORDS.values():
        await service.knowledge.add(words, author="li")
    await service.retriever.refresh()


async def followed(service: Service) -> None:
    service.retriever.follow_soon()
    assert service.retriever._following is not None
    await service.retriever._following


async def test_a_service_that_starts_with_another_embedder_makes_its_vectors_and_removes_the_old(
    tmp_path: Path, stage: EmbeddingEndpoint, at_endpoint: dict[str, Any]
) -> None:
    async with started(tmp_path) as service:
        await fill(service)
        await followed(service)
        shipped = await service.library.index.text_ids()
        assert shipped
    with structlog.testing.capture_logs() as logs:
        async with started(tmp_path, **at_endpoint) as service:
            assert service.retriever._following is not None, "nobody had to ask first"
            await service.retriever._following
            assert await service.library.index.text_ids() == shipped
            assert await service.library.index.others() == []
            assert (await service.retriever.search("钱怎么退")).passages[0].question == "怎么申请退款？"
    noticed = next(one for one in logs if one["event"] == "retrieval.other_embedder")
    assert noticed["embedder"] == "openai-bge-m3"
    assert len(noticed["stored"]) == 1
    assert any(one["event"] == "retrieval.not_fitted" and "retrieval_fit" in one["cure"] for one in logs)
    mark = len(stage.texts)
    async with started(tmp_path) as service:
        await followed(service)
        assert await service.library.index.text_ids() == shipped
    async with started(tmp_path, **at_endpoint) as service:
        await service.retriever.refresh()
    assert len(stage.texts) == mark, "back and forth: what was paid for is kept until a reindex removes it"


async def test_the_endpoint_may_be_gone_at_the_second_start(
    tmp_path: Path, stage: EmbeddingEndpoint, at_endpoint: dict[str, Any]
) -> None:
    async with started(tmp_path, **at_endpoint) as service:
        await fill(service)
        await followed(service)
    stage.down = 503
    async with started(tmp_path, **at_endpoint) as service:
        assert (await service.retriever.search("怎么开发票")).passages[0].question == "怎么开发票？"
        await service.knowledge.add(EntryWords("怎么以旧换新？", "下单时选以旧换新。"), author="li")
        await service.retriever.refresh()
        assert (await service.retriever.search("以旧换新")).passages[0].question == "怎么以旧换新？"


async def test_an_endpoint_that_was_never_reached_stops_the_start_in_words(tmp_path: Path) -> None:
    gone = {"embedding_model": "openai:bge-m3", "embedding": {"base_url": "http://127.0.0.1:9/v1"}}
    with pytest.raises(BadSettings, match=r"127\.0\.0\.1:9/v1 does not answer"):
        async with started(tmp_path, **gone):
            pass


def test_nothing_chosen_is_the_shipped_embedder() -> None:
    assert build_embedder(Settings()).name == shipped_embedder(Settings()).name


@pytest.mark.skipif(importlib.util.find_spec(LIBRARY) is not None, reason="sentence-transformers is installed")
def test_a_model_without_its_library_stops_the_start_in_words() -> None:
    with pytest.raises(BadSettings, match="embed"):
        build_embedder(Settings(embedding_model="./models/bge-small-zh"))


def test_outside_the_service_the_same_setting_holds(stage: EmbeddingEndpoint, at_endpoint: dict[str, Any]) -> None:
    embedder = opened_embedder(Settings.model_validate(at_endpoint))
    assert (embedder.name, embedder.dimensions) == ("openai-bge-m3", 64)


def test_a_key_goes_only_to_the_address_it_was_given_with() -> None:
    llm = {"base_url": "https://llm.example/v1", "api_key": "llm-key", "model": "m"}
    own = {"base_url": "https://own.example/v1"}
    for embedding, expected in (
        ({}, ("https://llm.example/v1", "llm-key")),
        ({"api_key": "k"}, ("https://llm.example/v1", "k")),
        (own, ("https://own.example/v1", "")),
    ):
        settings = Settings.model_validate({"embedding_model": "openai:m", "llm": llm, "embedding": embedding})
        assert settings.embedding_endpoint == expected
