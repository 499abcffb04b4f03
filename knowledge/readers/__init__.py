"""Readers of files: each takes a file's name and bytes and gives entries, or `BadDocument` with place and cure."""

from __future__ import annotations

from pathlib import PurePath

from conversation.errors import BadDocument
from knowledge.readers import csv_table, jsonl, markdown
from knowledge.readers.document import Document, DocumentReader

READERS: dict[str, DocumentReader] = {
    ".jsonl": jsonl.read,
    ".csv": csv_table.read,
    ".tsv": csv_table.read,
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".txt": markdown.read,
}


def read_document(name: str, content: bytes) -> Document:
    """What a file says. Raises `BadDocument` for a kind of file that nobody reads, and for one that is broken."""
    reader = READERS.get(PurePath(name).suffix.lower())
    if reader is None:
        raise BadDocument(f"{name}: this kind of file is not read; save it as one of {', '.join(READERS)}")
    return reader(name, content)
