"""Trains the tagger of personal details, and measures it: `python -m training.redaction [--data DIR] [--check]`."""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversation.personal_spans import PersonalKind, PersonalSpan
from conversation.redaction import find_personal
from retrieval.models.redaction_features import BITS, KINDS, line_features
from retrieval.models.redaction_tagger import SHIPPED, TAGS, RedactionTagger, best_spans
from training.redaction_check import report
from training.redaction_practice import Line, card, joined, lookalike, varied
from training.redaction_talk import clean_lines, common_pairs, public_lines
from training.sources import corpus, read_rows
from training.weights_out import write_bytes

SEED = 20231105
ROUNDS = 28
#: How many rounds a written line keeps its own details; in the others they are swapped.
AS_WRITTEN = 3
#: The shares of contact cards and of two lines joined.
CARDS, PAIRS = 0.08, 0.25
#: How many lines of public talk and how many composed lookalikes come to each round.
TALK_A_ROUND, LOOKALIKES_A_ROUND = 700, 500
SYNTHETIC = Path("pii_zh_synthetic") / "pii.dev.jsonl"

Spans = tuple[PersonalSpan, ...]


def lines_of(rows: Sequence[dict[str, object]]) -> list[Line]:
    """Rows `{"text", "spans": [[start, end, TYPE]]}` as lines."""
    return [
        Line(str(row["text"]), tuple(PersonalSpan(s, e, PersonalKind(kind)) for s, e, kind in row["spans"]))  # type: ignore[attr-defined]
        for row in rows
    ]


def train(
    lines: Sequence[Line], pairs: NDArray[np.uint8], rounds: int = ROUNDS, talk: Sequence[str] = ()
) -> NDArray[np.int8]:
    """Averaged structured perceptron over whole lines; integers throughout, so the same weights on every machine.
    `talk` are clean lines of which each round meets a few."""
    random = Random(SEED)
    weights = np.zeros((2**BITS, TAGS), dtype=np.int32)
    moments = np.zeros((2**BITS, TAGS), dtype=np.int64)
    step = 0
    for turn in range(rounds):
        order = [
            lines[number] if turn < AS_WRITTEN else _practice(lines, number, random) for number in range(len(lines))
        ]
        order += [Line(text, ()) for text in random.sample(talk, min(TALK_A_ROUND, len(talk)))]
        order += [lookalike(random) for _ in range(min(LOOKALIKES_A_ROUND, len(lines)))]
        random.shuffle(order)
        for line in order:
            step += 1
            _learn(weights, moments, step, line_features(line.text, find_personal(line.text), pairs), line)
    return _in_bytes(weights * step - moments)


def _practice(lines: Sequence[Line], number: int, random: Random) -> Line:
    """The line with other details; at times with a second line behind it, at times a contact card in its place."""
    dice = random.random()
    if dice < CARDS:
        return card(random)
    line = varied(lines[number], random)
    if dice < CARDS + PAIRS:
        other = varied(random.choice(lines), random)
        return joined(line, other, random) if random.random() < 0.5 else joined(other, line, random)
    return line


def _learn(
    weights: NDArray[np.int32], moments: NDArray[np.int64], step: int, rows: NDArray[np.intp], line: Line
) -> None:
    scores = weights[rows].sum(axis=0)
    # The truth must win by a margin: every other tag is given a head start.
    gold = _tags(line.spans, len(line.text))
    scores += MARGIN
    scores[np.arange(len(gold)), gold] -= MARGIN
    told = _tags(best_spans(scores), len(line.text))
    for at in np.flatnonzero(gold != told):
        for tag, by in ((gold[at], 1), (told[at], -1)):
            weights[rows[:, at], tag] += by
            moments[rows[:, at], tag] += by * step


MARGIN = 6


def _tags(spans: Sequence[PersonalSpan], size: int) -> NDArray[np.intp]:
    tags = np.zeros(size, dtype=np.intp)
    for span in spans:
        kind = KINDS.index(span.kind)
        tags[span.start : span.end] = 1 + len(KINDS) + kind
        tags[span.start] = 1 + kind
    return tags


def _in_bytes(sums: NDArray[np.int64]) -> NDArray[np.int8]:
    """Scaled so that all but the largest weights of ten thousand fit a byte."""
    sizes = np.sort(np.abs(sums[sums != 0]))
    unit = max(1, int(sizes[-1 - len(sizes) // 10_000]) // 127)
    half = unit // 2
    return np.clip((sums + np.where(sums < 0, -half, half)) // unit, -127, 127).astype(np.int8)


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays as `.npz`, the same bytes for the same numbers: nothing compressed, the time of every entry fixed."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as file:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), entry.getvalue())
    return whole.getvalue()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of public sets; its synthetic personal data is learnt too")
    parser.add_argument("--check", action="store_true", help="measure the shipped weights, train nothing")
    given = parser.parse_args()
    synthetic = lines_of(read_rows(given.data / SYNTHETIC)) if given.data else []
    if not given.check:
        pairs = common_pairs(given.data)
        clean = [Line(text, ()) for text in clean_lines()]
        written = lines_of([*corpus("pii", "train"), *corpus("pii_blind", "fit")])
        weights = train([*written, *clean, *synthetic], pairs, talk=public_lines(given.data))
        write_bytes(SHIPPED.name, packed({"weights": weights, "pairs": pairs}))
    sets = {
        "corpus dev": lines_of(corpus("pii", "dev")),
        "another hand's test": lines_of(corpus("pii_blind", "test")),
        "a third hand's riddles": lines_of(corpus("pii", "hard")),
        "synthetic": synthetic,
    }
    report(RedactionTagger.shipped(), sets)


if __name__ == "__main__":
    main()
