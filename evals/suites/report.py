"""The report of a run: as JSON for `compare`, as lines for the terminal, as one plain HTML page for people."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from evals.bench.table import clip, table
from evals.suites.figures import Judged


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate and how it went."""

    figure: str
    bound: str
    value: float
    passed: bool


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """One suite's figures, gates and cases."""

    name: str
    about: str
    figures: dict[str, float]
    gates: tuple[GateResult, ...]
    cases: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        """True when every gate holds."""
        return all(gate.passed for gate in self.gates)


@dataclass(frozen=True, slots=True)
class Report:
    """All suites of a run; `at` is when it ran."""

    suites: tuple[SuiteResult, ...]
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def passed(self) -> bool:
        """True when every suite passed its gates."""
        return all(suite.passed for suite in self.suites)

    def as_json(self) -> dict[str, Any]:
        """The whole report; `compare` reads it back."""
        return {"at": self.at, "passed": self.passed, "suites": [_suite_json(suite) for suite in self.suites]}

    def in_words(self, shown: int = 20) -> str:
        """Figures, gates and the first wrong cases."""
        return "\n\n".join(_suite_words(suite, shown) for suite in self.suites)

    def write(self, folder: Path) -> None:
        """Writes `report.json` and `report.html`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_bytes(orjson.dumps(self.as_json(), option=orjson.OPT_INDENT_2))
        (folder / "report.html").write_text(self.as_page(), encoding="utf-8")

    def as_page(self) -> str:
        """One HTML page that needs nothing else."""
        parts = "\n".join(_suite_html(suite) for suite in self.suites)
        verdict = "passed" if self.passed else "FAILED"
        return _PAGE.format(at=html.escape(self.at), verdict=verdict, parts=parts)


def _suite_json(suite: SuiteResult) -> dict[str, Any]:
    return {
        "name": suite.name,
        "about": suite.about,
        "passed": suite.passed,
        "figures": suite.figures,
        "gates": [
            {"figure": one.figure, "bound": one.bound, "value": one.value, "passed": one.passed} for one in suite.gates
        ],
        "cases": [
            {
                "id": one.case_id,
                "text": one.text,
                "expected": one.expected,
                "got": one.got,
                "passed": one.passed,
                "note": one.note,
            }
            for one in suite.cases
        ],
    }


def _suite_words(suite: SuiteResult, shown: int) -> str:
    gates = {gate.figure: gate for gate in suite.gates}
    rows = []
    for figure, value in suite.figures.items():
        gate = gates.get(figure)
        rows.append([figure, f"{value:.3f}", gate.bound if gate else "", _verdict(gate)])
    wrong = [one for one in suite.cases if not one.passed]
    lines = [f"== {suite.name}: {len(suite.cases)} cases, {len(wrong)} wrong", table(["figure", "", "gate", ""], rows)]
    lines += [
        f"  {one.case_id} {one.text}\n      want {one.expected}; got {clip(one.got, 90)}" for one in wrong[:shown]
    ]
    if len(wrong) > shown:
        lines.append(f"  … and {len(wrong) - shown} more: --report DIR writes all of them")
    return "\n".join(lines)


def _verdict(gate: GateResult | None) -> str:
    if gate is None:
        return ""
    return "ok" if gate.passed else "FAILED"


def _suite_html(suite: SuiteResult) -> str:
    gates = {gate.figure: gate for gate in suite.gates}
    figures = "".join(
        _cells(figure, f"{value:.3f}", gates[figure].bound if figure in gates else "", _verdict(gates.get(figure)))
        for figure, value in suite.figures.items()
    )
    cases = "".join(
        _cells(one.case_id, one.text, one.expected, one.got, one.note, "ok" if one.passed else "FAILED")
        for one in sorted(suite.cases, key=lambda case: case.passed)
    )
    return (
        f"<h2>{html.escape(suite.name)}</h2><p>{html.escape(suite.about)}</p>"
        f"<table><tr><th>figure<th>value<th>gate<th></tr>{figures}</table>"
        f"<table><tr><th>case<th>said<th>expected<th>came<th>reply<th></tr>{cases}</table>"
    )


def _cells(*cells: str) -> str:
    bad = ' class="bad"' if cells[-1] == "FAILED" else ""
    return f"<tr{bad}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Huiying 汇应: evaluation, {at}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; margin: 1rem 0; width: 100%; }}
th, td {{ border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
.bad td:last-child {{ color: #c22; font-weight: 600; }}
:root {{ color-scheme: light dark; }}
</style>
<h1>Evaluation: {verdict}</h1><p>{at}</p>
{parts}
</html>
"""
