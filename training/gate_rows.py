"""What the gate learns from: lines said to the company or not, everyday talk, and a labelled room with its base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.head_rows import EXAMPLES, Example
from training.sources import CORPUS, Row, corpus, read_rows

#: Intents that want nothing of the company.
_NOTHING = frozenset({"smalltalk", "thanks_bye", "other"})
_AUTHORS = 5


@dataclass(frozen=True, slots=True)
class GateLine(Example):
    """A line, and whether it is said to the company."""

    sounds: int | None = None


def gate_lines(*splits: str) -> list[GateLine]:
    """Lines of the corpus; with the train split also the older examples."""
    lines = [*_room_lines(*splits), *_messages(*splits)]
    if "train" in splits:
        older = enumerate(read_rows(EXAMPLES / "gate.jsonl"))
        lines += [GateLine(row["text"], f"older-{place % _AUTHORS}", sounds=row["speak"]) for place, row in older]
    return lines


def _room_lines(*splits: str) -> Iterator[GateLine]:
    for room in corpus("rooms", *splits):
        for line in room["lines"]:
            if line["role"] in ("customer", "other"):
                yield GateLine(line["text"], room["author"], sounds=int(bool(line["speak"] or line["to_bot"])))


def _messages(*splits: str) -> Iterator[GateLine]:
    for row in corpus("messages", *splits):
        if row["kind"] == "service":
            yield GateLine(row["text"], row["author"], sounds=int(row["intent"] not in _NOTHING))
        elif row["kind"] == "everyday":
            yield GateLine(row["text"], row["author"], sounds=0)


def shop_questions(split: str) -> list[Row]:
    """Questions to the sample base, with `answerable`; `split` is fit or dev."""
    return [row for row in read_rows(CORPUS / "shop_faq" / "queries.jsonl") if row["split"] == split]


def everyday(split: str) -> list[str]:
    """Everyday lines of authors that the sound was not learnt from, every second for `fit`, the others for `dev`."""
    lines = [row["text"] for row in corpus("messages", "dev") if row["kind"] == "everyday"]
    return lines[split == "dev" :: 2]


def talk(data: Path | None) -> list[str]:
    """How people talk: the corpus, and public talk where there is some."""
    lines = [row["text"] for row in corpus("messages", "train")]
    for name in ("intents", "emotions", "flags", "gate"):
        lines += [row["text"] for row in read_rows(EXAMPLES / f"{name}.jsonl")]
    for group in corpus("groups", "train"):
        lines += [group["question"], *group["paraphrases"], *group["others"]]
    for room in corpus("rooms", "train"):
        lines += [line["text"] for line in room["lines"]]
    return lines + (list(_public(data)) if data else [])


def _public(data: Path) -> Iterator[str]:
    for path in ("emotion_cped_zh/emotion.dev.jsonl.gz", "safety_cold_zh/offensive.dev.jsonl.gz"):
        yield from (row["text"] for row in read_rows(data / path))
    for row in read_rows(data / "smalltalk_zh" / "smalltalk.jsonl"):
        yield from (row["question"], *row["answers"])
    for name in ("dialogue_crosswoz_zh", "dialogue_kdconv_zh"):
        for row in read_rows(data / name / "dialogues.dev.jsonl.gz"):
            yield from (turn["text"] for turn in row["turns"])
    yield from (row["question"] for row in read_rows(data / "egret_wenda" / "qa.dev.jsonl"))
    for name in ("intent_clinc150_en/intent.dev.jsonl.gz", "intent_banking77_en/intent.dev.jsonl.gz"):
        yield from (row["text"] for row in read_rows(data / name))
