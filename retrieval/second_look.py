"""The closer look at a question's first candidates: chooses them, and gives each a row of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval import pair_features
from retrieval.embedder import Vectors
from retrieval.fusion import Evidence, FusionWeights, Scores, best, fuse
from retrieval.lexical import Statistics, TextWords, Vocabulary
from retrieval.pair_features import AskedWords, ComparedEntry, PieceMatcher
from retrieval.side_index import SideEvidence, SideIndex
from retrieval.static_encoder import StaticEncoder
from retrieval.tokens import QueryWords, clauses, is_name, kind_weight, tokens

#: Entries that words propose, and as many that vectors propose.
PROPOSED = 30

Flags = npt.NDArray[np.bool_]

FEATURES = (
    "asks",
    "answers",
    "asks_dense",
    "answers_dense",
    "asks_clause",
    "answers_clause",
    *pair_features.NAMES,
)


@dataclass(frozen=True, slots=True)
class Looked:
    """The candidates by place, and a row of `FEATURES` for each."""

    places: npt.NDArray[np.int64]
    rows: Scores


class SecondLook:
    """Looks at candidates of one snapshot. `pieces` says how common pieces are where more entries than these know."""

    def __init__(
        self,
        encoder: StaticEncoder,
        sides: tuple[SideIndex, SideIndex],
        vocabulary: Vocabulary,
        pieces: Statistics | None = None,
    ) -> None:
        self._asks, self._answers = sides
        self._vocabulary = vocabulary
        readings = [*self._asks.readings, *self._answers.readings]
        self.pieces = pieces or Statistics.of(
            [_counted(reading.pieces) for reading in readings], len(encoder.strengths)
        )
        rarities = np.full(len(encoder.strengths), self.pieces.unknown, np.float32)
        known = np.array(self.pieces.rarities, np.float32)
        rarities[: len(known)] = np.where(known > 0, known, self.pieces.unknown)
        self._matcher = PieceMatcher(encoder, rarities)
        statistics = (self._asks if self._asks.readings else self._answers).lexical.statistics
        self._worth, self._unknown = vocabulary.worth(statistics), statistics.unknown

    def look(
        self, text: str, words: QueryWords, vectors: Vectors, sides: tuple[SideEvidence, SideEvidence], has: Flags
    ) -> Looked:
        """The candidates for a question and their features.

        `vectors` are those of the question and of its clauses; `has` says which entries have a question.
        """
        asks, answers = sides
        places = _candidates(asks, answers, has)
        if not len(places):
            return Looked(places, np.zeros((0, len(FEATURES)), np.float32))
        asking = [self._asking(int(at), asks.text_fit) for at in places]
        answering = [self._answering(int(at), answers.text_fit) for at in places]
        entries = [
            ComparedEntry(
                tuple(self._asks.readings[one].compared for one in asked),
                None if answer is None else self._answers.readings[answer].compared,
            )
            for asked, answer in zip(asking, answering, strict=True)
        ]
        pairs = pair_features.pair_features(
            self._matcher, self._matcher.asked(text), self._asked_words(text, words), self._worth, entries
        )
        seen = np.stack([asks.lexical, answers.lexical, asks.dense, answers.dense], axis=1)[places]
        clause = np.zeros((len(places), 2), np.float32)
        if flat := [one for asked in asking for one in asked]:
            filled = np.flatnonzero([len(asked) > 0 for asked in asking])
            starts = np.concatenate([[0], np.cumsum([len(asking[at]) for at in filled])[:-1]])
            clause[filled, 0] = np.maximum.reduceat(self._asks.alike(flat, vectors), starts)
        if flat := [one for one in answering if one is not None]:
            clause[[one is not None for one in answering], 1] = self._answers.alike(flat, vectors)
        return Looked(places, np.hstack([seen, clause, pairs]))

    def _asked_words(self, text: str, words: QueryWords) -> AskedWords:
        numbers = {token: self._vocabulary.known(token) for token in words.asking}
        size = len(self._worth)
        known = [number for number in numbers.values() if number is not None and number < size]
        names = [number for token, number in numbers.items() if is_name(token)]
        held = [number for number in names if number is not None and number < size]
        parts = tuple(self._priced(set(tokens(clause))) for clause in clauses(text))
        whole = self._priced(set(words.asking))
        return AskedWords(np.array(known, np.int32), np.array(held, np.int32), len(names) - len(held), (whole, *parts))

    def _priced(self, found: set[str]) -> tuple[pair_features.Numbers, float]:
        """The numbers of the tokens that the base knows, and what all of them are worth."""
        numbers = [self._vocabulary.known(token) for token in found]
        size = len(self._worth)
        known = np.array([number for number in numbers if number is not None and number < size], np.int32)
        strange = sum(kind_weight(t) for t, n in zip(found, numbers, strict=True) if n is None or n >= size)
        return known, float(self._worth[known].sum()) + strange * self._unknown

    def _asking(self, at: int, fits: Scores) -> Sequence[int]:
        """The questions of an entry that are compared."""
        places = self._asks.texts_of(at)
        if len(places) <= pair_features.MOST_QUESTIONS:
            return places
        return sorted(places, key=lambda place: -fits[place])[: pair_features.MOST_QUESTIONS]

    def _answering(self, at: int, fits: Scores) -> int | None:
        """The best piece of its answer."""
        places = self._answers.texts_of(at)
        if len(places) < 2:
            return places.start if places else None
        return places.start + int(fits[places.start : places.stop].argmax())


def _candidates(asks: SideEvidence, answers: SideEvidence, has: Flags) -> npt.NDArray[np.int64]:
    nothing = np.zeros_like(asks.lexical)
    by_words = fuse(Evidence(asks.lexical, answers.lexical, nothing, nothing, has), FusionWeights())
    by_vectors = np.maximum(asks.dense, answers.dense)
    return np.union1d(best(by_words, PROPOSED), best(by_vectors, PROPOSED))


def _counted(pieces: pair_features.Numbers) -> TextWords:
    distinct = np.unique(pieces)
    return TextWords(distinct, np.ones(len(distinct), np.float32))
