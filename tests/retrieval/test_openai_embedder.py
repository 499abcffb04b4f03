"""Vectors over HTTP: what is sent, what comes back, and what each failure means."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from conversation.errors import BadSettings, GiveUp, RetryLater
from retrieval.embedder import SlowEmbedder
from retrieval.openai_embedder import TRIES, EmbeddingEndpoint, OpenAIEmbedder, name_of
from tests.retrieval.embedding_endpoint import EmbeddingEndpoint as Stage
from tests.retrieval.embedding_endpoint import embedding_endpoint, vectors_of


@pytest.fixture
def stage() -> Iterator[Stage]:
    with embedding_endpoint() as opened:
        yield opened


def embedder(stage: Stage, **changes: Any) -> OpenAIEmbedder:
    endpoint = EmbeddingEndpoint(**{"base_url": stage.url, "model": "bge-m3", **changes})
    return OpenAIEmbedder(endpoint, pauses_s=0.001)


def test_vectors_come_in_order_and_with_length_one(stage: Stage) -> None:
    asked = embedder(stage)
    asked.open()
    texts = [f"第{number}个问题" for number in range(23)]
    rows = asked.embed(texts)
    assert rows.shape == (23, 64)
    assert rows.dtype == np.float32
    assert np.allclose(rows, stage.embedder.embed(texts), atol=1e-5)
    assert [len(request["input"]) for request in stage.requests] == [1, 10, 10, 3]
    assert isinstance(asked, SlowEmbedder)


def test_questions_and_entries_get_their_own_prefix(stage: Stage) -> None:
    asked = embedder(stage, query_prefix="为这个句子生成表示：", document_prefix="passage: ")
    asked.embed_questions(["怎么退款"])
    asked.embed(["在订单页退款"])
    assert stage.texts == ["为这个句子生成表示：怎么退款", "passage: 在订单页退款"]


def test_personal_details_of_a_customer_are_not_sent(stage: Stage) -> None:
    embedder(stage).embed_questions(["我手机是13812345678，怎么退款"])
    assert "13812345678" not in stage.texts[0]
    assert "怎么退款" in stage.texts[0]


def test_closing_ends_the_waiting_for_another_try(stage: Stage) -> None:
    stage.down, stage.retry_after = 503, "30"
    asked = embedder(stage)
    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(asked.embed, ["退款"])
        while not stage.requests:
            assert not trying.done()
        asked.close()
        with pytest.raises((RetryLater, RuntimeError)):
            trying.result(5)


def test_a_text_without_words_is_never_sent(stage: Stage) -> None:
    rows = embedder(stage, document_prefix="passage: ").embed(["", "退款", "  "])
    assert stage.texts == ["passage: 退款"]
    assert not rows[0].any()
    assert not rows[2].any()
    assert rows[1].any()


def test_known_dimensions_ask_nothing_at_the_start(stage: Stage) -> None:
    for asked, known in ((embedder(stage), 64), (embedder(stage, dimensions=64), 0)):
        asked.open(known)
        assert asked.dimensions == 64
    assert stage.requests == []


def test_asked_dimensions_are_sent(stage: Stage) -> None:
    embedder(stage, dimensions=64).embed(["退款"])
    assert stage.requests[0] == {
        "model": "bge-m3",
        "input": ["退款"],
        "encoding_format": "float",
        "dimensions": 64,
    }


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_endpoint_is_asked_again_for_the_base_and_not_for_a_question(stage: Stage, status: int) -> None:
    stage.failures = [status, status]
    assert embedder(stage).embed(["退款"]).any()
    assert len(stage.requests) == 3
    stage.failures = [status]
    with pytest.raises(RetryLater, match=str(status)):
        embedder(stage).embed_questions(["退款"])
    assert len(stage.requests) == 4


def test_an_endpoint_that_stays_down_is_given_up_in_words(stage: Stage) -> None:
    stage.down, stage.retry_after = 503, "0"
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1:\d+/v1 answers 503"):
        embedder(stage).embed(["退款"])
    assert len(stage.requests) == TRIES


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "HUIYING_EMBEDDING_API_KEY"), (404, "embedding.base_url"), (400, r"embedding\.batch \(10\)")],
)
def test_a_refusal_is_never_repeated_and_says_what_to_mend(stage: Stage, status: int, said: str) -> None:
    stage.down = status
    with pytest.raises(GiveUp, match=said):
        embedder(stage).embed(["退款"])
    assert len(stage.requests) == 1


def test_the_key_is_sent_and_never_told(stage: Stage) -> None:
    stage.key = "s3cret"
    assert embedder(stage, api_key="s3cret").embed(["退款"]).any()
    with pytest.raises(BadSettings, match="HUIYING_EMBEDDING_API_KEY") as refused:
        embedder(stage, api_key="wr0ng").open()
    assert "wr0ng" not in str(refused.value)


def test_a_slow_answer_is_no_answer_for_a_question(stage: Stage) -> None:
    stage.sleeps = True
    with pytest.raises(RetryLater, match="ReadTimeout"):
        embedder(stage, timeout_s=0.1).embed_questions(["退款"])


def test_nobody_there_is_said_at_the_start(stage: Stage) -> None:
    with pytest.raises(BadSettings, match=r"ConnectError.*embedding\.dimensions"):
        embedder(stage, base_url="http://127.0.0.1:9/v1").open()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": [null]}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}]}',
        vectors_of(64, 2),
    ],
)
def test_an_answer_that_is_none_counts_as_a_failure(stage: Stage, body: bytes) -> None:
    stage.body = body
    with pytest.raises(RetryLater, match="no list of 1 vectors"):
        embedder(stage).embed_questions(["退款"])


def test_another_number_of_dimensions_than_before_is_refused(stage: Stage) -> None:
    asked = embedder(stage)
    asked.open(64)
    stage.body = vectors_of(32)
    with pytest.raises(GiveUp, match="32 numbers a text, 64 were expected"):
        asked.embed_questions(["退款"])


def test_the_name_changes_with_what_changes_the_vectors() -> None:
    plain = EmbeddingEndpoint("http://a/v1", "bge-m3")
    assert name_of(plain) == "openai-bge-m3"
    same = [EmbeddingEndpoint("http://b/v1", "bge-m3"), EmbeddingEndpoint("http://a/v1", "bge-m3", query_prefix="q")]
    other = [
        EmbeddingEndpoint("http://a/v1", "bge-m3", dimensions=512),
        EmbeddingEndpoint("http://a/v1", "bge-m3", document_prefix="passage: "),
    ]
    assert {name_of(one) for one in same} == {name_of(plain)}
    assert len({name_of(one) for one in (plain, *other)}) == 3
