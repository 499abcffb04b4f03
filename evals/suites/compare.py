"""What changed between two reports: cases fixed, broken and unchanged, and figures side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from conversation.errors import BadDocument
from evals.bench.table import table

Case = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """From report A to report B. A case is (suite, id); `figures` are (suite, figure, value in A, value in B)."""

    fixed: tuple[Case, ...]
    broken: tuple[Case, ...]
    unchanged: int
    only_in_one: int
    figures: tuple[tuple[str, str, float, float], ...]
    texts: dict[Case, str]

    def as_json(self) -> dict[str, Any]:
        """The comparison for `--json`."""
        return {
            "fixed": [{"suite": suite, "id": known, "text": self.texts[suite, known]} for suite, known in self.fixed],
            "broken": [{"suite": suite, "id": known, "text": self.texts[suite, known]} for suite, known in self.broken],
            "unchanged": self.unchanged,
            "only_in_one": self.only_in_one,
            "figures": [{"suite": s, "figure": f, "a": a, "b": b} for s, f, a, b in self.figures],
        }

    def in_words(self) -> str:
        """The comparison for people."""
        rows = [[suite, figure, f"{a:.3f}", f"{b:.3f}", f"{b - a:+.3f}"] for suite, figure, a, b in self.figures]
        counts = f"fixed {len(self.fixed)}, broken {len(self.broken)}, unchanged {self.unchanged}"
        lines = [counts + (f", only in one report {self.only_in_one}" if self.only_in_one else "")]
        lines += [f"  + {suite} {known} {self.texts[suite, known]}" for suite, known in self.fixed]
        lines += [f"  - {suite} {known} {self.texts[suite, known]}" for suite, known in self.broken]
        return "\n".join([table(["suite", "figure", "A", "B", "change"], rows), *lines])


def read_report(path: Path) -> dict[str, Any]:
    """A report by its file, or by the folder that holds its `report.json`. Raises `BadDocument`."""
    place = path / "report.json" if path.is_dir() else path
    try:
        report = orjson.loads(place.read_bytes())
        if isinstance(report, dict) and isinstance(report["suites"], list):
            return report
    except (OSError, orjson.JSONDecodeError, KeyError):
        pass
    raise BadDocument(f"{place} is no report: `huiying eval run --report DIR` writes one")


def compare(before: dict[str, Any], after: dict[str, Any]) -> Comparison:
    """What changed from `before` to `after`."""
    old, new = _cases(before), _cases(after)
    both = [case for case in new if case in old]
    return Comparison(
        fixed=tuple(case for case in both if new[case]["passed"] and not old[case]["passed"]),
        broken=tuple(case for case in both if old[case]["passed"] and not new[case]["passed"]),
        unchanged=sum(old[case]["passed"] == new[case]["passed"] for case in both),
        only_in_one=len(old.keys() ^ new.keys()),
        figures=_figures(before, after),
        texts={case: row["text"] for case, row in {**old, **new}.items()},
    )


def _cases(report: dict[str, Any]) -> dict[Case, dict[str, Any]]:
    return {(suite["name"], case["id"]): case for suite in report["suites"] for case in suite["cases"]}


def _figures(before: dict[str, Any], after: dict[str, Any]) -> tuple[tuple[str, str, float, float], ...]:
    old = {suite["name"]: suite["figures"] for suite in before["suites"]}
    return tuple(
        (suite["name"], figure, old[suite["name"]][figure], value)
        for suite in after["suites"]
        for figure, value in suite["figures"].items()
        if figure in old.get(suite["name"], {})
    )
