"""Measures redaction on labelled lines: typed span F1 per kind and the share of clean lines that are touched."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from conversation.redaction import TagsPersonal
from evals.models.personal import measure
from training.redaction_practice import Line


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def report(tagger: TagsPersonal, sets: Mapping[str, Sequence[Line]]) -> None:
    """Prints a Markdown table per set: the tagger with the rules beside the rules alone."""
    for name, lines in sets.items():
        if not lines:
            continue
        both, rules = measure(lines, tagger), measure(lines, None)
        _say(f"\n{name}: {len(lines)} lines\n\n| | true | rules + tagger | rules alone |\n|---|---:|---:|---:|")
        _say(f"| all, F1 | {sum(count for _, count in both.kinds.values())} | {both.f1:.3f} | {rules.f1:.3f} |")
        for kind, (f1, count) in both.kinds.items():
            _say(f"| {kind} | {count} | {f1:.3f} | {rules.kinds.get(kind, (0.0, 0))[0]:.3f} |")
        _say(f"| clean lines touched | {both.clean} | {both.touched:.1%} | {rules.touched:.1%} |")
