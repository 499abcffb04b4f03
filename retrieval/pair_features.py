"""What speaks for an entry beside one score of words and one of vectors: each word of a question against each text.

A second, closer look at the few entries that came up first; `retrieval/reranking.py` weighs what is seen here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from retrieval.lexical import TextWords
from retrieval.static_encoder import StaticEncoder

Numbers = npt.NDArray[np.int32]
Scores = npt.NDArray[np.float32]

#: Pieces of a question that are compared, the weightiest; only long stories have more.
MOST_ASKED = 48
#: Texts of one entry that are compared on the side that asks, and pieces of its answer.
MOST_QUESTIONS = 8
MOST_ANSWER_PIECES = 160
#: Two words less alike than this have nothing to do with each other.
ALIKE_FROM = 0.25
_NOT = re.compile("不(?!同|过|锈|管|仅|知)|没|无法|未|别(?!的|人)|莫|冇|唔|么得")

NAMES = (
    "fits_question",
    "fits_back",
    "fits_both",
    "fits_answer",
    "fits_entry",
    "unmet",
    "words_back",
    "words_both",
    "strange_names",
    "other_sign",
    "words_answer",
)


#: The places in `NAMES` of what is the best among an entry's questions.
OF_QUESTIONS = np.array([0, 1, 2, 6, 7])


@dataclass(frozen=True, slots=True)
class AskedPieces:
    """The distinct pieces of a question with their weights (sum 1), and the tokens that are names or numbers."""

    numbers: Numbers
    weights: Scores
    negative: bool


@dataclass(frozen=True, slots=True)
class ComparedText:
    """A text of an entry as it is compared: pieces, tokens, and whether it denies something."""

    pieces: Numbers
    words: TextWords
    negative: bool


@dataclass(frozen=True, slots=True)
class ComparedEntry:
    """The texts of one candidate that are compared; `answer` is its best piece."""

    asks: tuple[ComparedText, ...]
    answer: ComparedText | None


def is_negative(text: str) -> bool:
    """Whether `text` denies something."""
    return _NOT.search(text) is not None


class PieceMatcher:
    """Compares word by word. `rarities` are by piece: how rare each is among the texts of the base."""

    def __init__(self, encoder: StaticEncoder, rarities: Scores) -> None:
        self._encoder = encoder
        self._worth = encoder.strengths * rarities

    def asked(self, text: str) -> AskedPieces:
        """A question as it is compared."""
        numbers = np.unique(self._encoder.pieces([text])[0])
        weights = self._worth[numbers]
        if len(numbers) > MOST_ASKED:
            kept = np.argpartition(-weights, MOST_ASKED)[:MOST_ASKED]
            numbers, weights = numbers[kept], weights[kept]
        total = max(float(weights.sum()), 1e-9)
        return AskedPieces(numbers, (weights / total).astype(np.float32), is_negative(text))

    def alignments(self, asked: AskedPieces, texts: Sequence[Numbers]) -> tuple[Scores, Scores]:
        """For each text how well it holds each piece asked (texts × pieces, 0–1), and what share of it was asked."""
        lengths = np.array([len(text) for text in texts], np.int64)
        met = np.zeros((len(texts), len(asked.numbers)), np.float32)
        back = np.zeros(len(texts), np.float32)
        filled = np.flatnonzero(lengths)
        if not len(filled) or not len(asked.numbers):
            return met, back
        flat = np.concatenate([text for text in texts if len(text)])
        present = np.zeros(len(self._worth), np.bool_)
        present[flat] = True
        distinct = np.flatnonzero(present)
        place = np.zeros(len(self._worth), np.int32)
        place[distinct] = np.arange(len(distinct))
        likeness = self._encoder.directions(distinct) @ self._encoder.directions(asked.numbers).T
        likeness = np.maximum(likeness - ALIKE_FROM, 0) / (1 - ALIKE_FROM)
        at = place[flat]
        starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
        met[filled] = np.maximum.reduceat(likeness[at], starts, axis=0)
        worth = self._worth[flat]
        found = np.add.reduceat(worth * likeness.max(axis=1)[at], starts)
        back[filled] = found / np.maximum(np.add.reduceat(worth, starts), 1e-9)
        return met, back


@dataclass(frozen=True, slots=True)
class AskedWords:
    """The tokens of a question by number, those that texts of the base hold; and the names and numbers among them.

    `clauses` are the tokens of the question and of each of its clauses, each with the worth of all its tokens.
    """

    known: Numbers
    names: Numbers
    unknown_names: int
    clauses: tuple[tuple[Numbers, float], ...]


def words_in_both(asked: AskedWords, texts: Sequence[TextWords], worth: Scores) -> tuple[Scores, Scores]:
    """For each text the share of its words' worth that the question holds, and how alike it and the best clause are.

    Alike (0–1) by the worth of the words in both against the mean of all words in each.
    """
    lengths = np.array([len(text.numbers) for text in texts], np.int64)
    shares, alike = np.zeros((2, len(texts)), np.float32)
    filled = np.flatnonzero(lengths)
    if not len(filled):
        return shares, alike
    flat = np.concatenate([text.numbers for text in texts if len(text.numbers)])
    starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
    held = np.zeros((len(asked.clauses) + 1, len(worth)), np.float32)
    for row, (numbers, _) in zip(held, asked.clauses, strict=False):
        row[numbers] = 1.0
    held[-1, asked.known] = 1.0
    each = worth[flat]
    own = np.maximum(np.add.reduceat(each, starts), 1e-9)
    both = np.add.reduceat(each * held[:, flat], starts, axis=1)
    totals = np.array([total for _, total in asked.clauses], np.float32)
    shares[filled] = both[-1] / own
    alike[filled] = (2 * both[:-1] / (own + totals[:, None])).max(axis=0, initial=0.0)
    return shares, alike


def pair_features(
    matcher: PieceMatcher,
    pieces: AskedPieces,
    words: AskedWords,
    worth: Scores,
    entries: Sequence[ComparedEntry],
) -> Scores:
    """One row of `NAMES` per entry."""
    asks = [text for entry in entries for text in entry.asks]
    answers = [entry.answer for entry in entries if entry.answer is not None]
    texts = [*asks, *answers]
    met, back = matcher.alignments(pieces, [text.pieces for text in texts])
    forth = met @ pieces.weights
    tokens_back, alike = words_in_both(words, [text.words for text in texts], worth)
    rows = np.zeros((len(entries), len(NAMES)), np.float32)
    meets = np.zeros((len(entries), len(pieces.numbers)), np.float32)
    asking = np.flatnonzero([bool(entry.asks) for entry in entries])
    if len(asking):
        starts = np.concatenate([[0], np.cumsum([len(entry.asks) for entry in entries if entry.asks])[:-1]])
        ours = slice(0, len(asks))
        both = np.sqrt(forth[ours] * back[ours])
        columns = (forth[ours], back[ours], both, tokens_back[ours], alike[ours])
        rows[np.ix_(asking, OF_QUESTIONS)] = np.maximum.reduceat(np.stack(columns, axis=1), starts)
        meets[asking] = np.maximum.reduceat(met[ours], starts)
        signs = np.array([text.negative != pieces.negative for text in asks])
        rows[asking, 9] = [signs[a + int(both[a:b].argmax())] for a, b in pairwise([*starts, len(asks)])]
    answering = np.flatnonzero([entry.answer is not None for entry in entries])
    if len(answering):
        rows[answering, 3], rows[answering, 10] = forth[len(asks) :], alike[len(asks) :]
        meets[answering] = np.maximum(meets[answering], met[len(asks) :])
    rows[:, 4] = meets @ pieces.weights
    if len(pieces.numbers):
        rows[:, 5] = ((1 - meets) * pieces.weights).max(axis=1)
    if len(words.names) + words.unknown_names:
        held = np.zeros(len(worth), np.bool_)
        rows[:, 8] = [_strange(words, entry, held) for entry in entries]
    return rows


def _strange(words: AskedWords, entry: ComparedEntry, held: npt.NDArray[np.bool_]) -> float:
    """The share of the names and numbers asked about that an entry does not hold."""
    asked = len(words.names) + words.unknown_names
    texts = [*entry.asks, *([entry.answer] if entry.answer else [])]
    for text in texts:
        held[text.words.numbers] = True
    missing = words.unknown_names + int((~held[words.names]).sum())
    for text in texts:
        held[text.words.numbers] = False
    return missing / asked
