"""Labelled pairs of questions for the same-question model: the project's groups and pairs, and public sets."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evals.models.pairs import pair_weights
from retrieval.models.folding import fold
from retrieval.static_encoder import StaticEncoder
from training.sources import Row, corpus, read_rows
from training.witness import is_held_out

#: Another hand's labelled pairs, never trained on: they tell how the model does on other writers.
SIMILAR = Path(__file__).parents[1] / "agents" / "examples" / "similar.jsonl"
#: How much each of a group's five paraphrases counts: the fourth shares no word and must be guessed from life.
_PARAPHRASES = (1.0, 0.7, 0.7, 0.15, 0.7)
#: How much the written pairs weigh beside the groups, a pair on average.
_WRITTEN = 6.0
_DRESS = (("请问", ""), ("", "？"), ("", "啊"), ("你好，", "呢"), ("我想问下", ""))


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two questions, whether one answer serves both, how much the pair counts, who must stay together, whence.

    `met` pairs helped to train the encoder: they look more alike to it than pairs that it has yet to meet.
    """

    a: str
    b: str
    same: bool
    weight: float
    kin: str
    source: str
    met: bool = False


def practice_pairs(
    data: Path | None, encoder: StaticEncoder, *, written: bool = True, witness: bool = False
) -> list[LabelledPair]:
    """All that is trained on, in a fixed order; with or without the pairs written by hand.

    `witness` says that `encoder` is one that has not met what `training/witness.py` holds out.
    """
    pairs = group_pairs(corpus("groups", "train"), encoder, random.Random(3))
    if written:
        pairs += written_pairs("fit")
    if data is not None:
        pairs += _talk(data, encoder)
        pairs += _health(data, encoder)
    if witness:
        pairs = [replace(pair, met=_met(pair)) for pair in pairs]
    return [pair for pair in pairs if fold(pair.a) and fold(pair.b)]


def _met(pair: LabelledPair) -> bool:
    kind = pair.source.split("-", maxsplit=1)[0]
    if kind == "health":
        return not is_held_out(pair.b if pair.same else pair.a)
    return kind == "talk" or (kind == "group" and not is_held_out(pair.kin))


def written_pairs(split: str) -> list[LabelledPair]:
    """The pairs written by hand, weighed as they are judged."""
    rows = corpus("pairs", split)
    kinds = [f"{row['domain']}-{'near' if row['near'] else 'plain'}" for row in rows]
    return [
        LabelledPair(row["a"], row["b"], bool(row["same"]), _WRITTEN / 2 * len(rows) * weight, row["a"], kind)
        for row, kind, weight in zip(rows, kinds, pair_weights(rows), strict=True)
    ]


def similar_pairs() -> list[LabelledPair]:
    """The pairs of `SIMILAR`."""
    rows = map(json.loads, SIMILAR.read_text(encoding="utf-8").splitlines())
    return [LabelledPair(row["a"], row["b"], bool(row["same"]), 1.0, row["a"], "similar") for row in rows]


def group_pairs(groups: Sequence[Row], encoder: StaticEncoder, dice: random.Random) -> list[LabelledPair]:
    """Two of a group ask the same; its `others`, near questions and random ones of the same author do not."""
    pairs = [pair for group in groups for pair in _within(group, dice)]
    for author in sorted({group["author"] for group in groups}):
        own = [group for group in groups if group["author"] == author]
        plain = [(text, group["id"]) for group in own for text in (group["question"], group["paraphrases"][0])]
        pairs += [LabelledPair(a, b, False, 0.6, author, "group-near") for a, b in _neighbours(plain, encoder, 0, 2)]
        every = [(text, group["id"]) for group in own for text in (group["question"], *group["paraphrases"])]
        for _ in range(2 * len(own)):
            (a, here), (b, there) = dice.sample(every, 2)
            if here != there:
                pairs.append(LabelledPair(a, b, False, 0.4, author, "group-random"))
    return pairs


def _within(group: Row, dice: random.Random) -> Iterator[LabelledPair]:
    asked, kin = group["question"], group["author"]
    said = list(zip(group["paraphrases"], _PARAPHRASES, strict=False))
    plain = [text for text, weight in said if weight > 0.5]
    for text, weight in said:
        yield LabelledPair(asked, text, True, weight, kin, "group-same")
    for a, b in itertools.combinations(plain, 2):
        yield LabelledPair(a, b, True, 0.3, kin, "group-same")
    front, end = dice.choice(_DRESS)
    yield LabelledPair(asked, front + asked.rstrip("？?吗") + end, True, 0.3, kin, "group-same")
    for other in group["others"]:
        yield LabelledPair(asked, other, False, 1.0, kin, "group-hard")
        yield from (LabelledPair(text, other, False, 0.4, kin, "group-hard") for text in plain)
    for a, b in itertools.combinations(group["others"], 2):
        yield LabelledPair(a, b, False, 0.5, kin, "group-hard")


def _neighbours(
    texts: Sequence[tuple[str, str]], encoder: StaticEncoder, first: int, last: int, least: float = 0.2
) -> list[tuple[str, str]]:
    """Of each text its `first`- to `last`-nearest of other groups; texts come with the name of their group."""
    vectors = encoder.embed([text for text, _ in texts])
    groups = np.array([group for _, group in texts])
    near = np.where(groups[:, None] == groups[None, :], -1.0, vectors @ vectors.T)
    ranked = np.argsort(-near, axis=1, kind="stable")[:, first:last]
    found = {(min(i, j), max(i, j)) for i, row in enumerate(ranked.tolist()) for j in row if near[i, j] > least}
    return [(texts[i][0], texts[j][0]) for i, j in sorted(found)]


def _talk(data: Path, encoder: StaticEncoder) -> Iterator[LabelledPair]:
    """Sentences of one translation; their nearest may say the same unlabelled, so that the next ones are taken."""
    firsts: list[tuple[str, str]] = []
    for row in read_rows(data / "paraphrase_zh" / "tatoeba_zh.groups.jsonl"):
        distinct = list(dict.fromkeys(fold(text) for text in row["zh"]))
        firsts.append((distinct[0], row["id"]))
        for a, b in itertools.pairwise(distinct):
            yield LabelledPair(a, b, True, 0.15, row["id"], "talk")
    for a, b in _neighbours(firsts, encoder, 2, 3):
        yield LabelledPair(a, b, False, 0.15, a, "talk")


def _health(data: Path, encoder: StaticEncoder) -> Iterator[LabelledPair]:
    """Titles and short questions to doctors."""
    rows = read_rows(data / "faq_medical_zh" / "qa.dev.jsonl.gz")
    short = [row for row in rows if 6 <= len(row["ask"]) <= 40][:800]
    for row in short:
        yield LabelledPair(row["question"], row["ask"], True, 0.1, row["doc_id"], "health")
    for a, b in _neighbours([(row["question"], row["doc_id"]) for row in short], encoder, 3, 4):
        yield LabelledPair(a, b, False, 0.1, a, "health")
