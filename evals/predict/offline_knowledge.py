"""Reads a knowledge base for batch prediction: rows of a file, or a folder of documents."""

from __future__ import annotations

from pathlib import Path

from evals.predict.row_files import BadRows, Row, read_rows
from knowledge.importing import read_documents
from retrieval.offline import OfflineRetriever
from settings import Settings
from wiring_retrieval import opened_embedder

_ROWS = (".jsonl", ".jsonl.gz", ".ndjson")


def knowledge_at(path: Path, settings: Settings) -> OfflineRetriever:
    """A retriever over `path` with the embedder of the settings.

    Raises `BadRows` or `BadDocument` naming what cannot be read, `BadSettings` for an embedder that cannot work.
    """
    rows = read_rows(path) if path.name.endswith(_ROWS) else document_rows(path)
    try:
        return OfflineRetriever.from_rows(rows, opened_embedder(settings))
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


def texts_of(base: OfflineRetriever) -> list[str]:
    """All that a base says, one text an entry."""
    words = [entry.words for entry in base.snapshot.entries]
    return ["\n".join((one.question, one.answer, *one.similar)) for one in words]
