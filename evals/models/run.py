"""Measures every shipped model and checks for leaks; called by `huiying eval models`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.models import finding, flags, gating, leak_sources, pairs, personal, public, rooms, speed, texts
from evals.models.leaks import Leak, Leaks, Told, find_leaks
from evals.models.table import Row, in_words

#: What is measured without any public set, in the order of the table.
OWN: tuple[Callable[[], Iterator[Row]], ...] = (
    texts.text_rows,
    flags.flag_rows,
    personal.personal_rows,
    pairs.pair_rows,
    finding.finding_rows,
    gating.shop_gate_rows,
    rooms.room_rows,
    speed.speed_rows,
)
SHOWN = 8


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The table, and the leaks by what was checked."""

    rows: tuple[Row, ...]
    leaks: dict[str, Leaks]

    @property
    def clean(self) -> bool:
        """True when no line of the corpus's judging splits trained anything."""
        return not self.leaks[CORPUS].exact

    def as_json(self) -> dict[str, Any]:
        """The whole report for other programs."""
        return {
            "clean": self.clean,
            "rows": [row.as_json() for row in self.rows],
            "leaks": {name: _leaks_json(found) for name, found in self.leaks.items()},
        }

    def in_words(self, shown: int = SHOWN) -> str:
        """The table, then the leaks with the first few of each kind."""
        return "\n\n".join([in_words(self.rows), *(_leak_words(*one, shown) for one in self.leaks.items())])


CORPUS = "own corpus"


def measure_models(folder: Path | None, tell: Callable[[str], None]) -> ModelReport:
    """All rows; `folder` holds the public sets. `tell` hears what is being measured. Raises `HuiyingError`."""
    rows: list[Row] = []
    for part in OWN:
        tell(part.__name__)
        rows += part()
    tell(public.public_rows.__name__)
    rows += public.public_rows(folder)
    tell("leaks")
    return ModelReport(tuple(rows), find_all_leaks(folder))


def find_all_leaks(folder: Path | None) -> dict[str, Leaks]:
    """Leaks into the corpus's judging splits, the suites, and public questions where they are given."""
    learnt = list(leak_sources.training())
    found = {
        CORPUS: find_leaks(leak_sources.judging(), learnt),
        "suites": find_leaks(leak_sources.judging_suites(), learnt),
    }
    if folder is not None:
        found["public questions"] = find_leaks(leak_sources.judging_questions(folder), learnt)
    return found


def _leak_words(name: str, found: Leaks, shown: int) -> str:
    lines = [
        f"leaks, {name}: {found.judged} judging lines, {found.learnt} learnt lines: {len(found.exact)} equal, "
        f"{len(found.near)} nearly equal ({found.short} equal ones too short to tell)"
    ]
    for leaks in (found.exact, found.near):
        lines += [f"  {leak.likeness:.2f}  {_side(leak.judged)}  =  {_side(leak.learnt)}" for leak in leaks[:shown]]
        if len(leaks) > shown:
            lines.append(f"  … and {len(leaks) - shown} more: --json has all of them")
    return "\n".join(lines)


def _side(told: Told) -> str:
    return f"{told.text} ({told.where})"


def _leaks_json(found: Leaks) -> dict[str, Any]:
    def pair(leak: Leak) -> dict[str, Any]:
        judged, learnt = leak.judged, leak.learnt
        return {
            "judged": judged.text,
            "in": judged.where,
            "learnt": learnt.text,
            "from": learnt.where,
            "likeness": round(leak.likeness, 3),
        }

    return {
        "judged": found.judged,
        "learnt": found.learnt,
        "exact": [pair(leak) for leak in found.exact],
        "near": [pair(leak) for leak in found.near],
        "too_short": found.short,
    }
