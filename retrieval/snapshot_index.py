"""The vector index in this process's memory: exact, no server, gone with the process. The twin of the Chroma index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.embedder import Vectors
from retrieval.vector_index import VectorHit, VectorRow


class SnapshotIndex:
    """See `VectorIndex`. 100k vectors of 256 numbers take 100 MB and 10 ms a query; use Chroma beyond that."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._rows: dict[str, VectorRow] = {}
        self._revision = 0
        self._stacked: tuple[list[VectorRow], Vectors] | None = None

    async def upsert(self, rows: Sequence[VectorRow]) -> None:
        """See `VectorIndex.upsert`."""
        self._rows.update((row.text_id, row) for row in rows)
        self._stacked = None

    async def delete(self, text_ids: Sequence[str]) -> None:
        """See `VectorIndex.delete`."""
        for text_id in text_ids:
            self._rows.pop(text_id, None)
        self._stacked = None

    async def query(self, vector: Vectors, k: int) -> list[VectorHit]:
        """See `VectorIndex.query`."""
        rows, matrix = self._matrix()
        if not rows or k < 1:
            return []
        similar = matrix @ vector
        nearest = np.argpartition(-similar, k - 1)[:k] if k < len(rows) else np.arange(len(rows))
        ordered = nearest[np.argsort(-similar[nearest], kind="stable")]
        return [VectorHit(rows[at].text_id, rows[at].entry_id, float(similar[at])) for at in ordered]

    async def text_ids(self) -> set[str]:
        """See `VectorIndex.text_ids`."""
        return set(self._rows)

    async def revision(self) -> int:
        """See `VectorIndex.revision`."""
        return self._revision

    async def mark(self, revision: int) -> None:
        """See `VectorIndex.mark`."""
        self._revision = revision

    async def clear(self) -> None:
        """See `VectorIndex.clear`."""
        self._rows, self._revision, self._stacked = {}, 0, None

    async def others(self) -> list[str]:
        """See `VectorIndex.others`: another embedder's vectors were never here."""
        return []

    async def forget_others(self) -> list[str]:
        """See `VectorIndex.forget_others`."""
        return []

    async def close(self) -> None:
        """See `VectorIndex.close`."""

    def _matrix(self) -> tuple[list[VectorRow], Vectors]:
        if self._stacked is None:
            rows = list(self._rows.values())
            vectors = [row.vector for row in rows]
            stacked = np.stack(vectors) if vectors else np.zeros((0, self._dimensions), np.float32)
            self._stacked = rows, stacked
        return self._stacked
