"""Rows on single messages: intents, moods, how strong they are, whether a review praises or blames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agents.local_classifier import LocalEmotion, LocalTriage
from conversation.findings import Emotion
from evals.models.arithmetic import calibration_error, macro_f1
from evals.models.own_rows import JUDGED, CorpusRow, messages
from evals.models.surface import LetterPairs, commonest
from evals.models.table import Figure, Row

#: Lines about flags bear no mood.
MOODY = ("service", "review", "everyday")
BAD = ("angry", "disappointed")
PRAISE, BLAME = "praise", "blame"


def text_rows() -> Iterator[Row]:
    """Intents, then moods."""
    yield from _intents()
    yield from _moods()


def _intents() -> Iterator[Row]:
    learnt = messages("train", "service")
    trivial = LetterPairs([row["text"] for row in learnt], [row["intent"] for row in learnt])
    most = commonest([row["intent"] for row in learnt])
    reader = LocalTriage.shipped()
    for split in JUDGED:
        asked = messages(split, "service")
        readings = [reader.read(row["text"]) for row in asked]
        wanted, said = [row["intent"] for row in asked], [str(one.label) for one in readings]
        right = np.array(wanted) == np.array(said)
        sure = ~np.array([one.abstain for one in readings])
        figures = (
            Figure("macro-F1", macro_f1(wanted, said), at_least=0.85),
            Figure("ECE", calibration_error(right.astype(float), np.array([one.score for one in readings]))),
            Figure("abstained", float((~sure).mean())),
            Figure("right of the rest", float(right[sure].mean()) if sure.any() else 0.0),
        )
        bare = (
            Figure("majority", macro_f1(wanted, [most] * len(wanted))),
            Figure("bigrams", macro_f1(wanted, [trivial.read(row["text"]) for row in asked])),
        )
        yield Row("intents (20)", f"messages {split}, service", len(asked), figures, bare)


def _moods() -> Iterator[Row]:
    learnt = messages("train", *MOODY)
    texts = [row["text"] for row in learnt]
    trivial = LetterPairs(texts, [row["emotion"] for row in learnt])
    most = commonest([row["emotion"] for row in learnt])
    strength = float(np.median([row["intensity"] for row in learnt]))
    reader = LocalEmotion.shipped()
    for split in JUDGED:
        asked = messages(split, *MOODY)
        moods = [reader.read(row["text"]) for row in asked]
        plain = [trivial.read(row["text"]) for row in asked]
        yield _mood(f"messages {split}", asked, moods, plain, most, at_least=0.75)
        for kind in MOODY:
            at = [place for place, row in enumerate(asked) if row["kind"] == kind]
            some = [asked[place] for place in at]
            yield _mood(f"… {kind}", some, [moods[place] for place in at], [plain[place] for place in at], most)
        levels = np.array([row["intensity"] for row in asked])
        off = np.abs(levels - np.array([mood.intensity for mood in moods])).mean()
        bare = (Figure("always the median", float(np.abs(levels - strength).mean())),)
        yield Row("intensity (0–3)", f"messages {split}", len(asked), (Figure("mean error", float(off)),), bare)
        yield _reviews(split, reader)


def _mood(
    on: str, asked: list[CorpusRow], moods: list[Emotion], plain: list[str], most: str, at_least: float | None = None
) -> Row:
    wanted, said = [row["emotion"] for row in asked], [str(mood.label) for mood in moods]
    right = np.array([a == b for a, b in zip(wanted, said, strict=True)], float)
    chances = np.array([mood.scores[mood.label] for mood in moods])
    figures = (
        Figure("macro-F1", macro_f1(wanted, said), at_least=at_least),
        Figure("right", float(right.mean())),
        Figure("ECE", calibration_error(right, chances)),
    )
    bare = (Figure("majority", macro_f1(wanted, [most] * len(wanted))), Figure("bigrams", macro_f1(wanted, plain)))
    return Row("emotions (6)", on, len(asked), figures, bare)


def _reviews(split: str, reader: LocalEmotion) -> Row:
    learnt, asked = _rated("train"), _rated(split)
    trivial = LetterPairs([text for text, _ in learnt], [label for _, label in learnt])
    wanted = [label for _, label in asked]
    said = [PRAISE if reader.read(text).valence > 0 else BLAME for text, _ in asked]
    plain = [trivial.read(text) for text, _ in asked]
    bare = (
        Figure("majority", macro_f1(wanted, [commonest(wanted)] * len(wanted))),
        Figure("bigrams", macro_f1(wanted, plain)),
    )
    figures = (Figure("macro-F1", macro_f1(wanted, said), at_least=0.86),)
    return Row("reviews: praise or blame", f"messages {split}, review", len(asked), figures, bare)


def _rated(split: str) -> list[tuple[str, str]]:
    found = messages(split, "review")
    praised = [(row["text"], PRAISE) for row in found if row["emotion"] == "satisfied"]
    return praised + [(row["text"], BLAME) for row in found if row["emotion"] in BAD]
