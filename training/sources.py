"""The texts that the models learn from: the project's own corpus, and public sets in a folder named by `--data`.

Rows whose licence binds derived data (CC BY-SA) are left out here, in one place.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

CORPUS = Path(__file__).parents[1] / "evals" / "corpus"
_SHARE_ALIKE = re.compile(r"BY-SA")
_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]?")

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSON lines file, packed by gzip or not; none where there is no such file."""
    if not path.exists():
        return []
    packed = path.read_bytes()
    lines = (gzip.decompress(packed) if path.suffix == ".gz" else packed).splitlines()
    rows = [orjson.loads(line) for line in lines if line.strip()]
    return [row for row in rows if not _SHARE_ALIKE.search(str(row.get("licence", "")))]


def corpus(name: str, *splits: str) -> list[Row]:
    """The rows of one file of the project's corpus that belong to `splits` (all rows without any)."""
    rows = read_rows(CORPUS / f"{name}.jsonl")
    return [row for row in rows if not splits or row["split"] in splits]


def base_groups() -> list[Row]:
    """The entries of the practice bases with what is asked of them, as groups; `others` are the two nearest entries."""
    found: list[Row] = []
    for folder in sorted(path for path in (CORPUS / "faq_bases").glob("*") if path.is_dir()):
        entries, asked = read_rows(folder / "kb.jsonl"), read_rows(folder / "queries.jsonl")
        pairs = [_letter_pairs(entry["question"]) for entry in entries]
        for entry, own in zip(entries, pairs, strict=True):
            near = sorted(range(len(entries)), key=lambda at: -len(own & pairs[at]) / len(own | pairs[at]))
            said = [row["text"] for row in asked if entry["doc_id"] in row["gold"]]
            others = [entries[at]["question"] for at in near[1:3]]
            found.append({**entry, "paraphrases": [*entry["similar"], *said], "others": others, "author": folder.name})
    return found


def _letter_pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)}


def sentences(text: str, longest: int = 200) -> Iterator[str]:
    """The sentences of a text, each cut at `longest` characters."""
    for found in _SENTENCE.findall(text):
        if plain := found.strip():
            yield plain[:longest]


def running_text(data: Path | None) -> list[str]:
    """Plain lines to learn words and their company from."""
    lines = [row["text"] for row in corpus("messages", "train")]
    for group in [*corpus("groups", "train"), *base_groups()]:
        lines += [group["question"], group["answer"], *group["paraphrases"], *group["others"]]
    for need in corpus("needs", "train"):
        lines += [need["need"], *need["expressions"], *need["others"]]
    for mood in corpus("moods", "train"):
        lines += mood["expressions"]
    for room in corpus("rooms", "train"):
        lines += [line["text"] for line in room["lines"]]
    if data is not None:
        lines += _public_text(data)
    return lines


def _public_text(data: Path) -> Iterator[str]:
    for row in read_rows(data / "docs_sections_zh" / "sections.jsonl.gz"):
        yield row["title"]
        yield from sentences(row["text"])
    for row in read_rows(data / "faq_tech_zh" / "faq.dev.jsonl"):
        yield row["question"]
        yield from sentences(row["answer"])
    for row in read_rows(data / "faq_medical_zh" / "qa.dev.jsonl.gz"):
        yield from (row["question"], *sentences(row["ask"]), *sentences(row["answer"]))
    for row in read_rows(data / "egret_wenda" / "qa.dev.jsonl"):
        yield from (row["question"], row["answer"][:300])
    yield from _public_talk(data)


def _public_talk(data: Path) -> Iterator[str]:
    for row in read_rows(data / "paraphrase_zh" / "tatoeba_zh.groups.jsonl"):
        yield from row["zh"]
    for row in read_rows(data / "paraphrase_zh" / "crosswoz_user_templates.groups.jsonl.gz"):
        yield from row["templates"]
    for name in ("dialogue_crosswoz_zh", "dialogue_kdconv_zh"):
        for row in read_rows(data / name / "dialogues.dev.jsonl.gz"):
            yield from (turn["text"] for turn in row["turns"])
    for path in ("emotion_cped_zh/emotion.dev.jsonl.gz", "safety_cold_zh/offensive.dev.jsonl.gz"):
        yield from (row["text"] for row in read_rows(data / path))
    for row in read_rows(data / "smalltalk_zh" / "smalltalk.jsonl"):
        yield from (row["question"], *row["answers"])
    for name in ("intent_clinc150_en/intent.dev.jsonl.gz", "intent_banking77_en/intent.dev.jsonl.gz"):
        yield from (row["text"] for row in read_rows(data / name))


def spread(rows: Sequence[Row], part: int, parts: int) -> list[Row]:
    """Every `parts`-th row from `part` on: for holding some of a public set out."""
    return list(rows[part::parts])
