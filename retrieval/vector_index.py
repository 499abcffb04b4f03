"""The port of the vector store, and how it is brought in step with the entries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conversation.errors import RetryLater
from retrieval.embedder import Embedder, Vectors
from retrieval.search_texts import search_texts
from retrieval.slow_embedding import Progress, SlowEmbedding, silent
from store.knowledge_rows import KnowledgeEntry

#: Texts that are embedded and written at once.
BATCH = 512


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A vector to keep. `text_id` names an entry's text at a version, so its vector never changes."""

    text_id: str
    entry_id: str
    vector: Vectors


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A vector that was found; `similarity` is the cosine (−1 … 1)."""

    text_id: str
    entry_id: str
    similarity: float


class VectorIndex(Protocol):
    """Vectors of one embedder, searched by cosine. What it holds can always be made again from SQL.

    Every method raises `RetryLater` when the store is gone; searches then go on without it.
    """

    async def upsert(self, rows: Sequence[VectorRow]) -> None:
        """Keeps vectors; one that is there under the same id is replaced."""
        ...

    async def delete(self, text_ids: Sequence[str]) -> None:
        """Forgets vectors; ids that are not there are ignored."""
        ...

    async def query(self, vector: Vectors, k: int) -> list[VectorHit]:
        """The `k` vectors most like `vector`, best first; fewer when fewer are held."""
        ...

    async def text_ids(self) -> set[str]:
        """The ids of all vectors held."""
        ...

    async def revision(self) -> int:
        """The revision of the base that `mark` recorded last; 0 for an index that is new or was lost."""
        ...

    async def mark(self, revision: int) -> None:
        """Records that the index holds the base as of `revision`."""
        ...

    async def clear(self) -> None:
        """Makes the index empty and new, whatever state it was in."""
        ...

    async def others(self) -> list[str]:
        """The indexes of other embedders that the store still holds, by name."""
        ...

    async def forget_others(self) -> list[str]:
        """Removes the indexes of other embedders; gives their names."""
        ...

    async def close(self) -> None:
        """Lets go of files and connections."""
        ...


class IndexBusy(RetryLater):
    """Another process has the index and keeps it in step: it is not for this one to touch."""


async def bring_in_step(
    index: VectorIndex,
    entries: Sequence[KnowledgeEntry],
    embedder: Embedder,
    revision: int,
    *,
    slow: SlowEmbedding | None = None,
    again: bool = False,
    progress: Progress = silent,
) -> int:
    """Makes `index` hold exactly the texts of `entries`; gives how many vectors were written.

    Compares ids, so it costs nothing when little changed, mends what an interrupted run left, and fills an empty index;
    `again` replaces every vector. With `slow` the vectors are those that were made before.
    """
    wanted = {text.text_id: text for entry in entries for text in search_texts(entry)}
    held = await index.text_ids()
    if gone := sorted(held - wanted.keys()):
        await index.delete(gone)
    missing = [text for text_id, text in wanted.items() if again or text_id not in held]
    progress(len(wanted) - len(missing), len(wanted))
    for start in range(0, len(missing), BATCH):
        part = missing[start : start + BATCH]
        vectors = await _vectors_of([text.text for text in part], embedder, slow)
        rows = [VectorRow(text.text_id, text.entry_id, vectors[text.text]) for text in part if text.text in vectors]
        await index.upsert(rows)
        progress(len(wanted) - len(missing) + start + len(part), len(wanted))
    await index.mark(revision)
    return len(missing)


async def _vectors_of(texts: Sequence[str], embedder: Embedder, slow: SlowEmbedding | None) -> Mapping[str, Vectors]:
    if slow is not None:
        return await slow.held(texts)
    return dict(zip(texts, await asyncio.to_thread(embedder.embed, texts), strict=True))
