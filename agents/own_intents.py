"""A deployer's own intents: checked, learnt from a few examples at start, and read beside the built-in ones.

Nothing of the built-in classifier is trained again; a small model beside it says which texts are an own intent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from agents.classifier import ReadsIntent
from agents.labels import INTENT_NAMES
from agents.likeness import plain as plainly
from agents.local_classifier import LocalTriage
from agents.prompts import as_data
from conversation.errors import BadSettings
from conversation.findings import Intent
from retrieval.embedder import Embedder

#: Examples of the built-in intents.
EXAMPLES = Path(__file__).with_name("examples")
#: With fewer examples nobody, and no model, can tell what an intent is about.
FEWEST = 5
LABEL = re.compile("[a-z][a-z0-9_]{1,39}")
#: Built-in examples per built-in intent that the small model learns beside each own intent's examples: at least
#: `BESIDE`, else their number by this share. `python -m evals.own_intents`: with half as many, half again as many
#: built-in texts are taken for own ones; with twice as many, a fifth of the own ones are lost.
BESIDE, BESIDE_SHARE = 16, 1.6
#: How much an own intent gives way where the built-in classifier is sure of its own reading; the same measure.
GIVES_WAY = 0.2
#: Before a built-in intent's name in the small model, so that an own label is never mistaken for it.
BUILT_IN = "="
#: Examples and characters by which a language model is told what a label means.
TOLD_EXAMPLES, TOLD_CHARS = 2, 24


@dataclass(frozen=True, slots=True)
class OwnIntent:
    """One of a deployer's intents. `category` groups it for reports ("": by its label), `name` is what staff read."""

    label: str
    examples: tuple[str, ...]
    category: str
    name: str


@dataclass(frozen=True, slots=True)
class IntentBook:
    """Every intent that is told apart: how it is read, what it is called, and how a language model is told of it."""

    reader: ReadsIntent
    labels: Mapping[str, str]
    categories: Mapping[str, str]
    names: Mapping[str, str]


def read_examples(path: Path) -> list[tuple[str, str]]:
    """The (text, label) rows of a JSON lines file. Raises `BadSettings` naming the row that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"triage.intents.file: {path} cannot be read ({error}): mend the path") from None
    rows: list[tuple[str, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("text", "label")):
            place = f"triage.intents.file: {path}, line {number}"
            raise BadSettings(f'{place}: write {{"text": "…", "label": "…"}}, both text')
        rows.append((row["text"], row["label"]))
    return rows


def own_intents(
    described: Mapping[str, tuple[Sequence[str], str, str]], rows: Iterable[tuple[str, str]], *, extends: bool
) -> tuple[OwnIntent, ...]:
    """The intents of the settings: (examples, category, name) per label, and further (text, label) rows.

    `extends`: they stand beside the built-in ones. Raises one `BadSettings` with everything that is wrong.
    """
    examples: dict[str, dict[str, str]] = {label: {} for label in described}
    given = chain(((text, label) for label, (texts, _, _) in described.items() for text in texts), rows)
    for text, label in given:
        examples.setdefault(label, {}).setdefault(plainly(text), text.strip())
    wrong = [*_wrong_labels(examples, extends), *_wrong_examples(examples)]
    if wrong:
        raise BadSettings("triage.intents cannot be learnt:\n  " + "\n  ".join(wrong))
    found = []
    for label, texts in examples.items():
        _, category, name = described.get(label, ((), "", ""))
        name = name or INTENT_NAMES.get(label, label)
        found.append(OwnIntent(label, tuple(texts.values()), category, name))
    return tuple(found)


def _wrong_labels(labels: Mapping[str, Mapping[str, str]], extends: bool) -> list[str]:
    wrong = []
    for label in labels:
        if not LABEL.fullmatch(label):
            wrong.append(f"{label!r} is no label: 2 to 40 small letters, digits and _, such as price_protection")
        elif extends and label in set(Intent):
            wrong.append(f"{label} is a built-in intent: choose another label, or set triage.intents.mode to replace")
    if not extends and len(labels) < 2:
        wrong.append("one intent alone tells nothing apart: give two or more, or set triage.intents.mode to extend")
    return wrong


def _wrong_examples(examples: Mapping[str, Mapping[str, str]]) -> list[str]:
    wrong: list[str] = []
    seen: dict[str, str] = {}
    for label, texts in examples.items():
        if "" in texts:
            wrong.append(f"{label} has an example without words")
        if len(texts) < FEWEST:
            wrong.append(f"{label} has {len(texts)} different examples: give about ten, at least {FEWEST}")
        for plain, text in texts.items():
            if plain and seen.setdefault(plain, label) != label:
                wrong.append(f"{text!r} stands under {seen[plain]} and under {label}: leave it in one")
    return wrong


class ExtendedIntents:
    """Reads built-in and own intents together; see `ReadsIntent`."""

    def __init__(self, built_in: ReadsIntent, own: ReadsIntent, labels: Iterable[str]) -> None:
        self._built_in = built_in
        self._own = own
        self._labels = frozenset(labels)

    @classmethod
    def learn(
        cls,
        built_in: ReadsIntent,
        own: Sequence[OwnIntent],
        beside: Sequence[tuple[str, str]] | None = None,
        encoder: Embedder | None = None,
    ) -> ExtendedIntents:
        """Learns `own` against examples of the built-in intents (`beside`, the shipped ones unless others are given).

        Blocks for about two seconds per thousand examples.
        """
        rows = [(text, intent.label) for intent in own for text in intent.examples]
        each = max(BESIDE, round(BESIDE_SHARE * len(rows) / max(1, len(own))))
        ours = {plainly(text) for text, _ in rows}
        known = [row for row in (shipped_rows() if beside is None else beside) if plainly(row[0]) not in ours]
        rows += [(text, f"{BUILT_IN}{label}") for text, label in _spread(known, each)]
        return cls(built_in, LocalTriage.from_rows(rows, encoder=encoder), (intent.label for intent in own))

    def scores(self, text: str) -> dict[str, float]:
        """See `ReadsIntent.scores`."""
        known = self._built_in.scores(text)
        gives = 1.0 - GIVES_WAY * max(known.values(), default=0.0)
        own = {label: gives * chance for label, chance in self._own.scores(text).items() if label in self._labels}
        rest = 1.0 - sum(own.values())
        return {label: rest * chance for label, chance in known.items()} | own


def shipped_rows() -> list[tuple[str, str]]:
    """The examples of the built-in intents."""
    rows = map(json.loads, (EXAMPLES / "intents.jsonl").read_text(encoding="utf-8").splitlines())
    return [(str(row["text"]), str(row["label"])) for row in rows]


def _spread(rows: Sequence[tuple[str, str]], each: int) -> list[tuple[str, str]]:
    """About `each` rows of every label, from all over them."""
    by_label: dict[str, list[str]] = {}
    for text, label in rows:
        by_label.setdefault(label, []).append(text)
    return [(text, label) for label, texts in by_label.items() for text in texts[:: -(-len(texts) // each)]]


def intent_book(
    built_in: ReadsIntent, own: Sequence[OwnIntent], *, extends: bool = True, encoder: Embedder | None = None
) -> IntentBook:
    """Built-in and own intents as one, or the own ones alone, learnt with `encoder` (the shipped one). Blocks."""
    labels = {str(intent): str(intent) for intent in Intent} if extends else {}
    told = {intent.label: _told(intent) for intent in own}
    reader = built_in
    if own and extends:
        reader = ExtendedIntents.learn(built_in, own, encoder=encoder)
    elif own:
        rows = [(text, intent.label) for intent in own for text in intent.examples]
        reader = LocalTriage.from_rows(rows, encoder=encoder)
        labels = {str(Intent.OTHER): str(Intent.OTHER)}
    names = {intent.label: intent.name for intent in own}
    categories = {intent.label: intent.category for intent in own if intent.category}
    return IntentBook(reader, labels | told, categories, names)


def _told(intent: OwnIntent) -> str:
    """A label as a language model is told of it: what it is called, and how customers say it."""
    shown = [as_data(text)[:TOLD_CHARS] for text in sorted(intent.examples, key=len)[:TOLD_EXAMPLES]]
    name = f"{as_data(intent.name)}，" if intent.name != intent.label else ""
    return f"{intent.label}（{name}如“{'”“'.join(shown)}”）"
