"""Practice for the fit: bases made from the project's own groups of questions, with questions they cannot answer."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evals.retrieval_sets import Asked, QuestionSet, read_rows
from retrieval.entry_rows import entries_of_rows
from retrieval.fillers import FILLERS
from retrieval.tokens import tokens
from store.knowledge_rows import EntryWords, KnowledgeEntry

CORPUS = Path(__file__).with_name("corpus")
#: Of the groups of an author this share is left out of the base: their questions have no answer there.
LEFT_OUT = 0.15
#: Questions without an answer, as a share of all: what customers' messages show, and what public sets hold.
UNANSWERABLE = 0.3
#: A question that shares this much of its words with an entry's question is not taken for unanswerable.
TOO_NEAR = 0.5
#: Authors whose bases are put together into a larger one.
TOGETHER = 3

Group = dict[str, Any]


def shop(part: str) -> QuestionSet:
    """The invented shop's base, with the questions of one part (`fit` or `dev`)."""
    folder = CORPUS / "shop_faq"
    rows = [row for row in read_rows(folder / "queries.jsonl") if row["split"] == part]
    asked = [Asked(row["text"], frozenset(row["gold"])) for row in rows]
    return QuestionSet(f"shop_faq {part}", entries_of_rows(read_rows(folder / "kb.jsonl")), asked)


def bases(held_out: Callable[[str], bool]) -> Iterator[QuestionSet]:
    """The practice bases (confusable entries, questions, near and far ones without an answer) of these names."""
    for folder in sorted(path for path in (CORPUS / "faq_bases").iterdir() if held_out(path.name)):
        asked = [Asked(row["text"], frozenset(row["gold"])) for row in read_rows(folder / "queries.jsonl")]
        yield QuestionSet(folder.name, entries_of_rows(read_rows(folder / "kb.jsonl")), asked)


def groups_of(*splits: str) -> dict[str, list[Group]]:
    """The groups of the corpus by author, of these splits."""
    found: dict[str, list[Group]] = defaultdict(list)
    for row in read_rows(CORPUS / "groups.jsonl"):
        if row["split"] in splits:
            found[row["author"]].append(row)
    return dict(found)


def group_bases(by_author: dict[str, list[Group]], seed: int = 1) -> Iterator[QuestionSet]:
    """Per author a base with similar questions, one without, one of bare answers; then bases of several authors."""
    dice = random.Random(seed)
    authors = sorted(by_author)
    for number, author in enumerate(authors):
        strangers = [one for other in authors if other != author for one in by_author[other]]
        for similar in (3, 0, None):
            yield _a_base(f"{author} {similar}", by_author[author], strangers, similar, dice)
        if number % TOGETHER == TOGETHER - 1:
            some = authors[number + 1 - TOGETHER : number + 1]
            groups = [group for one in some for group in by_author[one]]
            others = [one for other in authors if other not in some for one in by_author[other]]
            yield _a_base(f"{'+'.join(some)} 2", groups, others, 2, dice)


def _a_base(
    name: str, groups: Sequence[Group], strangers: Sequence[Group], similar: int | None, dice: random.Random
) -> QuestionSet:
    """`similar` questions go into each entry; None makes entries of bare answers."""
    shuffled = dice.sample(list(groups), len(groups))
    out = int(len(groups) * LEFT_OUT)
    entries, asked = [], []
    for group in shuffled[out:]:
        told = dice.sample(group["paraphrases"], similar or 0)
        bare = similar is None
        words = EntryWords("" if bare else group["question"], group["answer"], tuple(told))
        entries.append(KnowledgeEntry(group["id"], 1, words))
        rest = [text for text in group["paraphrases"] if text not in told]
        plain = [] if bare else [_plainly(group["question"], told, dice)]
        asked += [Asked(text, frozenset({group["id"]})) for text in (*rest[:3], *plain)]
    wanted = int(len(asked) * UNANSWERABLE / (1 - UNANSWERABLE))
    near = [text for group in shuffled[:out] for text in group["paraphrases"]]
    near += [text for group in shuffled[out:] for text in group["others"]]
    far = [dice.choice(group["paraphrases"]) for group in strangers]
    known = [set(tokens(group["question"])) for group in shuffled[out:]]
    for source in (near, far):
        strange = [text for text in source if not _is_known(text, known)]
        asked += [Asked(text, frozenset()) for text in dice.sample(strange, min(wanted // 2, len(strange)))]
    return QuestionSet(name, entries, asked)


def _plainly(question: str, told: Sequence[str], dice: random.Random) -> str:
    """The question as the entry has it, or nearly so: many customers ask in just these words, and in few of them."""
    bare = question.rstrip("？?")
    short = FILLERS.sub("", bare)
    forms = [bare, short if len(short) > 1 else bare, f"{short}怎么弄" if len(short) > 1 else bare, *told[:1]]
    return dice.choice(forms)


def _is_known(text: str, known: Sequence[set[str]]) -> bool:
    own = set(tokens(text))
    return any(len(own & other) / max(len(own | other), 1) > TOO_NEAR for other in known)
