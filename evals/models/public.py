"""Rows on public sets (their development parts), in a folder that is given; a set that is not there is said to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from agents.local_classifier import LocalEmotion, LocalFlags
from conversation.errors import HuiyingError
from evals.models.arithmetic import f1, macro_f1, some
from evals.models.finding import finding_row
from evals.models.gating import gate_rows
from evals.models.personal import personal_row
from evals.models.public_intents import intent_rows
from evals.models.surface import LetterPairs, commonest
from evals.models.table import Figure, Row, not_run
from evals.retrieval_sets import read_rows, read_set

#: Lines of a large set that are read, and lines that its trivial reader learns from.
MOST, LEARNT = 2000, 6000
SEEN = "trained on"
SEEN_BY_ENCODER = "the encoder saw its pairs"


def public_rows(folder: Path | None) -> Iterator[Row]:
    """Every public set in turn. Raises `HuiyingError` for a folder that is not there."""
    if folder is not None and not folder.is_dir():
        raise HuiyingError(f"{folder}: there is no such folder of public sets")
    for what, sets, rows in PARTS:
        missing = [name for name in sets if folder is None or not (folder / name).is_dir()]
        for name in missing:
            yield not_run(what, name, "no folder of public sets was given" if folder is None else "it is not there")
        if folder is not None and len(missing) < len(sets):
            yield from rows(folder)


def _finding(folder: Path) -> Iterator[Row]:
    for name in FINDING:
        if (folder / name).is_dir():
            yield finding_row(read_set(folder / name), note=SEEN_BY_ENCODER)


def _injection(folder: Path) -> Iterator[Row]:
    rows = read_rows(folder / "safety_injection" / "injection_zh.dev.jsonl")
    reader = LocalFlags.shipped()
    wanted = [bool(row["label"]) for row in rows]
    said = [reader.read(row["text"]).injection >= 0.5 for row in rows]
    bare = (Figure("always", f1(wanted, [True] * len(wanted))),)
    yield Row("injection", "safety_injection, Chinese", len(rows), (Figure("F1", f1(wanted, said)),), bare, SEEN)


def _offensive(folder: Path) -> Iterator[Row]:
    every = read_rows(folder / "safety_cold_zh" / "offensive.dev.jsonl.gz")
    asked = some(every, MOST)
    shown = {row["id"] for row in asked}
    learnt = some([row for row in every if row["id"] not in shown], LEARNT)
    reader, trivial = LocalFlags.shipped(), LetterPairs([r["text"] for r in learnt], [str(r["label"]) for r in learnt])
    wanted = [bool(row["label"]) for row in asked]
    said = [reader.read(row["text"]).offensive >= 0.5 for row in asked]
    plain = [trivial.read(row["text"]) == "1" for row in asked]
    bare = (Figure("always", f1(wanted, [True] * len(wanted))), Figure("bigrams", f1(wanted, plain)))
    yield Row("offensive", "safety_cold_zh", len(asked), (Figure("F1", f1(wanted, said)),), bare, SEEN)


def _personal(folder: Path) -> Iterator[Row]:
    name = "pii_zh_synthetic"
    yield personal_row(name, read_rows(folder / name / "pii.dev.jsonl"), SEEN)


def _valence(folder: Path) -> Iterator[Row]:
    rows = read_rows(folder / "emotion_cped_zh" / "emotion.dev.jsonl.gz")
    asked = some([row for row in rows if row["sentiment"] in ("positive", "negative")], MOST)
    reader = LocalEmotion.shipped()
    wanted = [row["sentiment"] for row in asked]
    valence = np.array([reader.read(row["text"]).valence for row in asked])
    said = ["positive" if one > 0 else "negative" for one in valence]
    bare = (Figure("majority", macro_f1(wanted, [commonest(wanted)] * len(wanted))),)
    figures = (Figure("macro-F1", macro_f1(wanted, said)),)
    yield Row("valence", "emotion_cped_zh, not neutral", len(asked), figures, bare, "weak labels: they lean on faces")


FINDING = ("faq_tech_zh", "faq_medical_zh", "egret_wenda")
#: What is measured, on which folders, by which function.
PARTS: tuple[tuple[str, tuple[str, ...], Callable[[Path], Iterator[Row]]], ...] = (
    ("finding entries", FINDING, _finding),
    ("gate", ("huixiangdou_rejection",), gate_rows),
    ("own intents", ("intent_clinc150_en", "intent_banking77_en", "intent_xsid_zh"), intent_rows),
    ("injection", ("safety_injection",), _injection),
    ("offensive", ("safety_cold_zh",), _offensive),
    ("personal details", ("pii_zh_synthetic",), _personal),
    ("valence", ("emotion_cped_zh",), _valence),
)
