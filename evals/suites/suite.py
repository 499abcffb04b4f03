"""What a suite is: a JSON lines file; its first row names it, its kind and its gates, the other rows are cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from conversation.errors import BadDocument
from conversation.outcomes import OUTCOMES

FOLDER = Path(__file__).resolve().parent
Kind = Literal["questions", "scripts"]
KINDS = ("questions", "scripts")


@dataclass(frozen=True, slots=True)
class Gate:
    """What a figure must reach; one of the bounds is set."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None

    def passes(self, value: float) -> bool:
        """Whether the figure is within bounds."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    @property
    def words(self) -> str:
        """The bound as people write it."""
        return f"≥ {self.at_least}" if self.at_least is not None else f"≤ {self.at_most}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its right entries (ids, or the entries' own questions); none when the base does not hold it."""

    case_id: str
    text: str
    right: frozenset[str]


@dataclass(frozen=True, slots=True)
class Said:
    """A line of a script and the outcomes that are right for it."""

    text: str
    expect: frozenset[str]


@dataclass(frozen=True, slots=True)
class Script:
    """A short conversation with one customer, alone with the bot or in a group."""

    case_id: str
    said: tuple[Said, ...]
    in_group: bool = False
    mention: bool = True


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite as it was read. `kind` says which of `questions` and `scripts` it holds."""

    name: str
    kind: Kind
    about: str
    gates: tuple[Gate, ...]
    questions: tuple[Question, ...] = ()
    scripts: tuple[Script, ...] = ()


def known_suites(folder: Path = FOLDER) -> dict[str, Path]:
    """The suites of a folder by name."""
    return {path.stem: path for path in sorted(folder.glob("*.jsonl"))}


def find_suite(name: str) -> Path:
    """A suite by its name, or by the path of a file of your own. Raises `BadDocument`."""
    known = known_suites()
    if name in known:
        return known[name]
    if Path(name).is_file():
        return Path(name)
    raise BadDocument(f"there is no suite {name}: choose {', '.join(known)}, or give the path of a .jsonl file")


def read_suite(path: Path) -> Suite:
    """Reads a suite. Raises `BadDocument` naming the row that is wrong."""
    rows = [(number, raw) for number, raw in enumerate(path.read_bytes().splitlines(), start=1) if raw.strip()]
    if not rows:
        raise BadDocument(f"{path} is empty: its first row names the suite, its kind and its gates")
    head = _row(path, *rows[0])
    kind = head.get("kind")
    if kind not in KINDS:
        raise BadDocument(f"{path}, row 1: `kind` must be one of {', '.join(KINDS)}")
    suite = Suite(str(head.get("suite") or path.stem), kind, str(head.get("about", "")), _gates(path, head))
    bodies = [(number, _row(path, number, raw)) for number, raw in rows[1:]]
    try:
        if kind == "questions":
            return _with(suite, questions=tuple(_question(row) for _, row in bodies))
        return _with(suite, scripts=tuple(_script(path, number, row) for number, row in bodies))
    except (KeyError, TypeError) as error:
        raise BadDocument(f"{path}: a row lacks {error}") from None


def _with(suite: Suite, **cases: Any) -> Suite:
    return Suite(suite.name, suite.kind, suite.about, suite.gates, **cases)


def _row(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadDocument(f"{path}, row {number}: {error}") from None
    if not isinstance(row, dict):
        raise BadDocument(f"{path}, row {number}: not a JSON object")
    return row


def _gates(path: Path, head: Mapping[str, Any]) -> tuple[Gate, ...]:
    try:
        return tuple(Gate(figure, **bounds) for figure, bounds in (head.get("gates") or {}).items())
    except TypeError:
        raise BadDocument(f"{path}, row 1: a gate is a figure with at_least or at_most") from None


def _question(row: Mapping[str, Any]) -> Question:
    return Question(str(row["id"]), str(row["text"]), frozenset(row["right"]))


def _script(path: Path, number: int, row: Mapping[str, Any]) -> Script:
    said = tuple(Said(str(one["text"]), _outcomes(path, number, one["expect"])) for one in row["say"])
    return Script(str(row["id"]), said, row.get("room") == "group", bool(row.get("mention", True)))


def _outcomes(path: Path, number: int, names: Sequence[str]) -> frozenset[str]:
    unknown = set(names) - set(OUTCOMES)
    if unknown:
        raise BadDocument(f"{path}, row {number}: no such outcome: {', '.join(sorted(unknown))}")
    return frozenset(names)
