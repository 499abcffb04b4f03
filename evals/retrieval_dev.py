"""`python -m evals.retrieval_dev FOLDER…`: how well questions find their entries, on labelled sets.

Each set has a second line, BM25 alone, refusing where that serves it best: what a simple search reaches.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from conversation.findings import Passage, Retrieval
from evals.practice_sets import group_bases, groups_of, shop
from evals.retrieval_metrics import RANKS, RetrievalFigures, score
from evals.retrieval_sets import QuestionSet, read_set
from retrieval.embedder import Embedder
from retrieval.lexical import LexicalIndex, Vocabulary
from retrieval.offline import OfflineRetriever
from retrieval.static_encoder import StaticEncoder
from retrieval.tokens import tokens
from settings import Settings
from settings_file import load_settings
from wiring_retrieval import opened_embedder

PRINTED = ("recall_1", "recall_5", "right_or_refused", "wrong", "refusal_f1", "gap")


def judge(questions: QuestionSet, embedder: Embedder) -> tuple[RetrievalFigures, float, float]:
    """The scores on a set, the seconds it took to read the base, and the milliseconds per search."""
    begun = time.perf_counter()
    retriever = OfflineRetriever(questions.entries, embedder)
    read = time.perf_counter()
    found = [retriever.find(asked.text, k=RANKS) for asked in questions.questions]
    searched = time.perf_counter()
    scores = score(questions.questions, found, [retriever.refuses(one) for one in found])
    return scores, read - begun, (searched - read) * 1000 / max(len(found), 1)


def judge_bm25(questions: QuestionSet) -> RetrievalFigures:
    """BM25 over whole entries; refused are questions below the bound that makes most of them right or refused."""
    vocabulary = Vocabulary()
    words = [entry.words for entry in questions.entries]
    index = LexicalIndex([vocabulary.read("\n".join((w.question, *w.similar, w.answer))) for w in words], vocabulary)
    found = [_by_bm25(index, questions, asked.text) for asked in questions.questions]
    judged = [
        score(questions.questions, found, [one.covered < bound for one in found]) for bound in np.arange(0, 1, 0.05)
    ]
    return max(judged, key=lambda figures: figures.right_or_refused)


def _by_bm25(index: LexicalIndex, questions: QuestionSet, text: str) -> Retrieval:
    covered, _ = index.coverage(dict.fromkeys(tokens(text), 1.0))
    order = np.argsort(-covered, kind="stable")[:RANKS]
    best = float(min(covered[order[0]], 1.0)) if len(order) else 0.0
    passages = tuple(Passage(questions.entries[at].entry_id, 1, "", "", float(covered[at])) for at in order)
    return Retrieval(passages, best, best)


def own_sets() -> Iterator[QuestionSet]:
    """The development parts of the project's own sets."""
    yield shop("dev")
    yield from group_bases(groups_of("dev"), seed=2)


def settings_with(model: str | None) -> Settings:
    """The settings in force, with another `embedding_model` where one is given. Raises `BadSettings`."""
    return load_settings({**os.environ, "HUIYING_EMBEDDING_MODEL": model} if model else None)


def show(name: str, figures: RetrievalFigures, after: str = "") -> None:
    """Prints one line of the table."""
    print(f"{name:28}", *(f"{getattr(figures, one):17.3f}" for one in PRINTED), after)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table, two lines per set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with kb.dev.jsonl and queries.dev.jsonl")
    parser.add_argument("--model", help="as the setting embedding_model, in its place")
    parser.add_argument("--witness", type=Path, help="folder of the encoder to search with, see training/witness.py")
    parser.add_argument("--own", action="store_true", help="the project's own development sets, too")
    options = parser.parse_args(arguments)
    embedder = opened_embedder(settings_with(options.model))
    if options.witness is not None:
        embedder = StaticEncoder.read(options.witness, "huiying-static-witness")
    print(f"{'set':28}", *(f"{name:>17}" for name in PRINTED), f"{'read s':>8} {'search ms':>10}")
    for questions in [*map(read_set, options.folders), *(own_sets() if options.own else ())]:
        figures, read_s, search_ms = judge(questions, embedder)
        show(questions.name, figures, f"{read_s:8.2f} {search_ms:10.2f}")
        show("  BM25 alone", judge_bm25(questions))


if __name__ == "__main__":
    main()
