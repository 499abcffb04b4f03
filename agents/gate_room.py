"""What one room's own history teaches: which words and meanings were answered here, learnt at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.gate_marks import LibraryMarks, Reading
from retrieval.models.logistic import Logistic, sigmoid
from retrieval.models.ngram_features import Keys, Vocabulary, keys_of
from retrieval.models.word_model import Runs
from retrieval.static_encoder import StaticEncoder

Numbers = NDArray[np.float64]
#: Inverse of the penalty on the weights; flat between 1 and 10.
LOOSE = 3.0
#: How much meaning counts beside words. Lines nearby share what they are about; from talk to talk it misleads:
#: with whole blocks held out none at all ranked best, with five lines held out it did no harm.
MEANING = 0.3
#: The languages of base and talk weigh as much as so many words of the room; flat between 1 000 and 10 000.
TRUSTED = 3000.0
#: Neighbouring lines come from one talk: they are held out together, at most so many at a time.
TOGETHER, FOLDS = 25, 5
#: The gate's own belief about a room's lines weighs as much as so many lines that were marked: few of them must not
#: overrule it, least of all how often it speaks.
BELIEVED = 20.0
_STEPS, _SMALL_STEPS = 12, 400
#: No logistic curve bends more than this.
_MOST_BENT = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class RoomWords:
    """A trained room: weights of n-grams and of the encoder's meaning."""

    vocabulary: Vocabulary
    encoder: StaticEncoder
    words: Numbers
    meaning: Numbers
    bias: float

    def logit(self, text: str) -> float:
        """How much a line sounds like those that were answered here."""
        columns, values = self.vocabulary.row(keys_of(text))
        return float(values @ self.words[columns] + self.encoder.embed([text])[0] @ self.meaning + self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class RoomLanguage:
    """How the room's answered lines change the language of the base, and the others that of talk: counts, to which
    the language known before is added as `TRUSTED` words (MAP adaptation, after Bacchiani and Roark 2003)."""

    answered: Runs
    others: Runs

    @classmethod
    def learn(cls, lines: Sequence[Reading], wanted: Numbers) -> RoomLanguage:
        """The words of a room's lines, each counted once a line."""
        kinds = [[line for line, is_wanted in zip(lines, wanted, strict=True) if is_wanted == kind] for kind in (1, 0)]
        answered, others = ([np.unique(line.words) for line in kind] for kind in kinds)
        return cls(_counted(answered), _counted(others))

    def adapted(self, words: NDArray[np.uint64], base: Numbers, talk: Numbers) -> tuple[Numbers, Numbers]:
        """Logarithms of chances in the base and in talk, as the room changes them."""
        return _adapted(self.answered, words, base), _adapted(self.others, words, talk)


@dataclass(frozen=True, slots=True, eq=False)
class RoomMarks:
    """What a room has learnt, and the marks by which it corrects the gate."""

    words: RoomWords
    language: RoomLanguage | None
    library: LibraryMarks | None

    def of(self, text: str) -> Numbers:
        """How much a line sounds like those that were answered; with a library its marks, adapted and as they are."""
        own = [np.array([self.words.logit(text)])]
        if self.library and self.language:
            own += [self.library.leaning(self.library.read(text), self.language.adapted), self.library.of(text)]
        return np.concatenate(own)


def learn_room(
    texts: Sequence[str], wanted: Numbers, encoder: StaticEncoder, library: LibraryMarks | None = None
) -> tuple[RoomMarks, Numbers]:
    """What a room teaches, and for each line its marks by models that saw nothing of the lines around it."""
    keys = [keys_of(text) for text in texts]
    meanings = encoder.embed(list(texts)).astype(np.float64)
    words = np.zeros((len(texts), 1))
    for inside, outside in _folds(wanted):
        known = _learn([keys[i] for i in inside], meanings[inside], wanted[inside], encoder)
        words[outside, 0] = [known.logit(texts[i]) for i in outside]
    taught = _learn(keys, meanings, wanted, encoder)
    if library is None:
        return RoomMarks(taught, None, None), words
    lines, marks = [library.read(text) for text in texts], np.stack([library.of(text) for text in texts])
    leaning = np.stack([library.leaning(line) for line in lines])
    for inside, outside in _folds(wanted):
        language = RoomLanguage.learn([lines[i] for i in inside], wanted[inside])
        leaning[outside] = [library.leaning(lines[i], language.adapted) for i in outside]
    language = RoomLanguage.learn(lines, wanted)
    return RoomMarks(taught, language, library), np.hstack([words, leaning, marks])


def correct(marks: Numbers, known: Numbers, wanted: Numbers, ridge: float) -> Logistic:
    """How the marks of a room's lines correct the logits that the gate knows: learnt from the marked lines and from
    the gate's own belief about them. `ridge` holds the slopes small, in units of each mark's spread.

    Small steps that never go too far (Boehning and Lindsay 1988): where a room contradicts a sure gate, Newton's do.
    """
    centre, spread = marks.mean(axis=0), marks.std(axis=0) + 1e-6
    rows = np.c_[(marks - centre) / spread, np.ones(len(marks))]
    belief, own = sigmoid(known), BELIEVED / len(wanted)
    bend = _MOST_BENT * (1 + own) * rows.T @ rows + np.diag(np.append(np.full(marks.shape[1], ridge), 1e-3))
    penalty, step = np.append(np.full(marks.shape[1], ridge), 0.0), np.linalg.inv(bend)
    solution = np.zeros(rows.shape[1])
    for _ in range(_SMALL_STEPS):
        guess = sigmoid(rows @ solution + known)
        solution = solution - step @ (rows.T @ (guess - wanted + own * (guess - belief)) + penalty * solution)
    scale = solution[:-1] / spread
    return Logistic(np.append(scale, solution[-1] - float(centre @ scale)))


def _folds(wanted: Numbers) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Lines to learn from and lines to judge; left out where only one kind is left to learn from."""
    turns = np.arange(len(wanted)) // max(1, min(TOGETHER, len(wanted) // (2 * FOLDS))) % FOLDS
    for turn in range(FOLDS):
        inside = np.flatnonzero(turns != turn)
        if 0 < wanted[inside].sum() < len(inside):
            yield inside, np.flatnonzero(turns == turn)


def _counted(lines: Sequence[NDArray[np.uint64]]) -> Runs:
    keys, counts = np.unique(np.concatenate([*lines, np.empty(0, np.uint64)]), return_counts=True)
    return Runs(keys, counts.astype(np.float64), np.zeros(len(keys)))


def _adapted(runs: Runs, words: NDArray[np.uint64], known: Numbers) -> Numbers:
    counts = runs.find(words)[0]
    logs: Numbers = np.log((counts + TRUSTED * np.exp(known)) / (runs.counts.sum() + TRUSTED))
    return logs


def _learn(keys: Sequence[Keys], meanings: Numbers, wanted: Numbers, encoder: StaticEncoder) -> RoomWords:
    vocabulary = Vocabulary.learn(keys)
    rows = np.zeros((len(keys), len(vocabulary.keys)), np.float32)
    for row, own in zip(rows, keys, strict=True):
        columns, values = vocabulary.row(own)
        row[columns] = values
    alike = (rows @ rows.T).astype(np.float64) + MEANING * (meanings @ meanings.T)
    shares, bias = _fit(alike, wanted)
    return RoomWords(vocabulary, encoder, shares @ rows, MEANING * (shares @ meanings), bias)


def _fit(alike: Numbers, wanted: Numbers) -> tuple[Numbers, float]:
    """Each line's share in the weights, by Newton's steps in as many unknowns as there are lines.

    The rarer kind of lines weighs as much as the other.
    """
    positive = wanted.sum()
    weights = np.where(wanted > 0, len(wanted) / (2 * positive), len(wanted) / (2 * (len(wanted) - positive)))
    rows = np.c_[alike * LOOSE, np.ones(len(wanted))]
    solution = np.zeros(len(wanted) + 1)
    for _ in range(_STEPS):
        logits = rows @ solution
        guess = sigmoid(logits)
        bend = np.maximum(weights * guess * (1 - guess), 1e-6)
        target = logits + weights * (wanted - guess) / bend
        system = np.zeros((len(wanted) + 1, len(wanted) + 1))
        system[:-1, :-1] = alike * LOOSE + np.diag(1 / bend)
        system[:-1, -1] = system[-1, :-1] = 1.0
        solution = np.linalg.solve(system, np.append(target, 0.0))
    return solution[:-1] * LOOSE, float(solution[-1])
