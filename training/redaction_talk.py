"""What people write that names nobody: clean lines to learn from, and how common pairs of characters are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conversation.redaction import find_personal
from retrieval.models.redaction_features import PAIR_BITS, pair_rows
from training.sources import corpus, read_rows

EXAMPLES = Path(__file__).parents[1] / "agents" / "examples"
#: How often a pair must be met in a million characters to be of level 1, 2 and 3.
LEVELS = (1.0, 8.0, 60.0)


def clean_lines() -> list[str]:
    """The labelled examples of the local classifiers in which the rules find nobody; they name none."""
    lines = [
        row["text"]
        for name in ("intents", "emotions", "flags", "gate")
        for row in read_rows(EXAMPLES / f"{name}.jsonl")
    ]
    return [line for line in dict.fromkeys(lines) if not find_personal(line)]


def public_lines(data: Path | None) -> list[str]:
    """Short lines of public talk about films, music, travel, hotels and health that name no customer; stars and
    places in plenty. Lines with digits are left out: they may be addresses or numbers."""
    if data is None:
        return []
    lines = [
        turn["text"]
        for name in ("dialogue_kdconv_zh", "dialogue_crosswoz_zh")
        for row in read_rows(data / name / "dialogues.dev.jsonl.gz")
        for turn in row["turns"]
    ]
    lines += [row["question"] for row in read_rows(data / "faq_medical_zh" / "qa.dev.jsonl.gz")]
    short = (line for line in dict.fromkeys(lines) if 4 <= len(line) <= 60 and not any(map(str.isdigit, line)))
    return [line for line in short if not find_personal(line)]


def common_pairs(data: Path | None) -> NDArray[np.uint8]:
    """How common pairs of characters are, 0–3, counted in our own lines and, given `data`, in public ones."""
    counts = np.zeros(2**PAIR_BITS, dtype=np.int64)
    size = 0
    for block in _blocks(_talk(data)):
        codes = np.frombuffer(block.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
        counts += np.bincount(pair_rows(codes), minlength=2**PAIR_BITS)
        size += len(block)
    per_million = counts * (1e6 / max(size, 1))
    levels: NDArray[np.uint8] = np.sum([per_million >= level for level in LEVELS], axis=0).astype(np.uint8)
    return levels


def _blocks(lines: Iterable[str], most: int = 20_000) -> Iterator[str]:
    kept: list[str] = []
    for line in lines:
        kept.append(line.lower())
        if len(kept) >= most:
            yield "\n".join(kept)
            kept = []
    yield "\n".join([*kept, "\n\n"])


def _talk(data: Path | None) -> Iterator[str]:
    yield from clean_lines()
    yield from (row["text"] for row in corpus("pii", "train") if not row["spans"])
    if data is None:
        return
    for name in ("dialogue_crosswoz_zh", "dialogue_kdconv_zh"):
        for row in read_rows(data / name / "dialogues.dev.jsonl.gz"):
            yield from (turn["text"] for turn in row["turns"])
    for row in read_rows(data / "smalltalk_zh" / "smalltalk.jsonl"):
        yield from (row["question"], *row["answers"])
    for row in read_rows(data / "egret_wenda" / "qa.dev.jsonl"):
        yield from (row["question"], row["answer"])
    for row in read_rows(data / "faq_medical_zh" / "qa.dev.jsonl.gz"):
        yield from (row["question"], row["ask"], row["answer"])
    for row in read_rows(data / "faq_tech_zh" / "faq.dev.jsonl"):
        yield from (row["question"], row["answer"])
