"""Reads entries from JSON rows, the same way for an import and for batch prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from store.knowledge_rows import EntryWords, KnowledgeEntry


def entries_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[KnowledgeEntry]:
    """The rows as entries; of rows with the same `doc_id` the last one counts."""
    found: dict[str, KnowledgeEntry] = {}
    for number, row in enumerate(rows, start=1):
        if not row.get("doc_id"):
            raise ValueError(f"row {number} has no doc_id")
        entry_id = str(row["doc_id"])
        found[entry_id] = KnowledgeEntry(entry_id, 1, words_of_row(row))
    return list(found.values())


def words_of_row(row: Mapping[str, Any]) -> EntryWords:
    """The words of a row; a text that repeats its question at the beginning is stripped of it."""
    question, title = (str(row.get(name) or "").strip() for name in ("question", "title"))
    answer, text = (str(row.get(name) or "").strip() for name in ("answer", "text"))
    similar = row.get("similar") or ()
    others = [similar] if isinstance(similar, str) else [str(one) for one in similar]
    asked = question or title
    body = answer or text
    if question and title and title != question:
        others.append(title)
    if asked and body.startswith(asked):
        body = body[len(asked) :].strip() or body
    return EntryWords(asked, body, tuple(one.strip() for one in others if one.strip()), str(row.get("category") or ""))
