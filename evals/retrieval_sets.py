"""Question sets for retrieval: a knowledge base and questions with their right entries, read from a folder."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from retrieval.entry_rows import entries_of_rows
from store.knowledge_rows import EntryWords, KnowledgeEntry


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the entries that answer it; none when the base holds no answer."""

    text: str
    right: frozenset[str]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A knowledge base and what is asked of it."""

    name: str
    entries: list[KnowledgeEntry]
    questions: list[Asked]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file, packed by gzip or not."""
    packed = path.read_bytes()
    lines = (gzip.decompress(packed) if path.suffix == ".gz" else packed).splitlines()
    return [orjson.loads(line) for line in lines if line.strip()]


def read_set(folder: Path, leave_out: Sequence[str] = ()) -> QuestionSet:
    """The set in a folder with `kb.dev.jsonl` and `queries.dev.jsonl`. Raises FileNotFoundError without them.

    Entries of the products in `leave_out`, and what is asked of them, are left out.
    """
    kb, queries = (_found(folder, name) for name in ("kb.dev.jsonl", "queries.dev.jsonl"))
    rows = read_rows(kb)
    gone = {row["doc_id"] for row in rows if row.get("product") in leave_out}
    asked = [Asked(row["text"], frozenset(row.get("gold") or ())) for row in read_rows(queries)]
    kept = [one for one in asked if not one.right & gone]
    return QuestionSet(folder.name, entries_of_rows([row for row in rows if row["doc_id"] not in gone]), kept)


def read_paraphrases(folder: Path) -> QuestionSet | None:
    """Groups of sentences that mean the same, one as the entry and one as the question, or None without the file."""
    path = folder / "tatoeba_zh.groups.jsonl"
    if not path.exists():
        return None
    groups = read_rows(path)
    random.Random(1).shuffle(groups)
    known, unknown = groups[: len(groups) * 2 // 3], groups[len(groups) * 2 // 3 :]
    entries = [KnowledgeEntry(group["id"], 1, EntryWords(group["zh"][0])) for group in known]
    asked = [Asked(group["zh"][1], frozenset({group["id"]})) for group in known]
    return QuestionSet(folder.name, entries, asked + [Asked(group["zh"][0], frozenset()) for group in unknown])


def answers_only(whole: QuestionSet) -> QuestionSet:
    """The same base without its questions."""
    bare = [
        KnowledgeEntry(entry.entry_id, 1, EntryWords(answer=entry.words.answer))
        for entry in whole.entries
        if entry.words.answer
    ]
    return QuestionSet(f"{whole.name}, answers only", bare, whole.questions)


def small_bases(whole: QuestionSet, size: int, bases: int) -> Iterator[QuestionSet]:
    """Bases of `size` entries drawn from `whole`, each with questions it holds and about half as many it does not."""
    draw = random.Random(size)
    for number in range(bases):
        entries = draw.sample(whole.entries, min(size, len(whole.entries)))
        ids = frozenset(entry.entry_id for entry in entries)
        held = [asked for asked in whole.questions if asked.right & ids]
        others = [Asked(asked.text, frozenset()) for asked in whole.questions if not asked.right & ids]
        strange = draw.sample(others, min(len(others), max(1, len(held) // 2)))
        yield QuestionSet(f"{whole.name}, {size} entries, {number}", entries, held + strange)


def _found(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise FileNotFoundError(f"{folder / name} (or .gz) is missing")
