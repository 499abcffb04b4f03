"""Tasks over single texts and pairs: triage, emotion, flags, redact, similar."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from agents.duplicate import LocalDuplicate
from agents.local_classifier import LocalEmotion, LocalFlags, LocalTriage
from conversation.redaction import Redactor
from evals.predict.options import Judge, PredictOptions, chance
from evals.predict.row_files import BadRows, Row, read_rows, text_of
from retrieval.models.redaction_tagger import RedactionTagger


def triage(options: PredictOptions, _: ExitStack) -> Judge:
    """The built-in intents, or those of `--intents`."""
    reader = _own_intents(options) if options.intents else LocalTriage.shipped()

    def judge(row: Row) -> dict[str, Any]:
        reading = reader.read(text_of(row))
        return {"label": str(reading.label), "score": chance(reading.score), "abstain": reading.abstain}

    return judge


def _own_intents(options: PredictOptions) -> LocalTriage:
    assert options.intents is not None
    rows = read_rows(options.intents)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row.get("text"), str) or not isinstance(row.get("label"), str):
            raise BadRows(f"{options.intents}, row {number}: needs the fields `text` and `label`, both text")
    if not rows:
        raise BadRows(f"{options.intents}: has no rows; give some examples of each intent")
    return LocalTriage.from_rows([(row["text"], row["label"]) for row in rows], options.oos)


def emotion(options: PredictOptions, _: ExitStack) -> Judge:
    """The six moods, how strong, how good."""
    reader = LocalEmotion.shipped()

    def judge(row: Row) -> dict[str, Any]:
        mood = reader.read(text_of(row))
        return {
            "label": str(mood.label),
            "scores": {str(label): chance(score) for label, score in mood.scores.items()},
            "intensity": round(min(3.0, max(0.0, mood.intensity)), 4),
            "valence": round(min(1.0, max(-1.0, mood.valence)), 4),
        }

    return judge


def flags(options: PredictOptions, _: ExitStack) -> Judge:
    """The four flags."""
    reader = LocalFlags.shipped()
    return lambda row: {name: chance(value) for name, value in asdict(reader.read(text_of(row))).items()}


def redact(_: PredictOptions, __: ExitStack) -> Judge:
    """The places of personal details."""
    redactor = Redactor(RedactionTagger.shipped())
    return lambda row: {"spans": [[s.start, s.end, str(s.kind)] for s in redactor.find(text_of(row))]}


def similar(_: PredictOptions, __: ExitStack) -> Judge:
    """Whether two questions ask the same."""
    reader = LocalDuplicate.shipped()
    return lambda row: {"score": chance(reader.chance(text_of(row, "a"), text_of(row, "b")))}
