"""One search from text to finding: words and vector of the question, ranking, chances. No I/O, no waiting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from conversation.findings import Passage, Retrieval
from retrieval.calibration import RetrievalModel, features
from retrieval.entry_snapshot import EntryReader, EntrySnapshot, Found, Question, Ranking
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


class Finder:
    """Searches snapshots with a fitted model."""

    def __init__(self, reader: EntryReader, model: RetrievalModel) -> None:
        self._reader = reader
        self.model = model

    def find(
        self, snapshot: EntrySnapshot, text: str, *, context: Sequence[str] = (), k: int = 5, now: float | None = None
    ) -> Retrieval:
        """The entries that answer `text`, best first, at most `k`, and the chances that they do.

        `context` are earlier lines of the customer, oldest first. Entries that do not hold at `now` are left out.
        """
        leans = leaning(text) if context else Leaning.STANDS_ALONE
        earlier = "\n".join(context[-CONTEXT_LINES:])
        if leans is Leaning.POINTS_BACK:
            return self._search(snapshot, text, earlier, k, now)
        alone = self._search(snapshot, text, "", k, now)
        if leans is Leaning.STANDS_ALONE or alone.answerable >= SURE:
            return alone
        together = self._search(snapshot, text, earlier, k, now)
        return together if together.answerable > alone.answerable else alone

    def question(self, text: str, context: str = "") -> Question:
        """`text` in the form that snapshots and candidate indexes search."""
        return self._reader.question(query_words(text, context=context), f"{context}\n{text}" if context else text)

    def rank(self, snapshot: EntrySnapshot, text: str, context: str, k: int, now: float | None) -> Ranking:
        """The entries with the evidence for them; at least two where there are two, as the chances need."""
        # Entries out of their time are few: a few more are ranked, then those are dropped.
        ranking = snapshot.rank(self.question(text, context), self.model.weights, max(k, 2) + 5)
        holding = tuple(found for found in ranking.found if now is None or found.entry.holds_at(now))
        return Ranking(holding[: max(k, 2)], ranking.known)

    def _search(self, snapshot: EntrySnapshot, text: str, context: str, k: int, now: float | None) -> Retrieval:
        ranking = self.rank(snapshot, text, context, k, now)
        if not ranking.found:
            return Retrieval()
        seen = features(ranking, content_length(text))
        return Retrieval(
            passages=tuple(_passage(found) for found in ranking.found[:k]),
            answerable=self.model.answers.chance(seen),
            covered=self.model.covers.chance(seen),
        )


def _passage(found: Found) -> Passage:
    words = found.entry.words
    answer = words.answer
    if len(answer) > LONGEST_ANSWER and found.piece:
        answer = found.piece.removeprefix(f"{words.question.strip()}\n").strip()
    return Passage(found.entry.entry_id, found.entry.version, words.question, answer, round(found.score, 6))
