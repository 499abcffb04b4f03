"""Says whether two customers ask the same thing, so that one answer serves both; used by the topic board and evals.

A logistic model over likeness, ideas, sides and numbers of two questions, trained in a second from labelled pairs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents import duplicate_features, duplicate_practice
from agents.classifier import ReadsIntent
from agents.duplicate_features import WIDTH, Asked, asked, compare
from agents.duplicate_practice import PracticePair, practice_pairs
from retrieval.models.folding import fold
from retrieval.models.logistic import Logistic, fit_logistic
from retrieval.models.model_cache import Arrays, trained
from retrieval.models.ngram_features import Vocabulary, keys_of

EXAMPLES = Path(__file__).with_name("examples")
RIDGE = 3.0


class LocalDuplicate:
    """Reads pairs of questions. `intents` tells what each is about; it must be the one the model was trained with."""

    def __init__(self, intents: ReadsIntent, vocabulary: Vocabulary, model: Logistic) -> None:
        self._intents = intents
        self._vocabulary = vocabulary
        self._model = model

    @classmethod
    def shipped(cls, intents: ReadsIntent, cache_dir: Path | None = None) -> LocalDuplicate:
        """The built-in model. The first call trains; `cache_dir` keeps the result."""
        pairs, topics = ((EXAMPLES / name).read_bytes() for name in ("similar.jsonl", "intents.jsonl"))
        modules = (__file__, duplicate_features.__file__, duplicate_practice.__file__)
        code = b"".join(Path(module).read_bytes() for module in modules)
        arrays = trained("duplicate", pairs + topics + code, lambda: _train(pairs, topics, intents), cache_dir)
        return cls(intents, Vocabulary(arrays["keys"], arrays["rarity"]), Logistic(arrays["slopes"]))

    def asked(self, text: str) -> Asked:
        """A question read once, for many comparisons."""
        return asked(text, self._intents.scores(text))

    def chance(self, a: str, b: str) -> float:
        """The chance (0–1) that one answer serves both texts; 0 when either says nothing."""
        return self.chance_of(self.asked(a), self.asked(b)) if fold(a) and fold(b) else 0.0

    def chance_of(self, a: Asked, b: Asked) -> float:
        """`chance` for questions already read."""
        return float(self._model.chances(compare(a, b, self._vocabulary)[None, :])[0])


def _train(pairs: bytes, topics: bytes, intents: ReadsIntent) -> Arrays:
    by_label: dict[str, list[str]] = {}
    for row in map(json.loads, topics.decode().splitlines()):
        by_label.setdefault(row["label"], []).append(row["text"])
    rows = [json.loads(line) for line in pairs.decode().splitlines()]
    practice = practice_pairs([PracticePair(row["a"], row["b"], bool(row["same"])) for row in rows], by_label)
    texts = [text for pair in practice for text in (pair.a, pair.b)]
    read = {text: asked(text, intents.scores(text)) for text in texts}
    vocabulary = Vocabulary.learn([keys_of(text) for text in dict.fromkeys(texts)])
    return {"keys": vocabulary.keys, "rarity": vocabulary.weights, "slopes": _slopes(practice, read, vocabulary)}


def _slopes(practice: Sequence[PracticePair], read: Mapping[str, Asked], vocabulary: Vocabulary) -> NDArray[np.float64]:
    marks = np.zeros((len(practice), WIDTH))
    for row, pair in zip(marks, practice, strict=True):
        row[:] = compare(read[pair.a], read[pair.b], vocabulary)
    same = np.array([float(pair.same) for pair in practice])
    return fit_logistic(marks, same, np.array([pair.weight for pair in practice]), RIDGE).slopes
