"""A small OpenAI-compatible /embeddings endpoint on loopback, in a thread of its own, that misbehaves on request."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from retrieval.embedder import Embedder
from retrieval.ngram_embedder import NgramEmbedder


@dataclass
class EmbeddingEndpoint:
    """What it answers with: vectors of `embedder`, or the statuses of `failures`, one a request, then vectors again."""

    embedder: Embedder = field(default_factory=lambda: NgramEmbedder(64))
    key: str = ""
    failures: list[int] = field(default_factory=list)
    down: int = 0
    retry_after: str = ""
    body: bytes | None = None
    most: int = 10
    asleep: threading.Event = field(default_factory=threading.Event)
    sleeps: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @property
    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for request in self.requests for text in request["input"]]

    def answer(self, request: dict[str, Any], authorization: str) -> tuple[int, bytes]:
        self.requests.append(request)
        if self.sleeps:
            self.asleep.wait(30)
        if self.key and authorization != f"Bearer {self.key}":
            return 401, b'{"error": {"message": "bad key"}}'
        if self.down or self.failures:
            return (self.failures.pop(0) if self.failures else self.down), b"{}"
        if len(request["input"]) > self.most or not all(request["input"]):
            return 400, b'{"error": {"message": "batch too large"}}'
        if self.body is not None:
            return 200, self.body
        # Neither the order nor the length of vectors is promised by every server.
        rows = [
            {"object": "embedding", "index": at, "embedding": (3.0 * vector).tolist()}
            for at, vector in enumerate(self.embedder.embed(request["input"]))
        ]
        return 200, json.dumps({"object": "list", "model": request["model"], "data": rows[::-1]}).encode()


@contextlib.contextmanager
def embedding_endpoint(**changes: Any) -> Iterator[EmbeddingEndpoint]:
    """A running endpoint on a free port."""
    stage = EmbeddingEndpoint(**changes)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, body = stage.answer(request, self.headers.get("authorization", ""))
            if self.path != "/v1/embeddings":
                status, body = 404, b"{}"
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                if stage.retry_after:
                    self.send_header("retry-after", stage.retry_after)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    running = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    running.start()
    stage.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield stage
    finally:
        stage.asleep.set()
        server.shutdown()
        server.server_close()


def vectors_of(size: int, count: int = 1) -> bytes:
    """An answer whose vectors have `size` numbers."""
    rows = [{"index": at, "embedding": np.ones(size).tolist()} for at in range(count)]
    return json.dumps({"data": rows}).encode()
