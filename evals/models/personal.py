"""Rows on personal details: places and kinds found, and lines without any that are touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conversation.personal_spans import PersonalKind, PersonalSpan
from conversation.redaction import TagsPersonal, find_personal
from evals.models.own_rows import CorpusRow, rows
from evals.models.table import Figure, Row
from retrieval.models.redaction_tagger import RedactionTagger

F1_FROM, TOUCHED_UP_TO = 0.95, 0.02


class Labelled(Protocol):
    """A line and its true details, in order."""

    @property
    def text(self) -> str:
        """The line."""
        ...

    @property
    def spans(self) -> Sequence[PersonalSpan]:
        """Its details."""
        ...


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """F1 of exact typed spans, over all kinds and per kind, with the number of true spans; clean lines touched, 0–1."""

    f1: float
    kinds: Mapping[PersonalKind, tuple[float, int]]
    touched: float
    clean: int


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    spans: tuple[PersonalSpan, ...]


def measure(lines: Sequence[Labelled], tagger: TagsPersonal | None) -> SpanFigures:
    """The figures of `tagger` with the rules, or of the rules alone."""
    true, found, right = Counter[PersonalKind](), Counter[PersonalKind](), Counter[PersonalKind]()
    clean = touched = 0
    for line in lines:
        spans = find_personal(line.text, tagger)
        true.update(span.kind for span in line.spans)
        found.update(span.kind for span in spans)
        right.update(span.kind for span in set(spans) & set(line.spans))
        clean += not line.spans
        touched += bool(spans) and not line.spans
    kinds = {
        kind: (_f1(right[kind], found[kind], true[kind]), true[kind])
        for kind in PersonalKind
        if true[kind] or found[kind]
    }
    return SpanFigures(_f1(right.total(), found.total(), true.total()), kinds, touched / max(clean, 1), clean)


def _f1(right: int, found: int, true: int) -> float:
    return 2 * right / (found + true) if found + true else 1.0


def personal_rows() -> Iterator[Row]:
    """The corpus's own lines, those of a second writer, and those of a third who meant to mislead."""
    yield personal_row("pii dev", rows("pii", "dev"))
    yield personal_row("pii_blind test", rows("pii_blind", "test"))
    yield personal_row("pii hard", rows("pii", "hard"), "names that are words, places without numbers")


def personal_row(on: str, labelled: Sequence[CorpusRow], note: str = "") -> Row:
    """One row of rows `{"text", "spans": [[start, end, KIND]]}`."""
    lines = [
        _Line(row["text"], tuple(PersonalSpan(start, end, PersonalKind(kind)) for start, end, kind in row["spans"]))
        for row in labelled
    ]
    both, rules = measure(lines, RedactionTagger.shipped()), measure(lines, None)
    figures = (
        Figure("typed F1", both.f1, at_least=F1_FROM),
        Figure(f"of {both.clean} clean lines touched", both.touched, at_most=TOUCHED_UP_TO),
    )
    bare = (Figure("rules alone F1", rules.f1), Figure("touched", rules.touched))
    return Row("personal details", on, len(lines), figures, bare, note)
