"""Searches a question, and where the whole says too much at once, its clauses one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.slots import find_slots
from conversation.findings import Retrieval
from graph.context import FindsPassages

#: Characters of a question that are searched.
SEARCH_CHARS = 300
CLAUSE = re.compile(r"[，,。.！!？?；;\n]+")
#: Shorter clauses (你好, 麻烦了) carry no question.
SHORTEST = 4
MOST_CLAUSES = 3
#: What a clause finds counts less than what the whole finds: the other clauses may change its meaning.
CLAUSE_WEIGHT = 0.85


async def find_passages(question: str, context: Sequence[str], retriever: FindsPassages, *, enough: float) -> Retrieval:
    """The passages for `question`. When they answer it with less than `enough`, the best that one clause finds.

    A question that names an order is about that order: its clauses are not searched.
    """
    question = question[:SEARCH_CHARS]
    found = await retriever.search(question, context=context)
    clauses = [clause for clause in map(str.strip, CLAUSE.split(question)) if len(clause) >= SHORTEST]
    if found.answerable >= enough or clauses == [question.strip()] or find_slots(question).any:
        return found
    for clause in clauses[:MOST_CLAUSES]:
        part = await retriever.search(clause, context=context)
        if part.answerable * CLAUSE_WEIGHT > found.answerable:
            found = Retrieval(part.passages, part.answerable * CLAUSE_WEIGHT)
    return found
