"""Reads entries from JSON rows, the same way for an import and for batch prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrieval.fillers import QUESTION_MARKS
from store.knowledge_rows import EntryWords, KnowledgeEntry

#: A longer first line is no title.
LONGEST_TITLE = 80
#: The share of bare texts that begin with a question where the base is taken to be written so.
MOSTLY = 0.6


def entries_of_rows(rows: Iterable[Mapping[str, Any]]) -> list[KnowledgeEntry]:
    """The rows as entries; of rows with the same `doc_id` the last one counts.

    Where most rows are nothing but texts that begin with a line that asks, that line is taken for the question.
    """
    read: dict[str, EntryWords] = {}
    for number, row in enumerate(rows, start=1):
        if not row.get("doc_id"):
            raise ValueError(f"row {number} has no doc_id")
        read[str(row["doc_id"])] = words_of_row(row)
    bare = [words for words in read.values() if not words.question]
    if bare and sum(_begins_with_a_question(words.answer) for words in bare) >= MOSTLY * len(bare):
        read = {entry_id: words if words.question else _parted(words) for entry_id, words in read.items()}
    return [KnowledgeEntry(entry_id, 1, words) for entry_id, words in read.items()]


def _begins_with_a_question(text: str) -> bool:
    first, line_end, rest = text.partition("\n")
    return bool(line_end and rest.strip()) and len(first) <= LONGEST_TITLE and bool(QUESTION_MARKS.search(first))


def _parted(words: EntryWords) -> EntryWords:
    first, line_end, rest = words.answer.partition("\n")
    if not line_end or not rest.strip() or len(first) > LONGEST_TITLE:
        return words
    return EntryWords(first.strip(), rest.strip(), words.similar, words.category)


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
