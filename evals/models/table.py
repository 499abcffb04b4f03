"""The rows of the table of models: figures, what trivial means reach, what must be reached; as lines and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evals.bench.table import mark, table

HEAD = ("what", "set", "n", "figures", "trivial", "must reach")


@dataclass(frozen=True, slots=True)
class Figure:
    """A named number and the bounds it is held to; `form` is how it is written."""

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    form: str = ".3f"

    @property
    def holds(self) -> bool:
        """True within its bounds, and without any."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    @property
    def bound(self) -> str:
        """The bound in words, "" without one."""
        if self.at_least is not None:
            return f"{self.name} ≥ {self.at_least:g} {mark(self.holds)}"
        return f"{self.name} ≤ {self.at_most:g} {mark(self.holds)}" if self.at_most is not None else ""

    def __str__(self) -> str:
        return f"{self.name} {'–' if math.isnan(self.value) else format(self.value, self.form)}".strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement: of what, on which set of `n` rows. `note` says what a reader must know to read it rightly."""

    what: str
    on: str
    n: int
    figures: tuple[Figure, ...]
    trivial: tuple[Figure, ...] = ()
    note: str = ""

    def cells(self) -> list[str]:
        """The row as it is printed."""
        shown = ", ".join(map(str, self.figures))
        noted = f"{shown} [{self.note}]" if shown and self.note else shown or self.note
        bounds = ", ".join(figure.bound for figure in self.figures if figure.bound)
        return [self.what, self.on, f"{self.n}" if self.n else "", noted, ", ".join(map(str, self.trivial)), bounds]

    def as_json(self) -> dict[str, Any]:
        """The row for other programs; a figure that cannot be had is null."""
        return {
            "what": self.what,
            "set": self.on,
            "n": self.n,
            "figures": _numbers(self.figures),
            "trivial": _numbers(self.trivial),
            "must_reach": {
                figure.name: {"at_least": figure.at_least, "at_most": figure.at_most, "reached": figure.holds}
                for figure in self.figures
                if figure.bound
            },
            "note": self.note,
        }


def not_run(what: str, on: str, why: str) -> Row:
    """The row of a measurement that could not be made."""
    return Row(what, on, 0, (), note=f"not run: {why}")


def in_words(rows: Sequence[Row]) -> str:
    """The whole table for a terminal."""
    return table(HEAD, [row.cells() for row in rows])


def _numbers(figures: Sequence[Figure]) -> dict[str, float | None]:
    return {figure.name: None if math.isnan(figure.value) else round(figure.value, 6) for figure in figures}
