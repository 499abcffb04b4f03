"""Measures the gate on blocks of neighbouring lines that were held out; called by `training/gate.py --check`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from agents.gate import ROOM_SPEAKS_FROM, SPEAK_FROM, Heard, LocalGate, shipped_model
from agents.gate_marks import LibraryMarks
from conversation.findings import Retrieval
from evals.models.labelled_room import folds, labelled_room, room_base, weigh
from retrieval.offline import OfflineRetriever
from retrieval.static_encoder import StaticEncoder
from training.gate_rows import everyday, gate_lines, shop_questions
from training.sources import CORPUS, Row, read_rows

SHUFFLES = 3
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
    for shuffle in range(SHUFFLES):
        alone, room = np.zeros(len(rows)), np.zeros(len(rows))
        for inside, outside in folds(rows, shuffle):
            own = LocalGate(replace(model, weighing=weigh(marks[inside], wanted[inside])), base)
            taught = own.for_room([(_heard(rows[i]), bool(wanted[i])) for i in inside])
            assert taught is not None
            alone[outside] = [own.chance(_heard(rows[i])) for i in outside]
            room[outside] = [taught.chance(_heard(rows[i])) for i in outside]
        _say(f"held-out blocks {shuffle}, no history", wanted, alone, SPEAK_FROM)
        _say(f"held-out blocks {shuffle}, room's history", wanted, room, ROOM_SPEAKS_FROM)


def _check_shop(gate: LocalGate) -> None:
    base = OfflineRetriever.from_rows(read_rows(CORPUS / "shop_faq" / "kb.jsonl"), StaticEncoder.shipped())
    rows = [(row["text"], float(row["answerable"])) for row in shop_questions("dev")]
    rows += [(text, 0.0) for text in everyday("dev")]
    chances = np.array([gate.chance(Heard(text, base.find(text, k=1))) for text, _ in rows])
    _say("small base", np.array([wanted for _, wanted in rows]), chances, SPEAK_FROM)


def _heard(row: Row) -> Heard:
    return Heard(row["text"], Retrieval(covered=0.5))


def _say(name: str, wanted: Numbers, chances: Numbers, line: float) -> None:
    said = chances >= line
    figures = {
        "F1": f1_score(wanted, said),
        "F1 of silence": f1_score(1 - wanted, ~said),
        "macro": f1_score(wanted, said, average="macro"),
        "AUC": roc_auc_score(wanted, chances),
    }
    print(f"{name:36s}", "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)
