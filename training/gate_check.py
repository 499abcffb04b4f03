"""Measures the gate on blocks of neighbouring lines that were held out; called by `training/gate.py --check`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from agents.gate import ROOM_SPEAKS_FROM, SPEAK_FROM, GateModel, Heard, LocalGate, shipped_model
from agents.gate_marks import LibraryMarks
from conversation.findings import Retrieval
from evals.models.labelled_room import folds, labelled_room, room_base, weigh
from retrieval.offline import OfflineRetriever
from retrieval.static_encoder import StaticEncoder
from training.gate_rows import everyday, gate_lines, shop_questions
from training.sources import CORPUS, Row, read_rows

SHUFFLES = 8
#: A young room has so many marked lines.
FEW = (10, 30, 100)
FIGURES = ("F1", "F1 of silence", "macro", "AUC", "average precision")
Numbers = NDArray[np.float64]


def check(data: Path | None) -> None:
    """Prints the figures of `docs/models/gate.md`."""
    gate = LocalGate.shipped()
    lines = gate_lines("dev")
    said = np.array([float(line.sounds or 0) for line in lines])
    _say("sound of dev lines", said, np.array([gate.sounds(line.text) for line in lines]), 0.5)
    _check_shop(gate)
    if data is None:
        return
    rows, model = labelled_room(data), shipped_model()
    base = LibraryMarks.learn(room_base(data), model.talk)
    wanted = np.array([float(row["answerable"]) for row in rows])
    marks = np.stack([base.of(row["text"]) for row in rows])
    _say("trivial: always speaks", wanted, np.ones(len(rows)), 0.5)
    partings = [_parting(rows, marks, model, base, shuffle) for shuffle in range(SHUFFLES)]
    for name in partings[0]:
        figures = np.array([_figures(wanted, chances[name], ROOM_SPEAKS_FROM) for chances in partings])
        spread = zip(FIGURES, figures.mean(axis=0), figures.std(axis=0), strict=True)
        print(f"held-out blocks, {name:19s}", "  ".join(f"{key} {m:.3f} ±{s:.3f}" for key, m, s in spread), flush=True)


def _parting(rows: list[Row], marks: Numbers, model: GateModel, base: LibraryMarks, shuffle: int) -> dict[str, Numbers]:
    """The chances of each line by gates that saw nothing of its block, by how many labels of the room they had."""
    wanted = np.array([float(row["answerable"]) for row in rows])
    chances = {name: np.zeros(len(rows)) for name in ("no labels", "all labels", *(f"{few} labels" for few in FEW))}
    for inside, outside in folds(rows, shuffle):
        own = LocalGate(replace(model, weighing=weigh(marks[inside], wanted[inside])), base)
        chances["no labels"][outside] = [own.chance(_heard(rows[i])) for i in outside]
        for count in (len(inside), *FEW):
            drawn = _drawn(inside, wanted, count, shuffle)
            taught = own.for_room([(_heard(rows[i]), bool(wanted[i])) for i in drawn])
            assert taught is not None
            name = f"{count} labels" if count in FEW else "all labels"
            chances[name][outside] = [taught.chance(_heard(rows[i])) for i in outside]
    return chances


def _drawn(inside: NDArray[np.int64], wanted: Numbers, count: int, shuffle: int) -> NDArray[np.int64]:
    """Some of the rows in their order, with both kinds among them."""
    chance = np.random.default_rng(shuffle)
    while True:
        drawn = np.sort(chance.permutation(inside)[:count])
        if 0 < wanted[drawn].sum() < len(drawn):
            return drawn


def _check_shop(gate: LocalGate) -> None:
    base = OfflineRetriever.from_rows(read_rows(CORPUS / "shop_faq" / "kb.jsonl"), StaticEncoder.shipped())
    rows = [(row["text"], float(row["answerable"])) for row in shop_questions("dev")]
    rows += [(text, 0.0) for text in everyday("dev")]
    chances = np.array([gate.chance(Heard(text, base.find(text, k=1))) for text, _ in rows])
    _say("small base", np.array([wanted for _, wanted in rows]), chances, SPEAK_FROM)


def _heard(row: Row) -> Heard:
    return Heard(row["text"], Retrieval(covered=0.5))


def _say(name: str, wanted: Numbers, chances: Numbers, line: float) -> None:
    figures = zip(FIGURES, _figures(wanted, chances, line), strict=True)
    print(f"{name:36s}", "  ".join(f"{key} {value:.3f}" for key, value in figures), flush=True)


def _figures(wanted: Numbers, chances: Numbers, line: float) -> Numbers:
    said = chances >= line
    return np.array(
        [
            f1_score(wanted, said),
            f1_score(1 - wanted, ~said),
            f1_score(wanted, said, average="macro"),
            roc_auc_score(wanted, chances),
            average_precision_score(wanted, chances),
        ]
    )
