"""`python -m evals.retrieval_dev FOLDER…`: how well questions find their entries, on labelled sets."""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple, fields
from pathlib import Path

from evals.retrieval_metrics import RANKS, RetrievalFigures, score
from evals.retrieval_sets import QuestionSet, read_set
from retrieval.embedder import Embedder
from retrieval.ngram_embedder import NgramEmbedder
from retrieval.offline import OfflineRetriever


def judge(questions: QuestionSet, embedder: Embedder) -> tuple[RetrievalFigures, float, float]:
    """The scores on a set, the seconds it took to read the base, and the milliseconds per search."""
    begun = time.perf_counter()
    retriever = OfflineRetriever(questions.entries, embedder)
    read = time.perf_counter()
    found = [retriever.find(asked.text, k=RANKS) for asked in questions.questions]
    searched = time.perf_counter()
    scores = score(questions.questions, found, [retriever.refuses(one) for one in found])
    return scores, read - begun, (searched - read) * 1000 / max(len(found), 1)


def main() -> None:
    """Prints a table, one line per folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders with kb.dev.jsonl and queries.dev.jsonl")
    names = [field.name for field in fields(RetrievalFigures)]
    print(f"{'set':28}", *(f"{name:>17}" for name in names), f"{'read s':>8} {'search ms':>10}")
    for folder in parser.parse_args().folders:
        questions = read_set(folder)
        scores, read_s, search_ms = judge(questions, NgramEmbedder())
        print(f"{questions.name:28}", *(f"{v:17.3f}" for v in astuple(scores)), f"{read_s:8.2f} {search_ms:10.2f}")


if __name__ == "__main__":
    main()
