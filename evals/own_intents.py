"""`python -m evals.own_intents [FILE]`: how well own intents are heard, and what they take from the built-in ones.

FILE has rows {"text", "label"}, with "part": "train" or "test", or every third row of a label is kept for the test.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from agents.classifier import ReadsIntent
from agents.local_classifier import LocalTriage
from agents.own_intents import ExtendedIntents, OwnIntent, own_intents, shipped_rows
from evals.predict.row_files import BadRows, read_rows
from graph.thresholds import Thresholds

INVENTED = Path(__file__).with_name("own_intents.jsonl")
#: Parts of the built-in examples, each judged by a model that did not learn from it.
FOLDS = 4


@dataclass(frozen=True, slots=True)
class Heard:
    """The figures. `right_surely`: right, and sure enough for the policy; `mistaken`: taken for another own intent.

    Of the built-in examples, each read by models that never saw it: how many are read right `before` there are own
    intents and `after`, and how many got an own label.
    """

    own: int
    right: int
    right_surely: int
    mistaken: int
    built_in: int
    before: int
    after: int
    taken: int


def split(path: Path) -> tuple[tuple[OwnIntent, ...], list[tuple[str, str]]]:
    """The intents to learn and the (text, label) rows to test with. Raises `BadRows` and `BadSettings` in words."""
    counted: Counter[str] = Counter()
    train: list[tuple[str, str]] = []
    test: list[tuple[str, str]] = []
    for number, row in enumerate(read_rows(path), start=1):
        text, label = row.get("text"), row.get("label")
        if not isinstance(text, str) or not isinstance(label, str):
            raise BadRows(f"{path}, row {number}: needs the fields `text` and `label`, both text")
        counted[label] += 1
        part = row.get("part") or ("test" if counted[label] % 3 == 0 else "train")
        (test if part == "test" else train).append((text, label))
    return own_intents({}, train, extends=True), test


def judge(built_in: ReadsIntent, own: Sequence[OwnIntent], test: Sequence[tuple[str, str]]) -> Heard:
    """Learns `own` beside `built_in`, and once per fold beside a stand-in that did not learn from the fold."""
    labels, enough = {intent.label for intent in own}, Thresholds().intent
    reader = ExtendedIntents.learn(built_in, own)
    read = [(label, _best(reader, text)) for text, label in test]
    folds = [fold_of(own, fold) for fold in range(FOLDS)]
    heard = [one for fold in folds for one in fold]
    return Heard(
        own=len(test),
        right=sum(label == best for label, (best, _) in read),
        right_surely=sum(label == best and chance >= enough for label, (best, chance) in read),
        mistaken=sum(label != best and best in labels for label, (best, _) in read),
        built_in=len(heard),
        before=sum(label == before for label, before, _ in heard),
        after=sum(label == after for label, _, after in heard),
        taken=sum(after in labels for _, _, after in heard),
    )


def fold_of(own: Sequence[OwnIntent], fold: int) -> list[tuple[str, str, str]]:
    """The built-in examples of a fold: their label, what they are read as without own intents, and with them."""
    rows = shipped_rows()
    learnt = [row for at, row in enumerate(rows) if at % FOLDS != fold]
    plain = LocalTriage.from_rows(learnt)
    extended = ExtendedIntents.learn(plain, own, learnt)
    return [(label, _best(plain, text)[0], _best(extended, text)[0]) for text, label in rows[fold::FOLDS]]


def _best(reader: ReadsIntent, text: str) -> tuple[str, float]:
    scores = reader.scores(text)
    return max(scores.items(), key=lambda one: one[1], default=("", 0.0))


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=INVENTED)
    own, test = split(parser.parse_args().file)
    print(orjson.dumps(judge(LocalTriage.shipped(), own, test), option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
