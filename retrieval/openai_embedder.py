"""Vectors from an OpenAI-compatible endpoint: DashScope, SiliconFlow, Xinference, vLLM, Ollama, OpenAI.

Protocol: POST {base_url}/embeddings, https://platform.openai.com/docs/api-reference/embeddings/create
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)

from conversation.errors import BadSettings, GiveUp, RetryLater
from conversation.redaction import redact
from retrieval.embedder import Vectors, unit_rows
from retrieval.tokens import ends

logger = structlog.get_logger(__name__)

#: Tries for a batch of the base: about two minutes in all, then the caller hears of it.
TRIES = 6
LONGEST_PAUSE_S = 60.0
#: Seconds for one batch of the base.
BATCH_S = 30.0
#: Characters of a text that are sent; our texts are shorter, but for a question or a title out of all measure.
LONGEST = 2000
PROBE = "您好"


@dataclass(frozen=True, slots=True)
class EmbeddingEndpoint:
    """Where the model is, and how it wants its texts. `dimensions` 0 takes what the model gives."""

    base_url: str
    model: str
    api_key: str = ""
    dimensions: int = 0
    query_prefix: str = ""
    document_prefix: str = ""
    batch: int = 10
    timeout_s: float = 0.8


class OpenAIEmbedder:
    """See `SlowEmbedder`."""

    def __init__(self, endpoint: EmbeddingEndpoint, *, pauses_s: float = 1.0) -> None:
        self._endpoint = endpoint
        self._pauses_s = pauses_s
        self._closed = threading.Event()
        self.batch = endpoint.batch
        self.name = name_of(endpoint)
        self.dimensions = endpoint.dimensions
        headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        try:
            self._client = httpx.Client(headers=headers)
        except UnicodeEncodeError:
            raise BadSettings("embedding.api_key has characters that no key has: copy it again") from None

    def open(self, known_dimensions: int = 0) -> None:
        """See `SlowEmbedder.open`. Asks the model once where nobody knows how many numbers it gives."""
        self.dimensions = self._endpoint.dimensions or known_dimensions
        if self.dimensions:
            return
        try:
            self.embed([PROBE])
        except (RetryLater, GiveUp) as problem:
            raise BadSettings(
                f"{problem}. Mend that, or set embedding.dimensions to start without the model"
            ) from problem

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `SlowEmbedder.embed`."""
        parts = [texts[start : start + self.batch] for start in range(0, len(texts), self.batch)]
        rows = [self._with_patience([self._endpoint.document_prefix + text for text in part], part) for part in parts]
        return np.concatenate(rows) if rows else np.zeros((0, self.dimensions), np.float32)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `SlowEmbedder.embed_questions`. Personal details of the customer stay here."""
        blanked = [redact(text) for text in texts]
        return self._ask([self._endpoint.query_prefix + text for text in blanked], blanked, self._endpoint.timeout_s)

    def close(self) -> None:
        """See `SlowEmbedder.close`. Who waits for the next try stops waiting."""
        self._closed.set()
        self._client.close()

    def _with_patience(self, whole: Sequence[str], texts: Sequence[str]) -> Vectors:
        trying = Retrying(
            retry=retry_if_exception_type(RetryLater),
            stop=stop_after_attempt(TRIES) | stop_when_event_set(self._closed),
            sleep=sleep_using_event(self._closed),
            wait=self._pause,
            before_sleep=_tell,
            reraise=True,
        )
        return trying(self._ask, whole, texts, BATCH_S)

    def _pause(self, state: RetryCallState) -> float:
        """As long as the endpoint asks for, else 1 s, 2 s, 4 s …, spread."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.after_s if isinstance(error, RetryLater) and error.after_s is not None else 0.0
        grown: float = wait_random_exponential(multiplier=self._pauses_s, max=LONGEST_PAUSE_S)(state)
        return min(max(grown, asked), LONGEST_PAUSE_S)

    def _ask(self, whole: Sequence[str], texts: Sequence[str], timeout_s: float) -> Vectors:
        """One request. `texts` are the texts without their prefix: an empty one has no words, and is never sent."""
        spoken = [at for at, text in enumerate(texts) if text.strip()]
        vectors = self._request([ends(whole[at], LONGEST) for at in spoken], timeout_s) if spoken else None
        size = self.dimensions if vectors is None else vectors.shape[1]
        if self.dimensions and size != self.dimensions:
            raise GiveUp(
                f"{self._endpoint.model} answers with {size} numbers a text, {self.dimensions} were expected: "
                "mend embedding.dimensions; if the model was changed under its name, run huiying kb reindex --again"
            )
        self.dimensions = size
        rows = np.zeros((len(texts), size), np.float32)
        if vectors is not None:
            rows[spoken] = vectors
        return rows

    def _request(self, texts: list[str], timeout_s: float) -> Vectors:
        endpoint = self._endpoint
        asked: dict[str, Any] = {"model": endpoint.model, "input": texts, "encoding_format": "float"}
        if endpoint.dimensions:
            asked["dimensions"] = endpoint.dimensions
        url = f"{endpoint.base_url.rstrip('/')}/embeddings"
        try:
            answer = self._client.post(url, json=asked, timeout=timeout_s)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RetryLater(f"{endpoint.base_url} does not answer ({type(error).__name__})") from error
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer, endpoint)
        return _vectors(answer, len(texts), endpoint)


def name_of(endpoint: EmbeddingEndpoint) -> str:
    """The model and whatever else its vectors depend on; the same model at another address is the same."""
    shaped = f"{endpoint.document_prefix}\n{endpoint.dimensions or ''}"
    tail = f"-{hashlib.sha256(shaped.encode()).hexdigest()[:8]}" if shaped.strip() else ""
    return f"openai-{endpoint.model}{tail}"


def _refusal(answer: httpx.Response, endpoint: EmbeddingEndpoint) -> RetryLater | GiveUp:
    """What a status other than 200 means for us. The body may repeat a customer's words, so it is not told."""
    status = answer.status_code
    if status in (401, 403):
        return GiveUp(f"{endpoint.base_url} refuses the key ({status}): set HUIYING_EMBEDDING_API_KEY")
    if status in (404, 405):
        return GiveUp(
            f"{endpoint.base_url} has no model {endpoint.model} or no /embeddings ({status}): "
            "check embedding.base_url, with its /v1, and embedding_model"
        )
    if status in (408, 409, 425, 429) or status >= 500:
        return RetryLater(f"{endpoint.base_url} answers {status}", _seconds(answer.headers.get("retry-after", "")))
    return GiveUp(
        f"{endpoint.base_url} refuses {endpoint.model} ({status}): it may take fewer texts at once than "
        f"embedding.batch ({endpoint.batch}), or no embedding.dimensions"
    )


def _seconds(header: str) -> float | None:
    try:
        return max(0.0, float(header))
    except ValueError:
        return None


def _vectors(answer: httpx.Response, count: int, endpoint: EmbeddingEndpoint) -> Vectors:
    broken = RetryLater(f"{endpoint.base_url} answers with something that is no list of {count} vectors")
    try:
        rows = sorted(answer.json()["data"], key=lambda row: int(row["index"]))
        found = np.asarray([row["embedding"] for row in rows], np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise broken from error
    if found.ndim != 2 or len(found) != count or not found.shape[1] or not np.isfinite(found).all():
        raise broken
    return unit_rows(found)


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("retrieval.embedder_busy", tries=state.attempt_number, reason=str(error))
