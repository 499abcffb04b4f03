"""Reads entries and questions: words, vectors and pieces of every text, remembered between two revisions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.embedder import Embedder, Vectors, question_embedding
from retrieval.entry_snapshot import EntrySnapshot, Question, SideStatistics
from retrieval.lexical import Vocabulary
from retrieval.pair_features import MOST_ANSWER_PIECES, Numbers, is_negative
from retrieval.search_texts import search_texts
from retrieval.side_index import TextReading
from retrieval.static_encoder import StaticEncoder
from retrieval.tokens import QueryWords, clauses
from store.knowledge_rows import KnowledgeEntry

NO_PIECES: Numbers = np.zeros(0, np.int32)


class EntryReader:
    """Makes snapshots, remembering what it read of each entry version: a small change of a large base is cheap.

    Readings of up to `spare` entries that the last snapshot did not hold are remembered too. Vectors are made here,
    or handed in where that takes long; a text without one is found by its words, and read again next time.
    """

    def __init__(self, embedder: Embedder, *, spare: int = 0, compares: StaticEncoder | None = None) -> None:
        self.embedder = embedder
        self._compares = compares
        self._ask = question_embedding(embedder)
        self._vocabulary = Vocabulary()
        self._spare = spare
        self._read: dict[tuple[str, int], tuple[TextReading, ...]] = {}
        self._reading = threading.Lock()

    def snapshot(
        self,
        entries: Sequence[KnowledgeEntry],
        statistics: SideStatistics | None = None,
        vectors: Mapping[str, Vectors] | None = None,
    ) -> EntrySnapshot:
        """The snapshot of exactly these entries. Blocks for about 1 ms per new entry: run it in a thread.

        `vectors` are those of the texts that `unread` named; None makes them here.
        """
        keys = [(entry.entry_id, entry.version) for entry in entries]
        with self._reading:
            new = [entry for entry, key in zip(entries, keys, strict=True) if key not in self._read]
            readings = {key: self._read[key] for key in keys if key in self._read} | self._read_all(new, vectors)
            others = [key for key in self._read if key not in readings] if self._spare else []
            whole = readings if vectors is None else {k: read for k, read in readings.items() if _is_whole(read)}
            self._read = {key: self._read[key] for key in others[-self._spare :]} | whole
        read = [readings[key] for key in keys]
        return EntrySnapshot(entries, read, self._vocabulary, self.embedder, statistics, self._compares)

    def unread(self, entries: Sequence[KnowledgeEntry]) -> list[str]:
        """The texts whose vectors a snapshot of `entries` needs and nobody remembers."""
        new = [entry for entry in entries if (entry.entry_id, entry.version) not in self._read]
        return [text.text for entry in new for text in search_texts(entry)]

    def question(self, words: QueryWords, text: str, vector: Vectors | None = None) -> Question:
        """A question in the form that this reader's snapshots search; without `vector` it is made here.

        Its clauses get vectors of their own where those are made here.
        """
        return Question(text, words, self._ask([text, *clauses(text)]) if vector is None else vector.reshape(1, -1))

    @property
    def no_vector(self) -> Vectors:
        """Says nothing about what a text means: what is found then is found by words."""
        return np.zeros(self.embedder.dimensions, np.float32)

    def number_of(self, token: str) -> int | None:
        """The number under which statistics count `token`; None when no text that was read has it."""
        return self._vocabulary.known(token)

    def _read_all(
        self, entries: Sequence[KnowledgeEntry], vectors: Mapping[str, Vectors] | None
    ) -> dict[tuple[str, int], tuple[TextReading, ...]]:
        texts = [search_texts(entry) for entry in entries]
        every = [text.text for of_entry in texts for text in of_entry]
        rows = iter(self.embedder.embed(every) if vectors is None else self._handed_in(every, vectors))
        pieces = iter(self._pieces(every))
        return {
            (entry.entry_id, entry.version): tuple(
                TextReading(text, self._vocabulary.read(text.text), next(rows), next(pieces), is_negative(text.text))
                for text in of_entry
            )
            for entry, of_entry in zip(entries, texts, strict=True)
        }

    def _pieces(self, texts: Sequence[str]) -> list[Numbers]:
        if self._compares is None:
            return [NO_PIECES] * len(texts)
        return [found[:MOST_ANSWER_PIECES] for found in self._compares.pieces(texts)]

    def _handed_in(self, texts: Sequence[str], vectors: Mapping[str, Vectors]) -> list[Vectors]:
        none = self.no_vector
        return [vectors.get(text, none) for text in texts]


def _is_whole(readings: Sequence[TextReading]) -> bool:
    """False while a vector is missing; a text without words, which never has one, is cheap to read again."""
    return all(reading.vector.any() for reading in readings)
