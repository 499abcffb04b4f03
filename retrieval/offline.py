"""A retriever over rows that stand in no database: for batch prediction and for evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conversation.findings import Retrieval
from retrieval.calibration import RetrievalModel, load_model
from retrieval.embedder import Embedder
from retrieval.entry_reader import EntryReader
from retrieval.entry_rows import entries_of_rows
from retrieval.finder import Finder
from retrieval.static_encoder import StaticEncoder
from store.knowledge_rows import KnowledgeEntry


class OfflineRetriever:
    """Searches a fixed list of entries; answers `search` as the live retriever does."""

    def __init__(
        self, entries: Sequence[KnowledgeEntry], embedder: Embedder, model: RetrievalModel | None = None
    ) -> None:
        chosen = model or load_model(embedder.name)
        reader = EntryReader(embedder, compares=StaticEncoder.shipped() if chosen.second else None)
        self.finder = Finder(reader, chosen)
        self.snapshot = reader.snapshot(entries)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Mapping[str, Any]], embedder: Embedder, model: RetrievalModel | None = None
    ) -> OfflineRetriever:
        """A retriever over rows `{"doc_id", and any of "question", "title", "answer", "text", "similar"}`.

        Raises ValueError naming the row that has no `doc_id`.
        """
        return cls(entries_of_rows(rows), embedder, model)

    def find(self, text: str, *, context: Sequence[str] = (), k: int = 5) -> Retrieval:
        """See `Finder.find`."""
        return self.finder.find(self.snapshot, text, context=context, k=k)

    def refuses(self, found: Retrieval) -> bool:
        """True when the base most likely holds no answer."""
        return self.finder.model.refuses(found)

    async def search(self, text: str, *, context: Sequence[str] = (), k: int = 5) -> Retrieval:
        """See `Retriever.search`."""
        return self.find(text, context=context, k=k)
