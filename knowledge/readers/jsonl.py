"""Reads JSON lines: an entry a line, `question` or `title`, `answer` or `text`, and `similar`, `category`, `doc_id`."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from conversation.errors import BadDocument
from knowledge.readers.document import Document, ReadEntry, Skipped, decode, document
from retrieval.entry_rows import words_of_row

FIELDS = ("doc_id", "question", "title", "answer", "text", "similar", "category")
_TEXT_FIELDS = ("question", "title", "answer", "text", "category")


def read(name: str, content: bytes) -> Document:
    """The entries of a JSON lines file. Raises `BadDocument` at the first line that is no JSON object."""
    return document(name, _entries(name, decode(name, content)))


def _entries(name: str, text: str) -> Iterator[ReadEntry | Skipped]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = _row(name, number, line)
        words = words_of_row(row)
        doc_id = str(row.get("doc_id") or "").strip()
        if not words.answer:
            yield Skipped(number, "has no answer (fields answer or text)")
        else:
            yield ReadEntry(doc_id or words.question or words.answer[:80], words, number, own_id=bool(doc_id))


def _row(name: str, number: int, line: str) -> dict[str, object]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadDocument(
            f"{name}:{number}: broken JSON ({error}); each line must be one complete JSON object"
        ) from None
    if not isinstance(row, dict):
        raise BadDocument(f'{name}:{number}: a JSON object is needed, e.g. {{"question": …, "answer": …}}')
    for field in _TEXT_FIELDS:
        if not isinstance(row.get(field) or "", str):
            raise BadDocument(f"{name}:{number}: {field!r} must be text")
    if not _is_list_of_texts(row.get("similar") or []):
        raise BadDocument(f"{name}:{number}: 'similar' must be a list of texts")
    return row


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
