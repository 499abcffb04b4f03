"""Rows on the gate: before the invented shop's base, and in a public technical group with blocks of lines held out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agents.gate import ROOM_SPEAKS_FROM, SPEAK_FROM, Heard, LocalGate, shipped_model
from agents.gate_marks import LibraryMarks
from conversation.findings import Retrieval
from evals.models.arithmetic import area, f1
from evals.models.labelled_room import FOLDER, FOLDS, folds, labelled_room, room_base, weigh
from evals.models.own_rows import messages
from evals.models.surface import asks
from evals.models.table import Figure, Row
from evals.practice_sets import shop
from retrieval.offline import OfflineRetriever
from retrieval.static_encoder import StaticEncoder


def shop_gate_rows() -> Iterator[Row]:
    """Questions to a small base that holds their answers, among those it does not hold and everyday lines."""
    base, gate = OfflineRetriever(shop("dev").entries, StaticEncoder.shipped()), LocalGate.shipped()
    asked = [(one.text, bool(one.right)) for one in shop("dev").questions]
    # Some everyday lines of `dev` weighed the gate.
    asked += [(row["text"], False) for row in messages("test", "everyday")]
    wanted = np.array([float(answerable) for _, answerable in asked])
    chances = np.array([gate.chance(Heard(text, base.find(text, k=1))) for text, _ in asked])
    bare = (
        Figure("always", f1(wanted, np.ones(len(wanted)))),
        Figure("question mark", f1(wanted, [asks(text) for text, _ in asked])),
    )
    figures = (
        Figure("F1", f1(wanted, chances >= SPEAK_FROM)),
        Figure("AUC", area(wanted, chances, np.ones(len(wanted)))),
    )
    yield Row("gate, small base", "shop_faq dev, everyday test", len(asked), figures, bare)


def gate_rows(folder: Path) -> Iterator[Row]:
    """Without and with the room's own labels; the base is large, so that its language decides and not the search."""
    rows, model = labelled_room(folder), shipped_model()
    base = LibraryMarks.learn(room_base(folder), model.talk)
    wanted = np.array([float(row["answerable"]) for row in rows])
    marks = np.stack([base.of(row["text"]) for row in rows])
    alone, room = np.zeros(len(rows)), np.zeros(len(rows))
    for inside, outside in folds(rows, shuffle=0):
        # The shipped weighing saw these lines: it is made anew from what is not held out.
        gate = LocalGate(replace(model, weighing=weigh(marks[inside], wanted[inside])), base)
        taught = gate.for_room([(_heard(rows[place]), bool(wanted[place])) for place in inside])
        assert taught is not None
        alone[outside] = [gate.chance(_heard(rows[place])) for place in outside]
        room[outside] = [taught.chance(_heard(rows[place])) for place in outside]
    marked = [asks(row["text"]) for row in rows]
    bare = (Figure("always", f1(wanted, np.ones(len(rows)))), Figure("question mark", f1(wanted, marked)))
    for what, chances, line in (("no labels", alone, SPEAK_FROM), ("the room's labels", room, ROOM_SPEAKS_FROM)):
        figures = (Figure("F1", f1(wanted, chances >= line)), Figure("AUC", area(wanted, chances, np.ones(len(rows)))))
        yield Row(f"gate, {what}", FOLDER, len(rows), figures, bare, f"{FOLDS} parts, whole blocks held out")


def _heard(row: dict[str, Any]) -> Heard:
    return Heard(row["text"], Retrieval(covered=0.5))
