"""The port of the word index inside the SQL database, which changes in the same transaction as the entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from retrieval.tokens import tokens
from store.knowledge_rows import KnowledgeEntry

#: Only a query's strongest tokens are looked up: the others are in half of the entries and cost the most.
STRONGEST = 24
#: How much a word counts in the questions of an entry and in its answer.
ASKS_WEIGHT = 1.0
ANSWERS_WEIGHT = 0.5
#: Tokens of one entry that are kept on each side; PostgreSQL's tsvector ends at 1 MB.
MOST_TOKENS = 40_000


@dataclass(frozen=True, slots=True)
class IndexedWords:
    """The tokens of an entry, cut before the transaction begins: a long import must not hold the writer."""

    entry_id: str
    asks: tuple[str, ...]
    answers: tuple[str, ...]


class KeywordIndex(Protocol):
    """Finds entries by words; proposes candidates where a base is too large to be held in memory."""

    def ensure(self, connection: Connection) -> bool:
        """Makes the tables; gives True when there were none, so that the caller fills them."""
        ...

    def put(self, connection: Connection, entries: Sequence[IndexedWords]) -> None:
        """Indexes entries in place of what was indexed under their ids."""
        ...

    def remove(self, connection: Connection, entry_ids: Sequence[str]) -> None:
        """Forgets entries; ids that are not there are ignored."""
        ...

    def clear(self, connection: Connection) -> None:
        """Forgets everything."""
        ...

    def search(self, connection: Connection, weights: Mapping[str, float], limit: int) -> list[str]:
        """The ids of the entries that hold most of the weighted tokens, best first."""
        ...

    def count(self, connection: Connection) -> int:
        """How many entries are indexed."""
        ...


def indexed_words(entry: KnowledgeEntry) -> IndexedWords:
    """The tokens of everything that asks in an entry, and of its answer."""
    words = entry.words
    asks = tokens("\n".join((words.question, *words.similar)))[:MOST_TOKENS]
    return IndexedWords(entry.entry_id, tuple(asks), tuple(tokens(words.answer)[:MOST_TOKENS]))


def strongest(weights: Mapping[str, float]) -> list[str]:
    """The tokens of a query that are looked up, the weightiest first."""
    return sorted(weights, key=lambda token: (-weights[token], token))[:STRONGEST]
