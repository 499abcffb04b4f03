"""The vectors in Chroma: embedded under the data folder with one owner process, or a Chroma server for many.

The only file that knows chromadb. Its import takes over a second, so it waits until the first call, in a thread.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import structlog

from conversation.errors import RetryLater
from retrieval.embedder import Vectors
from retrieval.folder_lock import FolderLock
from retrieval.vector_index import IndexBusy, VectorHit, VectorRow

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")

#: Ids per call: Chroma's own limit per batch is a little over 5,000.
BATCH = 1000
#: What our collections are called before the embedder's name.
PREFIX = "entries_"
#: Chroma's calls block; two threads let a search pass a long write.
THREADS = 2


class KnowledgeIndex:
    """See `VectorIndex`. One collection per embedder, so that vectors of two models never mix.

    Exactly one process may own `folder`: a second one would read stale data without any error
    (chroma-core/chroma#3792), so for a second one every method raises `IndexBusy`. Processes that share an index use
    `url`.
    """

    def __init__(self, embedder_name: str, dimensions: int, *, folder: Path | None = None, url: str = "") -> None:
        if (folder is None) == (not url):
            raise ValueError("give either a folder or a URL for the vector index")
        self._collection_name = f"{PREFIX}{re.sub('[^a-zA-Z0-9-]+', '-', embedder_name).strip('-')}_{dimensions}"
        self._folder, self._url = folder, url
        self._lock = FolderLock(folder) if folder is not None else None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="chroma")
        self._opening = threading.Lock()
        self._opened: tuple[Any, Any] | None = None

    async def upsert(self, rows: Sequence[VectorRow]) -> None:
        """See `VectorIndex.upsert`."""
        for start in range(0, len(rows), BATCH):
            await self._run(_Upsert(rows[start : start + BATCH]))

    async def delete(self, text_ids: Sequence[str]) -> None:
        """See `VectorIndex.delete`."""
        for start in range(0, len(text_ids), BATCH):
            await self._run(_Delete(text_ids[start : start + BATCH]))

    async def query(self, vector: Vectors, k: int) -> list[VectorHit]:
        """See `VectorIndex.query`."""
        if k < 1:
            return []
        found = await self._run(
            lambda collection: collection.query(
                query_embeddings=vector.reshape(1, -1), n_results=k, include=["distances", "metadatas"]
            )
        )
        rows = zip(found["ids"][0], found["metadatas"][0], found["distances"][0], strict=True)
        return [VectorHit(text_id, kept["entry_id"], 1.0 - distance) for text_id, kept, distance in rows]

    async def text_ids(self) -> set[str]:
        """See `VectorIndex.text_ids`."""
        return set(await self._run(lambda collection: collection.get(include=[])["ids"]))

    async def revision(self) -> int:
        """See `VectorIndex.revision`."""
        return int(await self._run(lambda collection: (collection.metadata or {}).get("revision", 0)))

    async def mark(self, revision: int) -> None:
        """See `VectorIndex.mark`."""
        await self._run(lambda collection: collection.modify(metadata={"revision": revision}))

    async def clear(self) -> None:
        """See `VectorIndex.clear`."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._begin_anew)

    async def others(self) -> list[str]:
        """See `VectorIndex.others`."""
        return await self._run(lambda _: self._others())

    async def forget_others(self) -> list[str]:
        """See `VectorIndex.forget_others`."""
        return await self._run(lambda _: self._forget_others())

    @property
    def is_ours_alone(self) -> bool:
        """True when no other process can have the store open: its leftovers are ours to remove."""
        return self._folder is not None

    async def close(self) -> None:
        """See `VectorIndex.close`."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._let_go)
        self._threads.shutdown(wait=True)

    async def _run(self, work: Callable[[Any], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._on_collection, work)

    def _on_collection(self, work: Callable[[Any], Result]) -> Result:
        from chromadb.errors import ChromaError  # noqa: PLC0415

        try:
            return work(self._open()[1])
        except (ChromaError, httpx.HTTPError) as error:
            # A folder or collection that vanished under the client is found again, empty, by the next call.
            self._let_go()
            raise RetryLater(f"the vector index cannot be used now: {error}") from error

    def _others(self) -> list[str]:
        names = [str(collection.name) for collection in self._open()[0].list_collections()]
        return sorted(name for name in names if name.startswith(PREFIX) and name != self._collection_name)

    def _forget_others(self) -> list[str]:
        from chromadb.errors import NotFoundError  # noqa: PLC0415

        names = self._others()
        for name in names:
            with suppress(NotFoundError):
                self._open()[0].delete_collection(name)
        return names

    def _begin_anew(self) -> None:
        from chromadb.errors import ChromaError, NotFoundError  # noqa: PLC0415

        try:
            client, _ = self._open()
            with suppress(NotFoundError):
                client.delete_collection(self._collection_name)
            self._opened = client, self._collection(client)
        except (ChromaError, httpx.HTTPError) as error:
            self._let_go()
            raise RetryLater(f"the vector index cannot be made anew now: {error}") from error

    def _open(self) -> tuple[Any, Any]:
        with self._opening:
            if self._opened is None:
                client = self._connect()
                self._opened = client, self._collection(client)
            return self._opened

    def _connect(self) -> Any:
        import chromadb  # noqa: PLC0415
        from chromadb.config import Settings  # noqa: PLC0415

        quiet = Settings(anonymized_telemetry=False)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._lock is not None and not self._lock.take():
                raise IndexBusy(
                    f"another process has {self._folder} open, and one alone may: give each process its own "
                    "HUIYING_DATA_DIR, or all of them one Chroma server (HUIYING_CHROMA_URL)"
                )
            return chromadb.PersistentClient(str(self._folder), settings=quiet)
        address = urlsplit(self._url)
        secure = address.scheme == "https"
        port = address.port or (443 if secure else 8000)
        try:
            return chromadb.HttpClient(host=address.hostname or "localhost", port=port, ssl=secure, settings=quiet)
        except ValueError as error:
            raise RetryLater(f"no Chroma server answers at {self._url}: {error}") from error

    def _collection(self, client: Any) -> Any:
        # Without `embedding_function=None` Chroma would fetch a model of its own from the network.
        return client.get_or_create_collection(
            self._collection_name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def _let_go(self) -> None:
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened[0].close()
        if self._lock is not None:
            self._lock.release()


class _Upsert:
    """One batch on its way into a collection."""

    def __init__(self, rows: Sequence[VectorRow]) -> None:
        self._rows = rows

    def __call__(self, collection: Any) -> None:
        collection.upsert(
            ids=[row.text_id for row in self._rows],
            embeddings=[row.vector for row in self._rows],
            metadatas=[{"entry_id": row.entry_id} for row in self._rows],
        )


class _Delete:
    """One batch on its way out."""

    def __init__(self, text_ids: Sequence[str]) -> None:
        self._text_ids = list(text_ids)

    def __call__(self, collection: Any) -> None:
        collection.delete(ids=self._text_ids)
