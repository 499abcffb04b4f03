"""How far two annotators of the corpus agree: `python -m evals.corpus_agreement`.

The second one labelled a sample blind, by docs/data/labelling.md alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.retrieval_sets import read_rows

CORPUS = Path(__file__).with_name("corpus")
FIELDS = ("intent", "emotion", "wants_human", "urgent")


def kappa(first: Sequence[object], second: Sequence[object]) -> tuple[float, float]:
    """The share of equal labels, and Cohen's kappa (1960): the same beyond what chance would give."""
    count = len(first)
    equal = sum(a == b for a, b in zip(first, second, strict=True)) / count
    ours, theirs = Counter(first), Counter(second)
    luck = sum(ours[label] * theirs[label] for label in ours) / count**2
    return equal, (equal - luck) / (1 - luck) if luck < 1 else 1.0


def pairs() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each line that was labelled twice: the corpus's row and the second annotator's."""
    known = {row["id"]: row for row in read_rows(CORPUS / "messages.jsonl")}
    return [(known[row["id"]], row) for row in read_rows(CORPUS / "second_pass.jsonl") if row["id"] in known]


def main() -> None:
    """Prints one line a field."""
    both = pairs()
    for field in FIELDS:
        # The other kinds are no requests: almost all are `other`.
        asked = [pair for pair in both if field != "intent" or pair[0]["kind"] == "service"]
        equal, beyond = kappa([first[field] for first, _ in asked], [second[field] for _, second in asked])
        print(f"{field:12} {len(asked):5} lines  equal {equal:.3f}  kappa {beyond:.3f}")
    gaps = [abs(first["intensity"] - second["intensity"]) for first, second in both]
    close = sum(gap <= 1 for gap in gaps) / len(gaps)
    print(f"{'intensity':12} {len(both):5} lines  equal {gaps.count(0) / len(gaps):.3f}  within 1 {close:.3f}")


if __name__ == "__main__":
    main()
