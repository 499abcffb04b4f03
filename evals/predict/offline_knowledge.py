"""Reads a knowledge base for batch prediction: rows of a file, or a folder of documents."""

from __future__ import annotations

from pathlib import Path

from evals.predict.row_files import BadRows, Row, read_rows
from knowledge.importing import read_documents
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.offline import OfflineRetriever

_ROWS = (".jsonl", ".jsonl.gz", ".ndjson")


def knowledge_at(path: Path) -> OfflineRetriever:
    """A retriever over `path`. Raises `BadRows` or `BadDocument` naming what cannot be read."""
    rows = read_rows(path) if path.name.endswith(_ROWS) else document_rows(path)
    try:
        return OfflineRetriever.from_rows(rows, NgramEmbedder())
    except ValueError as error:
        raise BadRows(f"{path}: {error}") from None


def document_rows(path: Path) -> list[Row]:
    """The entries of a folder or a document as rows; the id is the file's name and the entry's key."""
    rows: list[Row] = []
    for document in read_documents([path]):
        for entry in document.entries:
            words = entry.words
            doc_id = entry.key if entry.own_id else f"{document.name}#{entry.key}"
            row = {"doc_id": doc_id, "question": words.question, "answer": words.answer}
            rows.append({**row, "similar": list(words.similar), "category": words.category})
    return rows
