"""Pairs of texts that mean the same, for contrastive training: the project's groups and the public sets."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrieval.models.folding import fold
from training.sources import corpus, read_rows

LONGEST = 300
#: Of every so many questions to doctors one is kept out of training, to see how it goes on unseen ones.
KEPT_OUT = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts of one meaning; `other` shares words with `first` and means something else ("" where none is known)."""

    first: str
    second: str
    other: str = ""


def training_pairs(data: Path | None, dice: random.Random) -> list[Pair]:
    """All pairs, folded, in a fixed order."""
    found = list(_of_groups(dice))
    if data is not None:
        found += _of_public_sets(data, dice)
    return [Pair(_cut(pair.first), _cut(pair.second), _cut(pair.other)) for pair in found]


def _of_groups(dice: random.Random) -> Iterator[Pair]:
    for group in corpus("groups", "train"):
        asked = [group["question"], *group["paraphrases"]]
        for first, second in itertools.combinations(asked, 2):
            yield Pair(first, second, dice.choice(group["others"]))
        yield Pair(group["question"], group["answer"])
        yield Pair(dice.choice(group["paraphrases"]), group["answer"])


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
