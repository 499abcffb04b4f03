"""All texts of the live entries in memory, with their words and vectors: one search is a few array operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.certainty import signs
from retrieval.embedder import Embedder, Vectors
from retrieval.fusion import Evidence, FusionWeights, Scores, best, fuse
from retrieval.lexical import Statistics, Vocabulary
from retrieval.reranking import Reranker
from retrieval.search_texts import Side
from retrieval.second_look import Looked, SecondLook
from retrieval.side_index import SideEvidence, SideIndex, TextReading
from retrieval.static_encoder import StaticEncoder
from retrieval.tokens import QueryWords, content_length
from store.knowledge_rows import KnowledgeEntry


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the snapshot needs it: its text, weighted words, its vector and those of its clauses."""

    text: str
    words: QueryWords
    vectors: Vectors

    @property
    def vector(self) -> Vectors:
        """The vector of the whole question."""
        whole: Vectors = self.vectors[0]
        return whole


@dataclass(frozen=True, slots=True)
class SideStatistics:
    """How common words are on each side, where that is known from more entries than the snapshot holds."""

    asks: Statistics
    answers: Statistics
    pieces: Statistics | None = None


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
    """The entries found, best first, and the share of the question's weight in words that the base knows (0–1).

    `signs` are what a second ranking looks like (`certainty.SIGNS`), None where there was no second look.
    """

    found: tuple[Found, ...]
    known: float
    signs: Scores | None = None


class EntrySnapshot:
    """The entries at one revision. Immutable: a change of the base makes another one."""

    def __init__(
        self,
        entries: Sequence[KnowledgeEntry],
        readings: Sequence[Sequence[TextReading]],
        vocabulary: Vocabulary,
        embedder: Embedder,
        statistics: SideStatistics | None = None,
        compares: StaticEncoder | None = None,
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
        both = (self._asks, self._answers)
        pieces = known.pieces if known else None
        self._look = None if compares is None else SecondLook(compares, both, vocabulary, pieces)
        self.size = (len(sides[Side.ASKS]) + len(sides[Side.ANSWERS])) * size

    @property
    def statistics(self) -> SideStatistics:
        """How common words are in this snapshot."""
        pieces = self._look.pieces if self._look else None
        return SideStatistics(self._asks.lexical.statistics, self._answers.lexical.statistics, pieces)

    def rank(
        self,
        question: Question,
        weights: FusionWeights,
        k: int,
        reranker: Reranker | None = None,
        now: float | None = None,
    ) -> Ranking:
        """The `k` entries that fit `question` best and hold at `now`.

        Blocks for about a nanosecond per number held (`size`). With `reranker`, which needs a snapshot that compares,
        the first candidates are looked at again.
        """
        count = len(self.entries)
        if not count or not question.words.asking:
            return Ranking((), 0.0)
        asks, answers = self._evidence(question)
        if reranker is not None and self._look is not None:
            return self._rank_again(question, asks, answers, k, reranker, now)
        evidence = Evidence(asks.lexical, answers.lexical, asks.dense, answers.dense, self._has_question)
        fused = fuse(evidence, weights)
        # Entries out of their time are few: a few more are ranked, then those are dropped.
        places = [int(at) for at in best(fused, k + 5) if now is None or self.entries[at].holds_at(now)]
        found = tuple(self._found(at, float(fused[at]), asks, answers) for at in places[:k])
        return Ranking(found, max(asks.known, answers.known))

    def look(self, question: Question) -> tuple[Looked, float]:
        """The candidates for `question` as the second look sees them, and the share of its words that are known."""
        if self._look is None:
            raise ValueError("this snapshot was made without an encoder to compare by")
        asks, answers = self._evidence(question)
        return self._looked(self._look, question, asks, answers), max(asks.known, answers.known)

    def has_question(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which of the entries at `places` have a question."""
        return self._has_question[places]

    def _evidence(self, question: Question) -> tuple[SideEvidence, SideEvidence]:
        count = len(self.entries)
        asks = self._asks.evidence(question.words.asking, question.vector, count)
        return asks, self._answers.evidence(question.words.answering, question.vector, count)

    def _looked(self, look: SecondLook, question: Question, asks: SideEvidence, answers: SideEvidence) -> Looked:
        return look.look(question.text, question.words, question.vectors, (asks, answers), self._has_question)

    def _rank_again(
        self,
        question: Question,
        asks: SideEvidence,
        answers: SideEvidence,
        k: int,
        reranker: Reranker,
        now: float | None,
    ) -> Ranking:
        assert self._look is not None
        known = max(asks.known, answers.known)
        looked = self._looked(self._look, question, asks, answers)
        holding = np.array([now is None or self.entries[at].holds_at(now) for at in looked.places], np.bool_)
        places, rows = looked.places[holding], looked.rows[holding]
        if not len(places):
            return Ranking((), known)
        scores = reranker.scores(rows, self._has_question[places])
        order = np.argsort(-scores, kind="stable")
        found = tuple(self._found(int(places[at]), float(scores[at]), asks, answers) for at in order[:k])
        seen = signs(rows[order], scores[order], known, content_length(question.text))
        return Ranking(found, known, seen)

    def _found(self, at: int, score: float, asks: SideEvidence, answers: SideEvidence) -> Found:
        return Found(
            entry=self.entries[at],
            score=score,
            asks=float(asks.lexical[at]),
            answers=float(answers.lexical[at]),
            asks_dense=float(asks.dense[at]),
            answers_dense=float(answers.dense[at]),
            piece=self._best_piece(at, answers.text_fit),
        )

    def _best_piece(self, owner: int, covered: Scores) -> str:
        places = self._answers.texts_of(owner)
        if not places:
            return ""
        place = max(places, key=lambda at: float(covered[at]))
        return self._answers.readings[place].text.text
