"""Pairs of texts that mean the same, for contrastive training: what the project wrote, and the public sets."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.models.folding import fold
from training.sources import Row, base_groups, corpus, read_rows

LONGEST = 300
#: Of every so many questions to doctors one is kept out of training, to see how it goes on unseen ones.
KEPT_OUT = 8
#: With how many others of its need each expression is paired.
PARTNERS = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of one meaning; `other` shares words with `first` and means something else ("" where none is known).

    `need` names what both mean, where that is known: pairs of one need are no strangers to each other.
    """

    first: str
    second: str
    other: str = ""
    need: str = ""


def training_pairs(data: Path | None, dice: random.Random) -> list[Pair]:
    """All pairs, folded, in a fixed order."""
    found = [*_of_groups(corpus("groups", "train"), dice), *_of_groups(base_groups(), dice), *_of_needs(dice)]
    if data is not None:
        found += _of_public_sets(data, dice)
    return [replace(pair, first=_cut(pair.first), second=_cut(pair.second), other=_cut(pair.other)) for pair in found]


def _of_groups(groups: Sequence[Row], dice: random.Random) -> Iterator[Pair]:
    for group in groups:
        asked = [group["question"], *group["paraphrases"]]
        need = str(group.get("id") or group["doc_id"])
        for first, second in itertools.combinations(asked, 2):
            yield Pair(first, second, dice.choice(group["others"]), need)
        yield Pair(group["question"], group["answer"], "", need)
        yield Pair(dice.choice(group["paraphrases"]), group["answer"], "", need)


def _of_needs(dice: random.Random) -> Iterator[Pair]:
    """Each expression with some others of its need; where the need has neighbours, one of those as the other."""
    for need in corpus("needs", "train"):
        said = [need["need"], *need["expressions"]]
        others = need["others"] or [""]
        for place, first in enumerate(said):
            rest = said[:place] + said[place + 1 :]
            for second in dice.sample(rest, min(PARTNERS, len(rest))):
                yield Pair(first, second, dice.choice(others), need["id"])


def _of_public_sets(data: Path, dice: random.Random) -> Iterator[Pair]:
    for row in read_rows(data / "paraphrase_zh" / "tatoeba_zh.groups.jsonl"):
        distinct = list(dict.fromkeys(fold(text) for text in row["zh"]))
        yield from itertools.starmap(Pair, itertools.pairwise(distinct))
    for row in read_rows(data / "paraphrase_zh" / "crosswoz_user_templates.groups.jsonl.gz"):
        # An act alone ("inform") says too little for its sentences to mean the same.
        if row["act"].count("+") >= 2:
            some = dice.sample(row["templates"], min(4, len(row["templates"])))
            yield from itertools.starmap(Pair, itertools.pairwise(some))
    for place, row in enumerate(read_rows(data / "faq_medical_zh" / "qa.dev.jsonl.gz")):
        if place % KEPT_OUT:
            yield Pair(row["ask"], row["question"])
            yield Pair(row["question"], row["answer"][:200])
            yield Pair(row["ask"], row["answer"][:200])
    for row in read_rows(data / "docs_sections_zh" / "sections.jsonl.gz"):
        yield Pair(row["title"].split(">")[-1].strip(), row["text"])
    for path in ("faq_tech_zh/faq.dev.jsonl", "egret_wenda/qa.dev.jsonl"):
        yield from (Pair(row["question"], row["answer"]) for row in read_rows(data / path))


def _cut(text: str) -> str:
    return fold(text)[:LONGEST]
