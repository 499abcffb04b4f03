"""One search from text to finding: words and vector of the question, ranking, chances. No I/O, no waiting."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum

from conversation.findings import Passage, Retrieval
from retrieval.calibration import RetrievalModel
from retrieval.embedder import Vectors
from retrieval.entry_reader import EntryReader
from retrieval.entry_snapshot import EntrySnapshot, Found, Question, Ranking
from retrieval.question_parts import put_together, question_parts
from retrieval.tokens import content_length, normalise, query_words

#: A longer answer is cited by its best piece alone.
LONGEST_ANSWER = 1500
#: A question with less content than this may be half a sentence whose other half was said before.
STANDS_ALONE = 5
#: One that points back does so up to this length; a longer one says for itself what it is about.
POINTS_BACK_BELOW = 10
_POINTS_BACK = re.compile("那|这|它|还有|另外|然后|如果|要是|刚才|上面|前面|第[一二三123]")
#: Below this chance a short question is read again together with what was said before.
SURE = 0.5
CONTEXT_LINES = 2
#: How fast the scores of a second ranking fall behind the first entry's.
NEXT_TO_FIRST = 0.25


class Leaning(IntEnum):
    """How much a question needs the lines before it."""

    STANDS_ALONE = 0
    MAY_LEAN = 1
    POINTS_BACK = 2


def leaning(text: str) -> Leaning:
    """Whether `text` can be understood without the lines before it."""
    content = content_length(text)
    if content < POINTS_BACK_BELOW and _POINTS_BACK.match(normalise(text).strip()):
        return Leaning.POINTS_BACK
    return Leaning.MAY_LEAN if content < STANDS_ALONE else Leaning.STANDS_ALONE


def asked_texts(text: str, context: Sequence[str]) -> list[str]:
    """The texts whose vectors `Finder.find` may need: `text` alone, or together with the lines before it."""
    return [text, with_context(text, "\n".join(context[-CONTEXT_LINES:]))] if context else [text]


def with_context(text: str, context: str) -> str:
    """A question together with what was said before it."""
    return f"{context}\n{text}" if context else text


class Finder:
    """Searches snapshots with a fitted model."""

    def __init__(self, reader: EntryReader, model: RetrievalModel) -> None:
        self._reader = reader
        self.model = model

    def find(
        self,
        snapshot: EntrySnapshot,
        text: str,
        *,
        context: Sequence[str] = (),
        k: int = 5,
        now: float | None = None,
        vectors: Mapping[str, Vectors] | None = None,
    ) -> Retrieval:
        """The entries that answer `text`, best first, at most `k`, and the chances that they do.

        `context` are earlier lines of the customer, oldest first. Entries that do not hold at `now` are left out.
        `vectors` are those of `asked_texts` where they take long to make; None makes them here.
        """
        leans = leaning(text) if context else Leaning.STANDS_ALONE
        earlier = "\n".join(context[-CONTEXT_LINES:])
        if leans is Leaning.POINTS_BACK:
            return self._search(snapshot, text, earlier, k, now, vectors)
        alone = self._alone(snapshot, text, k, now, vectors)
        if leans is Leaning.STANDS_ALONE or alone.answerable >= SURE:
            return alone
        together = self._search(snapshot, text, earlier, k, now, vectors)
        return together if together.answerable > alone.answerable else alone

    def _alone(
        self, snapshot: EntrySnapshot, text: str, k: int, now: float | None, vectors: Mapping[str, Vectors] | None
    ) -> Retrieval:
        """`text` without what was said before; a text that asks several things is searched part by part, too."""
        whole = self._search(snapshot, text, "", k, now, vectors)
        parts = question_parts(text) if self.model.second and vectors is None else []
        if not parts:
            return whole
        return put_together(whole, [self._search(snapshot, part, "", 2, now, vectors) for part in parts], k)

    def question(self, text: str, context: str = "", vectors: Mapping[str, Vectors] | None = None) -> Question:
        """`text` in the form that snapshots and candidate indexes search; for `vectors` see `find`."""
        whole = with_context(text, context)
        vector = None if vectors is None else vectors.get(whole, self._reader.no_vector)
        return self._reader.question(query_words(text, context=context), whole, vector)

    def rank(self, snapshot: EntrySnapshot, question: Question, k: int, now: float | None) -> Ranking:
        """The entries with the evidence for them; at least two where there are two, as the chances need."""
        second = self.model.second
        return snapshot.rank(question, self.model.weights, max(k, 2), second.reranker if second else None, now)

    def _search(
        self,
        snapshot: EntrySnapshot,
        text: str,
        context: str,
        k: int,
        now: float | None,
        vectors: Mapping[str, Vectors] | None,
    ) -> Retrieval:
        ranking = self.rank(snapshot, self.question(text, context, vectors), k, now)
        if not ranking.found:
            return Retrieval()
        answerable, covered = self.model.chances(ranking, content_length(text))
        found = ranking.found[:k]
        scores = [one.score for one in found]
        if ranking.signs is not None:
            # Whoever offers several entries compares their scores by proportion.
            scores = [answerable * math.exp((score - scores[0]) * NEXT_TO_FIRST) for score in scores]
        passages = tuple(_passage(one, score) for one, score in zip(found, scores, strict=True))
        return Retrieval(passages, answerable, covered)


def _passage(found: Found, score: float) -> Passage:
    words = found.entry.words
    answer = words.answer
    if len(answer) > LONGEST_ANSWER and found.piece:
        answer = found.piece.removeprefix(f"{words.question.strip()}\n").strip()
    return Passage(found.entry.entry_id, found.entry.version, words.question, answer, round(score, 6))
