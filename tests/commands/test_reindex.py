"""Another embedder is one setting: `huiying kb reindex` makes the vectors, and a change back is as easy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.knowledge_index import KnowledgeIndex
from settings import Settings
from tests.commands.test_command_line import SAMPLE, huiying, sentence
from tests.retrieval.embedding_endpoint import EmbeddingEndpoint, embedding_endpoint
from wiring_models import shipped_embedder

SHIPPED = shipped_embedder(Settings())


@pytest.fixture
def stage() -> Iterator[EmbeddingEndpoint]:
    with embedding_endpoint(key="k3y") as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    assert huiying("kb", "import", str(SAMPLE), cwd=folder).returncode == 0
    return folder


def remote(stage: EmbeddingEndpoint, key: str = "k3y") -> dict[str, str]:
    return {
        "HUIYING_EMBEDDING_MODEL": "openai:bge-m3",
        "HUIYING_EMBEDDING_BASE_URL": stage.url,
        "HUIYING_EMBEDDING_API_KEY": key,
    }


def report(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_from_the_shipped_embedder_to_an_endpoint_and_back(folder: Path, stage: EmbeddingEndpoint) -> None:
    first = report(huiying("kb", "reindex", "--json", cwd=folder))
    assert first["embedder"] == SHIPPED.name
    assert first["made"] >= first["texts"] > 50
    assert first["removed"] == []
    assert report(huiying("kb", "reindex", "--json", cwd=folder))["made"] == 0, "everything is there"

    moved = report(huiying("kb", "reindex", "--json", cwd=folder, **remote(stage)))
    assert moved["embedder"] == "openai-bge-m3"
    assert moved["made"] == moved["texts"] == first["texts"]
    assert len(moved["removed"]) == 1, "the shipped embedder's collection"
    assert len(set(stage.texts)) >= moved["texts"]

    mark = len(stage.texts)
    found = huiying("kb", "search", "怎么申请退款", "--json", cwd=folder, **remote(stage))
    assert "退款" in json.loads(found.stdout)[0]["question"]
    assert stage.texts[mark:] == ["怎么申请退款"], "the base's vectors are kept"

    back = huiying("kb", "reindex", cwd=folder)
    assert back.returncode == 0
    assert SHIPPED.name in back.stdout
    assert "openai-bge-m3" in back.stdout.split("已删除")[1]


def test_a_key_that_is_refused_stops_the_start_in_a_sentence(tmp_path: Path, stage: EmbeddingEndpoint) -> None:
    said = sentence(huiying("kb", "reindex", cwd=tmp_path, **remote(stage, "wr0ng")))
    assert "HUIYING_EMBEDDING_API_KEY" in said
    assert "wr0ng" not in said


async def test_while_a_service_holds_the_index_the_vectors_are_made_all_the_same(
    folder: Path, stage: EmbeddingEndpoint
) -> None:
    running = KnowledgeIndex(SHIPPED.name, SHIPPED.dimensions, folder=folder / "var" / "chroma")
    await running.text_ids()
    try:
        told = sentence(huiying("kb", "reindex", cwd=folder))
        assert "another process has" in told
        assert "HUIYING_CHROMA_URL" in told
        made = huiying("kb", "reindex", cwd=folder, **remote(stage))
        assert made.returncode == 0, made.stderr
        assert "请重启服务" in made.stdout
    finally:
        await running.close()
    after = report(huiying("kb", "reindex", "--json", cwd=folder, **remote(stage)))
    assert after["made"] == 0
    assert after["busy"] == ""
