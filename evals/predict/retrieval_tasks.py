"""Tasks over a knowledge base: retrieve, gate."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from agents.gate import ROOM_SPEAKS_FROM, SPEAK_FROM, Heard, LocalGate, RoomGate
from evals.predict.offline_knowledge import knowledge_at, texts_of
from evals.predict.options import Judge, PredictOptions, chance
from evals.predict.row_files import BadRows, Row, read_rows, text_of
from retrieval.offline import OfflineRetriever


def retrieve(options: PredictOptions, _: ExitStack) -> Judge:
    """Ranks the base's documents for each text."""
    assert options.kb is not None
    base = knowledge_at(options.kb, options.resolved())

    def judge(row: Row) -> dict[str, Any]:
        found = base.find(text_of(row), k=options.k)
        return {
            "ranked": [passage.entry_id for passage in found.passages],
            "scores": [round(passage.score, 6) for passage in found.passages],
            "score": chance(found.answerable),
            "refuse": int(base.refuses(found)),
        }

    return judge


def gate(options: PredictOptions, _: ExitStack) -> Judge:
    """Whether to speak on each line; `--labels` teaches the room."""
    assert options.kb is not None
    base = knowledge_at(options.kb, options.resolved())
    general = LocalGate.shipped().knowing(texts_of(base))
    room = _room_gate(options, base, general)
    chooser, speak_from = (room, ROOM_SPEAKS_FROM) if room else (general, SPEAK_FROM)

    def judge(row: Row) -> dict[str, Any]:
        score = chooser.chance(heard(base, text_of(row)))
        return {"score": chance(score), "pred": int(score >= speak_from)}

    return judge


def heard(base: OfflineRetriever, text: str) -> Heard:
    """A line and what the base holds on it."""
    return Heard(text, base.find(text, k=1))


def _room_gate(options: PredictOptions, base: OfflineRetriever, general: LocalGate) -> RoomGate | None:
    if options.labels is None:
        return None
    history: list[tuple[Heard, bool]] = []
    for number, row in enumerate(read_rows(options.labels), start=1):
        if not isinstance(row.get("text"), str) or row.get("answerable") not in (0, 1):
            raise BadRows(f"{options.labels}, row {number}: needs `text` and `answerable` (0 or 1)")
        history.append((heard(base, row["text"]), bool(row["answerable"])))
    return general.for_room(history)
