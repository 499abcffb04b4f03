"""Rows on finding: bases of the corpus's groups and of the invented shop, beside BM25."""

from __future__ import annotations

from collections.abc import Iterator

from evals.models.arithmetic import some
from evals.models.own_rows import JUDGED, rows
from evals.models.table import Figure, Row
from evals.practice_sets import shop
from evals.retrieval_dev import judge, judge_bm25
from evals.retrieval_metrics import RetrievalFigures
from evals.retrieval_sets import Asked, QuestionSet
from retrieval.static_encoder import StaticEncoder
from store.knowledge_rows import EntryWords, KnowledgeEntry

#: How many questions of a large set are asked; every base is read whole.
MOST = 600


def finding_rows() -> Iterator[Row]:
    """The groups of both parts, then the shop."""
    for split in JUDGED:
        yield finding_row(groups_as_base(split))
    yield finding_row(shop("dev"), must=True)


def finding_row(questions: QuestionSet, *, must: bool = False, note: str = "") -> Row:
    """One base; `must` holds it to what is promised of a shop's base."""
    asked = QuestionSet(questions.name, questions.entries, some(questions.questions, MOST))
    found, _, search_ms = judge(asked, StaticEncoder.shipped())
    figures = (
        Figure("recall@1", found.recall_1, at_least=0.87 if must else None),
        Figure("recall@5", found.recall_5),
        Figure("right or refused", found.right_or_refused, at_least=0.86 if must else None),
        Figure("wrong", found.wrong, at_most=0.06 if must else None),
        Figure("refusal F1", found.refusal_f1),
        Figure("ms a search", search_ms, form=".1f"),
    )
    return Row("finding entries", questions.name, len(asked.questions), figures, _bare(judge_bm25(asked)), note)


def _bare(found: RetrievalFigures) -> tuple[Figure, ...]:
    return (
        Figure("BM25: recall@1", found.recall_1),
        Figure("recall@5", found.recall_5),
        Figure("right or refused", found.right_or_refused),
        Figure("wrong", found.wrong),
    )


def groups_as_base(split: str) -> QuestionSet:
    """All questions of a split with their answers as one base; paraphrases are asked, and `others`, which it lacks."""
    groups = rows("groups", split)
    entries = [KnowledgeEntry(row["id"], 1, EntryWords(row["question"], row["answer"])) for row in groups]
    asked = [Asked(text, frozenset({row["id"]})) for row in groups for text in row["paraphrases"]]
    # Nearly every `other` is close to its group's question: the hard kind of what cannot be answered.
    asked += [Asked(text, frozenset()) for row in groups for text in row["others"]]
    return QuestionSet(f"groups {split}, {len(groups)} entries", entries, asked)
