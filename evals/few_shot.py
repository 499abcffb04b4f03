"""`python -m evals.few_shot --data DIR`: how well intents are learnt from examples, beside trivial baselines.

DIR holds public intent sets (`intent_clinc150_en`, `intent_banking77_en`, `intent_xsid_zh`, `intent_nlupp_en`); a set
that is not there is left out. The project's own corpus is always measured.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.local_classifier import LocalTriage
from retrieval.models.folding import fold

CORPUS = Path(__file__).with_name("corpus")
STRANGE = "oos"
FEW = 10
BINS = 10
Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Trial:
    """Examples to learn from and texts to test with; texts with the label `oos` are none of the intents."""

    name: str
    learnt: Rows
    asked: Rows
    stranger: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares (0–1): `right` of the texts within scope, `given_up` of them, `caught` of those outside it.

    `off` is the expected calibration error of the score within scope; `majority` and `nearest` are what baselines get
    right.
    """

    right: float
    given_up: float
    caught: float
    off: float
    majority: float
    nearest: float
    learning_s: float
    reading_ms: float


def trials(data: Path) -> Iterator[Trial]:
    """Every trial that there are rows for."""
    yield from _clinc(data / "intent_clinc150_en" / "intent.dev.jsonl.gz")
    for name, folder, file in (
        ("Banking77", "intent_banking77_en", "intent.dev.jsonl.gz"),
        ("xSID zh", "intent_xsid_zh", "intent.dev.jsonl"),
        ("NLU++ (texts with one intent)", "intent_nlupp_en", "intent.dev.jsonl"),
    ):
        rows = [(row["text"], _only_label(row)) for row in read(data / folder / file) if _only_label(row)]
        if rows:
            learnt, asked = _parted(rows, one_in=3 if len(rows) < 1000 else 5)
            yield Trial(f"{name}, {FEW} a label", few(learnt, FEW), asked)
            yield Trial(f"{name}, all", learnt, asked)
    yield from _own()


def _clinc(path: Path) -> Iterator[Trial]:
    rows = read(path)
    learnt = [(row["text"], row["label"]) for row in rows if row["split"] in ("train", "oos_train")]
    asked = [(row["text"], row["label"]) for row in rows if row["split"] in ("val", "oos_val")]
    if learnt:
        yield Trial(f"CLINC150, {FEW} a label", few(learnt, FEW), asked, STRANGE)
        yield Trial("CLINC150, all", learnt, asked, STRANGE)


def _own() -> Iterator[Trial]:
    rows = [row for row in read(CORPUS / "messages.jsonl") if row["kind"] == "service"]
    learnt, asked = (
        [(row["text"], row["intent"]) for row in rows if row["split"] == part] for part in ("train", "dev")
    )
    yield Trial(f"messages, {FEW} a label", few(learnt, FEW), asked)
    groups = [row for row in read(CORPUS / "groups.jsonl") if row["split"] == "dev"]
    for author in sorted({group["author"] for group in groups}):
        mine = [group for group in groups if group["author"] == author]
        said = [(group["id"], [group["question"], *group["paraphrases"]]) for group in mine]
        asked = [(group["question"], STRANGE) for group in groups if group["author"] != author]
        asked += [(text, label) for label, texts in said for text in texts[1::2]]
        learnt = [(text, label) for label, texts in said for text in texts[::2]]
        yield Trial(f"groups of {author}, 3 a label", learnt, asked)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file, packed or not; none when it is not there."""
    if not path.exists():
        return []
    packed = path.read_bytes()
    lines = (gzip.decompress(packed) if path.suffix == ".gz" else packed).splitlines()
    return [json.loads(line) for line in lines]


def few(rows: Rows, most: int, seed: int = 1) -> Rows:
    """`most` rows of each label, but all rows outside scope."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for text, label in random.Random(seed).sample(rows, len(rows)):
        by_label[label].append(text)
    return [(t, label) for label in sorted(by_label) for t in by_label[label][: None if label == STRANGE else most]]


def _only_label(row: dict[str, Any]) -> str:
    labels = row.get("intents", [row.get("label", "")])
    return str(labels[0]) if len(labels) == 1 else ""


def _parted(rows: Rows, one_in: int) -> tuple[Rows, Rows]:
    mixed = random.Random(1).sample(rows, len(rows))
    return mixed[len(mixed) // one_in :], mixed[: len(mixed) // one_in]


def measure(trial: Trial) -> Figures:
    """Learns, then reads every text once."""
    begun = time.process_time()
    reader = LocalTriage.from_rows(trial.learnt, trial.stranger)
    learnt = time.process_time()
    readings = [reader.read(text) for text, _ in trial.asked]
    read_at = time.process_time()
    inside = np.array([label != STRANGE for _, label in trial.asked])
    right = np.array([one.label == label for one, (_, label) in zip(readings, trial.asked, strict=True)])
    silent = np.array([one.abstain for one in readings])
    scores = np.array([one.score for one in readings])
    within = [row for row in trial.asked if row[1] != STRANGE]
    commonest = Counter(label for _, label in trial.learnt if label != STRANGE).most_common(1)[0][0]
    return Figures(
        right=float(right[inside].mean()),
        given_up=float(silent[inside].mean()),
        caught=float(silent[~inside].mean()) if (~inside).any() else float("nan"),
        off=calibration_error(scores[inside], right[inside]),
        majority=float(np.mean([label == commonest for _, label in within])),
        nearest=_nearest(trial.learnt, within),
        learning_s=learnt - begun,
        reading_ms=(read_at - learnt) / len(trial.asked) * 1000,
    )


def calibration_error(scores: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> float:
    """How far scores lie from the share that is right, in ten bins of equal width, weighted by what is in them."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [abs((scores[bins == one] - right[bins == one]).sum()) for one in range(BINS)]
    return float(sum(gaps) / max(1, len(scores)))


def _nearest(learnt: Rows, asked: Rows, most: int = 400) -> float:
    """The share right when the example with the most shared pairs of characters (Dice) gives the label; of a sample."""
    holders: dict[str, list[int]] = defaultdict(list)
    known = [_pairs(text) for text, _ in learnt]
    for at, pairs in enumerate(known):
        for pair in pairs:
            holders[pair].append(at)
    sizes = np.array([len(pairs) for pairs in known])
    sample = asked[:: -(-len(asked) // most)]
    right = 0
    for text, label in sample:
        pairs = _pairs(text)
        shared = np.bincount([at for pair in pairs for at in holders.get(pair, ())], minlength=len(learnt))
        right += learnt[int(np.argmax(2 * shared / (sizes + len(pairs) + 1e-9)))][1] == label
    return right / len(sample)


def _pairs(text: str) -> set[str]:
    plain = f"\x02{fold(text)}\x03"
    return {plain[at : at + 2] for at in range(len(plain) - 1)}


def table(measured: Sequence[tuple[Trial, Figures]]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| set | examples / labels | right | nearest pairs | majority | given up | caught outside | off | s | ms |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for trial, one in measured:
        caught = "" if np.isnan(one.caught) else f"{one.caught:.3f}"
        rows = f"{len(trial.learnt)} / {len({label for _, label in trial.learnt})}"
        lines.append(
            f"| {trial.name} | {rows} | {one.right:.3f} | {one.nearest:.3f} | {one.majority:.3f} "
            f"| {one.given_up:.3f} | {caught} | {one.off:.3f} | {one.learning_s:.1f} | {one.reading_ms:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder with the public sets")
    print(table([(trial, measure(trial)) for trial in trials(parser.parse_args().data)]))


if __name__ == "__main__":
    main()
