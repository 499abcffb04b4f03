"""The labelled lines that each head learns from. What a source does not know is None: nothing is learnt from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.sources import Row, corpus, read_rows

EXAMPLES = Path(__file__).parents[1] / "agents" / "examples"
PARTS = 5
#: What a forum's line weighs beside one of the desk: there are far more of them, and they insult other people.
FORUM_WEIGHT = 0.2
#: What a short expression weighs beside a message: many say the same.
EXPRESSION_WEIGHT = 0.2
#: Intents of which it is not known whether a person is wanted, and those that may hold anything.
_MAY_WANT_A_PERSON = ("complaint", "other", "smalltalk")
_MAY_BE_ANYTHING = ("complaint", "other")
#: Moods in which a writer may well have called somebody names, without the corpus saying so.
_HEATED = ("angry", "disappointed")


@dataclass(frozen=True, slots=True)
class Example:
    """A line, who wrote it (for holding authors out), and what is known of it."""

    text: str
    author: str
    intent: str | None = None
    emotion: str | None = None
    intensity: int | None = None
    wants_human: int | None = None
    urgent: int | None = None
    injection: int | None = None
    offensive: int | None = None
    weight: float = 1.0


def desk_rows(*splits: str) -> list[Example]:
    """The corpus's messages; with the train split also its expressions and the older, partly labelled examples."""
    rows = [_message(row, place) for place, row in enumerate(corpus("messages", *splits))]
    return [*rows, *_expressions(), *_older()] if "train" in splits else rows


def abuse_rows(data: Path | None) -> list[Example]:
    """Public lines that are offensive or not (COLD, Apache-2.0)."""
    if data is None:
        return []
    rows = read_rows(data / "safety_cold_zh" / "offensive.dev.jsonl.gz")
    return [
        Example(row["text"], f"cold-{place % 10}", offensive=row["label"], weight=FORUM_WEIGHT)
        for place, row in enumerate(rows)
    ]


def attack_rows(data: Path | None) -> list[Example]:
    """Public lines that try to command a bot, and harmless ones that look alike (own strings, and BIPIA, MIT)."""
    if data is None:
        return []
    folder = data / "safety_injection"
    own, planted = read_rows(folder / "injection_zh.dev.jsonl"), read_rows(folder / "bipia_en.dev.jsonl")
    rows = [Example(row["text"], f"attack-{place % PARTS}", injection=row["label"]) for place, row in enumerate(own)]
    return rows + [Example(row["text"], f"attack-{place % PARTS}", injection=1) for place, row in enumerate(planted)]


def _message(row: Row, place: int) -> Example:
    about_flags = row["kind"] == "flags"
    unknown_insult = not about_flags and row["emotion"] in _HEATED
    return Example(
        row["text"],
        # One author wrote all lines about flags: parts of them stand for authors that can be held out.
        f"{row['author']}-{place % PARTS}" if about_flags else row["author"],
        # Reviews and everyday lines are no requests: their intent would teach the wrong borders.
        row["intent"] if row["kind"] == "service" else None,
        None if about_flags else row["emotion"],
        None if about_flags else row["intensity"],
        row["wants_human"],
        row["urgent"],
        row["injection"],
        None if unknown_insult else row["offensive"],
    )


def _expressions() -> Iterator[Example]:
    for row in corpus("needs", "train"):
        # Words for a thing or a circumstance alone tell no intent; a plain wish commands and insults nobody.
        mild = None if row["intent"] in _MAY_BE_ANYTHING else 0
        intent = row["intent"] or None
        for text in row["expressions"]:
            yield Example(text, row["author"], intent=intent, injection=mild, offensive=mild, weight=EXPRESSION_WEIGHT)
    for row in corpus("moods", "train"):
        for text in row["expressions"]:
            yield Example(text, f"{row['author']}-moods", emotion=row["emotion"], weight=EXPRESSION_WEIGHT)


def _older() -> Iterator[Example]:
    for row in read_rows(EXAMPLES / "intents.jsonl"):
        intent = row["label"]
        # Labelled by intent alone, the examples still tell what a plain request is not.
        wants = None if intent in _MAY_WANT_A_PERSON else int(intent == "human_request")
        mild = None if intent in _MAY_BE_ANYTHING else 0
        yield Example(row["text"], "older-intents", intent=intent, wants_human=wants, injection=mild, offensive=mild)
    for row in read_rows(EXAMPLES / "emotions.jsonl"):
        yield Example(row["text"], "older-emotions", emotion=row["label"], intensity=int(row["intensity"]))
    for place, row in enumerate(read_rows(EXAMPLES / "flags.jsonl")):
        yield Example(
            row["text"],
            f"older-flags-{place % PARTS}",
            wants_human=int(row["wants_human"]),
            urgent=int(row["urgent"]),
            injection=int(row["injection"]),
            offensive=int(row["offensive"]),
        )
