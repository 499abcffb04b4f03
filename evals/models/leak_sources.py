"""The lines that judge the shipped models, and those that trained their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evals.models.leaks import Told
from evals.models.own_rows import JUDGED, LEARNT, rows
from evals.practice_sets import CORPUS
from evals.retrieval_sets import read_rows, read_set
from evals.suites.suite import FOLDER as SUITES

EXAMPLES = Path(__file__).resolve().parents[2] / "agents" / "examples"
#: Those of the older examples that are trained on; similar.jsonl only judges.
TAUGHT = ("intents.jsonl", "emotions.jsonl", "flags.jsonl", "gate.jsonl")
#: Public sets of questions that judge what finds entries.
QUESTIONS = ("faq_tech_zh", "faq_medical_zh", "egret_wenda")

Said = Callable[[dict[str, Any]], list[str]]


def _text(row: dict[str, Any]) -> list[str]:
    return [row["text"]]


def _group(row: dict[str, Any]) -> list[str]:
    return [row["question"], *row["paraphrases"], *row["others"]]


def _room(row: dict[str, Any]) -> list[str]:
    return [line["text"] for line in row["lines"]]


def _pair(row: dict[str, Any]) -> list[str]:
    return [row["a"], row["b"]]


def _need(row: dict[str, Any]) -> list[str]:
    return [row["need"], *row["expressions"], *row["others"]]


def _expressions(row: dict[str, Any]) -> list[str]:
    return list(row["expressions"])


OWN: dict[str, Said] = {
    "messages": _text,
    "needs": _need,
    "moods": _expressions,
    "groups": _group,
    "rooms": _room,
    "pii": _text,
    "pii_blind": _text,
    "pairs": _pair,
}
SHOP = "shop_faq/queries"


def own_lines(*splits: str) -> Iterator[Told]:
    """All that the corpus says in these splits."""
    for name, said in OWN.items():
        for row in rows(name, *splits):
            where = f"{name} {row['split']} {row.get('id') or row.get('qid') or row.get('author', '')}"
            yield from (Told(text, where) for text in said(row))


def judging() -> Iterator[Told]:
    """The corpus's judging splits."""
    return own_lines(*JUDGED, "hard")


def judging_suites() -> Iterator[Told]:
    """What customers say in the suites of `huiying eval run`."""
    for path in sorted(SUITES.glob("*.jsonl")):
        for row in read_rows(path):
            texts = [row["text"]] if "text" in row else [line["text"] for line in row.get("say", ()) if "text" in line]
            yield from (Told(text, f"suites/{path.name} {row.get('id', '')}") for text in texts)


def judging_questions(folder: Path) -> Iterator[Told]:
    """Public questions; what the encoder saw of them stands in the table."""
    for name in QUESTIONS:
        if (folder / name).is_dir():
            yield from (Told(asked.text, name) for asked in read_set(folder / name).questions)


def training() -> Iterator[Told]:
    """What is ours and trains the weights: the learning splits and the older examples."""
    yield from own_lines(*LEARNT)
    for folder in sorted((CORPUS / "faq_bases").iterdir()):
        yield from (Told(row["text"], f"faq_bases/{folder.name}") for row in read_rows(folder / "queries.jsonl"))
        for row in read_rows(folder / "kb.jsonl"):
            yield from (Told(text, f"faq_bases/{folder.name}") for text in (row["question"], *row["similar"]))
    for name in TAUGHT:
        yield from (Told(row["text"], f"examples/{name}") for row in read_rows(EXAMPLES / name))
