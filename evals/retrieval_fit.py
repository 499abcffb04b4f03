"""`python -m evals.retrieval_fit --write FOLDER…`: fits the finding on development sets, for one embedder.

For the encoder that ships this is the second ranking (`evals/second_fit.py`); for others, how words and vectors are
weighed, the two chances, and the refusal bound, kept in `retrieval/calibration.json`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import orjson

from evals.logistic import fit
from evals.retrieval_dev import settings_with
from evals.retrieval_metrics import RANKS
from evals.retrieval_sets import QuestionSet, answers_only, read_paraphrases, read_set, small_bases
from evals.second_fit import families, fit_second, practise
from retrieval.calibration import FEATURES, FITTED, Logistic, features
from retrieval.embedder import Embedder
from retrieval.entry_reader import EntryReader
from retrieval.entry_snapshot import EntrySnapshot, Question
from retrieval.fusion import FusionWeights
from retrieval.static_encoder import StaticEncoder
from retrieval.tokens import content_length, query_words
from training.weights_out import write_arrays
from training.witness import is_held_out
from wiring_retrieval import opened_embedder

START = FusionWeights(asks=1.0, answers=0.7, asks_dense=0.1, answers_dense=0.0, without_question=0.8)
#: What each weight may become; the weight of `asks` stays 1, since only proportions matter.
GRID: dict[str, tuple[float, ...]] = {
    "asks_dense": (0.1, 0.2, 0.4, 0.7, 1.0, 1.5),
    "answers_dense": (0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5),
    "answers": (0.3, 0.5, 0.7),
}
#: Questions per set by which the weights are chosen.
SAMPLE = 500
COVERS = ("score", "margin", "known", "length")
#: A weight that only a whole order of magnitude of data could justify is held down.
RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Seen:
    """One question after its search: features, whether the first entry was right, whether any could be."""

    features: dict[str, float]
    right: bool
    answerable: bool


class ReadSet:
    """A question set whose base and questions were read once."""

    def __init__(self, questions: QuestionSet, embedder: Embedder) -> None:
        reader = EntryReader(embedder)
        self.name = questions.name
        self.snapshot: EntrySnapshot = reader.snapshot(questions.entries)
        self.asked = questions.questions
        self.questions: list[Question] = [reader.question(query_words(a.text), a.text) for a in self.asked]

    def reciprocal_rank(self, weights: FusionWeights) -> float:
        """The mean reciprocal rank over (a sample of) the answerable questions."""
        held = [(a, q) for a, q in zip(self.asked, self.questions, strict=True) if a.right]
        total, sample = 0.0, random.Random(0).sample(held, min(SAMPLE, len(held)))
        for asked, question in sample:
            found = self.snapshot.rank(question, weights, RANKS).found
            places = [at for at, one in enumerate(found, start=1) if one.entry.entry_id in asked.right]
            total += 1 / places[0] if places else 0.0
        return total / max(len(sample), 1)

    def seen(self, weights: FusionWeights) -> list[Seen]:
        """The features and the truth of every question that found anything."""
        rows = []
        for asked, question in zip(self.asked, self.questions, strict=True):
            ranking = self.snapshot.rank(question, weights, 2)
            if ranking.found:
                right = ranking.found[0].entry.entry_id in asked.right
                rows.append(Seen(features(ranking, content_length(asked.text)), right, bool(asked.right)))
        return rows


def choose_weights(sets: Sequence[ReadSet]) -> FusionWeights:
    """The weights with the best mean reciprocal rank, one weight after the other, twice around."""
    chosen, best = START, sum(one.reciprocal_rank(START) for one in sets)
    for name, values in [*GRID.items(), *GRID.items()]:
        for value in values:
            tried = replace(chosen, **{name: value})
            reached = sum(one.reciprocal_rank(tried) for one in sets)
            if reached > best + 1e-4:
                chosen, best = tried, reached
    return chosen


def fit_chance(groups: Sequence[Sequence[Seen]], names: Sequence[str], truth: str) -> Logistic:
    """A logistic model of `truth`; every group counts the same, however many questions it has."""
    rows = [(seen, 1 / len(group)) for group in groups for seen in group]
    x = np.array([[seen.features[name] for name in names] for seen, _ in rows])
    y = np.array([float(getattr(seen, truth)) for seen, _ in rows])
    weights = np.array([weight for _, weight in rows])
    intercept, slopes = fit(x, y, weights / weights.mean(), ridge=RIDGE)
    return Logistic(round(intercept, 4), {name: round(s, 4) for name, s in zip(names, slopes, strict=True)})


def choose_bound(groups: Sequence[Sequence[Seen]], covers: Logistic) -> float:
    """The chance below which a question is refused: best mean F1 of refusal over the groups."""
    judged = [[(covers.chance(seen.features), seen.answerable) for seen in group] for group in groups]

    def mean_f1(bound: float) -> float:
        return sum(_refusal_f1(group, bound) for group in judged) / len(judged)

    return round(float(max(np.arange(0.1, 0.95, 0.01), key=mean_f1)), 2)


def _refusal_f1(judged: Iterable[tuple[float, bool]], bound: float) -> float:
    refused = [(chance < bound, not answerable) for chance, answerable in judged]
    caught = sum(no and should for no, should in refused)
    return 2 * caught / max(sum(no for no, _ in refused) + sum(should for _, should in refused), 1)


def groups_for_chances(sets: Sequence[QuestionSet], folders: Sequence[Path]) -> list[list[QuestionSet]]:
    """The sets as they are, without their questions, and cut small; plus plain paraphrases where a folder has them."""
    groups = [[one] for one in sets]
    for one in sets:
        if any(entry.words.question for entry in one.entries):
            groups.append([answers_only(one)])
            groups.append(list(small_bases(one, 150, 3)))
            groups.append(list(small_bases(one, 12, 40)))
    groups.extend([found] for folder in folders if (found := read_paraphrases(folder)))
    return groups


def fit_shipped(folders: Sequence[Path], witness: Path | None, shipped: StaticEncoder, *, write: bool) -> None:
    """Fits the second ranking for the encoder that ships, by a witness that did not learn from what is asked."""
    encoder = shipped if witness is None else StaticEncoder.read(witness, "witness")
    practice = families(folders, is_held_out if witness else lambda _: True)
    fitted = fit_second([one for count, sets in practice for one in practise(sets, encoder, count)])
    print("refused below, with a question and without:", *fitted.refuse_below)
    if witness is None:
        print("without --witness the encoder has learnt from some of these questions: chances come out too sure")
    if write:
        write_arrays("rerank.npz", fitted.arrays())


def main() -> None:
    """Fits, prints, and with `--write` keeps the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="replace the numbers of this embedder")
    parser.add_argument("--model", help="as the setting embedding_model, in its place")
    parser.add_argument("--witness", type=Path, help="folder of the encoder that `python -m training.witness` made")
    options = parser.parse_args()
    embedder = opened_embedder(settings_with(options.model))
    if isinstance(embedder, StaticEncoder):
        fit_shipped(options.folders, options.witness, embedder, write=options.write)
        return
    sets = [read_set(folder) for folder in options.folders if list(folder.glob("kb.dev.jsonl*"))]
    main_sets = [ReadSet(one, embedder) for one in sets]
    weights = choose_weights(main_sets)
    groups = [
        [seen for one in group for seen in ReadSet(one, embedder).seen(weights)]
        for group in groups_for_chances(sets, options.folders)
    ]
    covers = fit_chance(groups, COVERS, "answerable")
    fitted = {
        "fusion": asdict(weights),
        "answers": asdict(fit_chance(groups, FEATURES, "right")),
        "covers": asdict(covers),
        "refuse_below": choose_bound(groups[: len(sets)], covers),
    }
    print(orjson.dumps(fitted, option=orjson.OPT_INDENT_2).decode())
    if options.write:
        known = orjson.loads(FITTED.read_bytes()) | {embedder.name: fitted}
        FITTED.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
