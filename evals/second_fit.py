"""Fits the second ranking: the order of the candidates, the two chances, and the bounds of refusal.

Everything is judged by rankings that did not learn from the question judged, so that chances are not too sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evals.logistic import fit
from evals.practice_sets import bases, group_bases, groups_of, shop
from evals.rerank_fit import Lesson, train_reranker
from evals.retrieval_sets import QuestionSet, read_set
from retrieval.calibration import SecondRanking
from retrieval.certainty import SIGNS, Certainty, signs
from retrieval.entry_reader import EntryReader
from retrieval.reranking import Reranker
from retrieval.static_encoder import StaticEncoder
from retrieval.tokens import content_length, query_words

Numbers = npt.NDArray[np.float64]
HeldOut = Callable[[str], bool]

#: Folds by which the order is judged on questions that it did not learn from.
FOLDS = 3
RIDGE = 0.02
#: What a wrong answer costs where a right answer or a right refusal earns 1: of entries with a question, which are
#: given word for word, and of bare answers, of which sentences are shown with what they are about.
WRONG_COSTS = (0.7, 0.15)
#: What a family of sets counts: the groups are bases as they are used, many and various.
GROUPS_COUNT = 3.0
BASES_COUNT = 4.0
#: Questions of one public set at most.
MOST_QUESTIONS = 1500


@dataclass(frozen=True, slots=True)
class Practised:
    """One question after its first search. `fold` says by which ranking it is judged."""

    lesson: Lesson
    known: float
    length: int
    answerable: bool
    fold: int


def practise(sets: Sequence[QuestionSet], encoder: StaticEncoder, count: float) -> list[Practised]:
    """The candidates of all questions of a family of sets, which together count `count`."""
    found: list[Practised] = []
    total = sum(len(one.questions) for one in sets)
    for one in sets:
        reader = EntryReader(encoder, compares=encoder)
        snapshot = reader.snapshot(one.entries)
        ids = [entry.entry_id for entry in snapshot.entries]
        for asked in one.questions:
            question = reader.question(query_words(asked.text), asked.text)
            if not question.words.asking:
                continue
            looked, known = snapshot.look(question)
            if len(looked.places):
                right = np.array([ids[at] in asked.right for at in looked.places], np.bool_)
                lesson = Lesson(looked.rows, right, snapshot.has_question(looked.places), count * 1000 / total)
                length = content_length(asked.text)
                found.append(Practised(lesson, known, length, bool(asked.right), len(found) % FOLDS))
    return found


#: Products whose texts bind what is made from them to their own licence (CC BY-SA).
SHARE_ALIKE = ("TiDB",)


def families(folders: Sequence[Path], held_out: HeldOut) -> list[tuple[float, list[QuestionSet]]]:
    """The practice with what each family counts; of what the encoder knows only what is held out from it."""
    authors = {author: rows for author, rows in groups_of("train").items() if held_out(author)}
    found = [(GROUPS_COUNT, list(group_bases(authors))), (BASES_COUNT, [shop("fit"), *bases(held_out)])]
    for folder in folders:
        whole = read_set(folder, SHARE_ALIKE)
        unseen = [asked for asked in whole.questions if held_out(asked.text) or not _is_halved(folder)]
        found.append((1.0, [QuestionSet(whole.name, whole.entries, unseen[:MOST_QUESTIONS])]))
    return found


def _is_halved(folder: Path) -> bool:
    return folder.name == "faq_medical_zh"


def fit_second(practised: Sequence[Practised]) -> SecondRanking:
    """Everything that the second ranking needs."""
    folds = [train_reranker([one.lesson for one in practised if one.fold != fold]) for fold in range(FOLDS)]
    judged = [_judged(one, folds[one.fold]) for one in practised]
    seen = np.array([row for row, _, _ in judged], np.float64)
    has = np.array([has for _, has, _ in judged])
    right = np.array([right for _, _, right in judged], np.float64)
    answerable = np.array([one.answerable for one in practised], np.float64)
    weights = np.array([one.lesson.weight for one in practised])
    answers = fit_certainty(seen, has, right, weights)
    chances = np.array([answers.chance(row.astype(np.float32), bool(one)) for row, one in zip(seen, has, strict=True)])
    bounds = [
        choose_bound(chances[kind], right[kind] > 0, answerable[kind] > 0, weights[kind], cost)
        for kind, cost in zip((has, ~has), WRONG_COSTS, strict=True)
    ]
    return SecondRanking(
        train_reranker([one.lesson for one in practised]),
        answers,
        fit_certainty(seen, has, answerable, weights),
        (bounds[0], bounds[1]),
    )


def fit_certainty(seen: Numbers, has: npt.NDArray[np.bool_], truth: Numbers, weights: Numbers) -> Certainty:
    """A logistic model of `truth` for entries with a question, and one for those without."""
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    scaled = (seen - middle) / spread
    slopes, bias = np.zeros((len(SIGNS), 2), np.float32), np.zeros(2, np.float32)
    for side, kind in enumerate((has, ~has)):
        if kind.any():
            share = weights[kind] / weights[kind].mean()
            bias[side], slopes[:, side] = fit(scaled[kind], truth[kind], share, ridge=RIDGE)
    return Certainty(middle.astype(np.float32), spread.astype(np.float32), slopes, bias)


def choose_bound(
    chances: Numbers, right: npt.NDArray[np.bool_], answerable: npt.NDArray[np.bool_], weights: Numbers, cost: float
) -> float:
    """The chance below which refusing does more good than answering; a wrong answer costs `cost`."""

    def worth(bound: float) -> float:
        refused = chances < bound
        good = np.where(refused, ~answerable, right)
        wrong = ~refused & ~right
        return float((weights * (good - cost * wrong)).sum())

    bounds = np.arange(0.1, 0.9, 0.02)
    reached = np.array([worth(bound) for bound in bounds])
    # The top is flat and ragged: its middle holds better on other questions than its highest tooth.
    smooth = np.convolve(np.pad(reached, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    return round(float(bounds[smooth.argmax()]), 2)


def _judged(one: Practised, reranker: Reranker) -> tuple[npt.NDArray[np.float32], bool, bool]:
    lesson = one.lesson
    scores = reranker.scores(lesson.rows, lesson.has_question)
    order = np.argsort(-scores, kind="stable")
    row = signs(lesson.rows[order], scores[order], one.known, one.length)
    return row, bool(lesson.has_question[order[0]]), bool(lesson.right[order[0]])
