"""All texts of the live entries in memory, with their words and vectors: one search is a few array operations."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.embedder import Embedder, Vectors
from retrieval.fusion import Evidence, FusionWeights, Scores, best, fuse
from retrieval.lexical import LexicalIndex, Statistics, TextWords, Vocabulary
from retrieval.search_texts import SearchText, Side, search_texts
from retrieval.tokens import QueryWords
from store.knowledge_rows import KnowledgeEntry


@dataclass(frozen=True, slots=True)
class TextReading:
    """A search text with what was read from it."""

    text: SearchText
    words: TextWords
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the snapshot needs it: weighted words and a vector."""

    words: QueryWords
    vector: Vectors


@dataclass(frozen=True, slots=True)
class SideStatistics:
    """How common words are on each side, where that is known from more entries than the snapshot holds."""

    asks: Statistics
    answers: Statistics


@dataclass(frozen=True, slots=True)
class Found:
    """One entry that was found, with the evidence for it. `piece` is the part of its answer that fits best."""

    entry: KnowledgeEntry
    score: float
    asks: float
    answers: float
    asks_dense: float
    answers_dense: float
    piece: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """The entries found, best first, and the share of the question's weight in words that the base knows (0–1)."""

    found: tuple[Found, ...]
    known: float


class SideIndex:
    """The texts of one side of the entries."""

    def __init__(
        self,
        readings: Sequence[tuple[int, TextReading]],
        vocabulary: Vocabulary,
        dimensions: int,
        statistics: Statistics | None,
    ) -> None:
        self.readings = [reading for _, reading in readings]
        self.lexical = LexicalIndex([reading.words for reading in self.readings], vocabulary, statistics)
        vectors = [reading.vector for reading in self.readings]
        self._matrix = np.stack(vectors) if vectors else np.zeros((0, dimensions), np.float32)
        owners = np.array([owner for owner, _ in readings], np.int64)
        self._starts = np.flatnonzero(np.diff(owners, prepend=-1))
        self._owners = owners[self._starts]

    def evidence(self, words: dict[str, float], vector: Vectors, entries: int) -> tuple[Scores, Scores, float, Scores]:
        """Per entry the best coverage and the best cosine; the known share; the coverages of the texts themselves."""
        lexical, dense = np.zeros(entries, np.float32), np.zeros(entries, np.float32)
        covered, known = self.lexical.coverage(words)
        if len(self._starts):
            lexical[self._owners] = np.maximum.reduceat(covered, self._starts)
            dense[self._owners] = np.maximum.reduceat(self._matrix @ vector, self._starts)
        return lexical, dense, known, covered

    def has_text(self, entries: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """For each entry whether it has a text on this side."""
        marked = np.zeros(entries, np.bool_)
        marked[self._owners] = True
        return marked

    def texts_of(self, owner: int) -> range:
        """The places of the texts of one entry."""
        at = int(np.searchsorted(self._owners, owner))
        if at == len(self._owners) or self._owners[at] != owner:
            return range(0)
        end = self._starts[at + 1] if at + 1 < len(self._starts) else len(self.readings)
        return range(int(self._starts[at]), int(end))


class EntrySnapshot:
    """The entries at one revision. Immutable: a change of the base makes another one."""

    def __init__(
        self,
        entries: Sequence[KnowledgeEntry],
        readings: Sequence[Sequence[TextReading]],
        vocabulary: Vocabulary,
        embedder: Embedder,
        statistics: SideStatistics | None = None,
    ) -> None:
        self.entries = tuple(entries)
        sides: dict[Side, list[tuple[int, TextReading]]] = {Side.ASKS: [], Side.ANSWERS: []}
        for owner, of_entry in enumerate(readings):
            for reading in of_entry:
                sides[reading.text.side].append((owner, reading))
        known = statistics
        size = embedder.dimensions
        self._asks = SideIndex(sides[Side.ASKS], vocabulary, size, known.asks if known else None)
        self._answers = SideIndex(sides[Side.ANSWERS], vocabulary, size, known.answers if known else None)
        self._has_question = self._asks.has_text(len(entries))
        self.size = (len(sides[Side.ASKS]) + len(sides[Side.ANSWERS])) * size

    @property
    def statistics(self) -> SideStatistics:
        """How common words are in this snapshot."""
        return SideStatistics(self._asks.lexical.statistics, self._answers.lexical.statistics)

    def rank(self, question: Question, weights: FusionWeights, k: int) -> Ranking:
        """The `k` entries that fit `question` best. Blocks for about a nanosecond per number held (`size`)."""
        count = len(self.entries)
        if not count or not question.words.asking:
            return Ranking((), 0.0)
        asks, asks_dense, known_asks, _ = self._asks.evidence(question.words.asking, question.vector, count)
        answers, answers_dense, known_answers, pieces = self._answers.evidence(
            question.words.answering, question.vector, count
        )
        evidence = Evidence(asks, answers, asks_dense, answers_dense, self._has_question)
        scores = fuse(evidence, weights)
        found = tuple(
            Found(
                entry=self.entries[at],
                score=float(scores[at]),
                asks=float(asks[at]),
                answers=float(answers[at]),
                asks_dense=float(asks_dense[at]),
                answers_dense=float(answers_dense[at]),
                piece=self._best_piece(int(at), pieces),
            )
            for at in best(scores, k)
        )
        return Ranking(found, max(known_asks, known_answers))

    def _best_piece(self, owner: int, covered: Scores) -> str:
        places = self._answers.texts_of(owner)
        if not places:
            return ""
        place = max(places, key=lambda at: float(covered[at]))
        return self._answers.readings[place].text.text


class EntryReader:
    """Makes snapshots, remembering what it read of each entry version: a small change of a large base is cheap.

    Readings of up to `spare` entries that the last snapshot did not hold are remembered too.
    """

    def __init__(self, embedder: Embedder, *, spare: int = 0) -> None:
        self.embedder = embedder
        self._vocabulary = Vocabulary()
        self._spare = spare
        self._read: dict[tuple[str, int], tuple[TextReading, ...]] = {}
        self._reading = threading.Lock()

    def snapshot(self, entries: Sequence[KnowledgeEntry], statistics: SideStatistics | None = None) -> EntrySnapshot:
        """The snapshot of exactly these entries. Blocks for about 1 ms per new entry: run it in a thread."""
        keys = [(entry.entry_id, entry.version) for entry in entries]
        with self._reading:
            new = [entry for entry, key in zip(entries, keys, strict=True) if key not in self._read]
            readings = {key: self._read[key] for key in keys if key in self._read} | self._read_all(new)
            others = [key for key in self._read if key not in readings] if self._spare else []
            self._read = {key: self._read[key] for key in others[-self._spare :]} | readings
        return EntrySnapshot(entries, [readings[key] for key in keys], self._vocabulary, self.embedder, statistics)

    def question(self, words: QueryWords, text: str) -> Question:
        """A question in the form that this reader's snapshots search."""
        return Question(words, self.embedder.embed([text])[0])

    def number_of(self, token: str) -> int | None:
        """The number under which statistics count `token`; None when no text that was read has it."""
        return self._vocabulary.known(token)

    def _read_all(self, entries: Sequence[KnowledgeEntry]) -> dict[tuple[str, int], tuple[TextReading, ...]]:
        texts = [search_texts(entry) for entry in entries]
        vectors = iter(self.embedder.embed([text.text for of_entry in texts for text in of_entry]))
        return {
            (entry.entry_id, entry.version): tuple(
                TextReading(text, self._vocabulary.read(text.text), next(vectors)) for text in of_entry
            )
            for entry, of_entry in zip(entries, texts, strict=True)
        }
