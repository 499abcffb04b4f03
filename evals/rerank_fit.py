"""Trains the second ranking: of a question's candidates the right one shall stand first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from retrieval.reranking import Reranker, prepared

Numbers = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Layers = dict[str, Numbers]

HIDDEN = 12
ROUNDS = 16
BATCH = 64
RATE = 0.01
DECAY = 3e-3
#: Of Adam's two averages how much stays at each step.
STAYS, STAYS_SQUARED = 0.9, 0.999


@dataclass(frozen=True, slots=True)
class Lesson:
    """The candidates of one question: features, which are right, which have a question. `weight` is what it counts."""

    rows: Numbers
    right: Flags
    has_question: Flags
    weight: float = 1.0


def train_reranker(lessons: Sequence[Lesson], seed: int = 1) -> Reranker:
    """A reranker from all lessons whose right entry is among the candidates. The same lessons give the same one."""
    taught = [lesson for lesson in lessons if lesson.right.any() and not lesson.right.all()]
    every = np.concatenate([lesson.rows for lesson in taught])
    middle, spread = every.mean(axis=0), every.std(axis=0) + 1e-3
    dice = np.random.default_rng(seed)
    width = 2 * every.shape[1]
    layers: Layers = {
        "direct": np.full((width, 2), 0.05, np.float32),
        "inward": dice.normal(0, (1 / width) ** 0.5, (width + 1, HIDDEN)).astype(np.float32),
        "inward_bias": np.zeros(HIDDEN, np.float32),
        "outward": np.zeros(HIDDEN, np.float32),
    }
    _learn(layers, taught, [prepared(lesson.rows, middle, spread) for lesson in taught], dice)
    return Reranker(middle.astype(np.float32), spread.astype(np.float32), **layers)


def _learn(layers: Layers, taught: Sequence[Lesson], inputs: Sequence[Numbers], dice: np.random.Generator) -> None:
    first = {name: np.zeros_like(layer) for name, layer in layers.items()}
    second = {name: np.zeros_like(layer) for name, layer in layers.items()}
    steps = ROUNDS * (len(taught) // BATCH + 1)
    step = 0
    for _ in range(ROUNDS):
        order = dice.permutation(len(taught))
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            slopes = _slopes(layers, [taught[at] for at in part], [inputs[at] for at in part])
            step += 1
            rate = RATE * (1 - step / (steps + 1))
            for name, bare_slope in slopes.items():
                slope = bare_slope + DECAY * layers[name]
                first[name] = (STAYS * first[name] + (1 - STAYS) * slope).astype(np.float32)
                second[name] = (STAYS_SQUARED * second[name] + (1 - STAYS_SQUARED) * slope**2).astype(np.float32)
                along = first[name] / (1 - STAYS**step)
                size = np.sqrt(second[name] / (1 - STAYS_SQUARED**step)) + 1e-8
                layers[name] -= (rate * along / size).astype(np.float32)


def _slopes(layers: Layers, lessons: Sequence[Lesson], inputs: Sequence[Numbers]) -> Layers:
    """The slopes of the mean surprise at the right entry, candidates of a question against each other."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in inputs])[:-1]])
    sizes = [len(one) for one in inputs]
    flat = np.concatenate(inputs)
    right = np.concatenate([lesson.right for lesson in lessons])
    has = np.concatenate([lesson.has_question for lesson in lessons])
    with_has = np.hstack([flat, has[:, None].astype(np.float32)])
    hidden = np.tanh(with_has @ layers["inward"] + layers["inward_bias"])
    sums = flat @ layers["direct"]
    scores = np.where(has, sums[:, 0], sums[:, 1]) + hidden @ layers["outward"]
    raised = np.exp(scores - np.repeat(np.maximum.reduceat(scores, starts), sizes))
    chances = raised / np.repeat(np.add.reduceat(raised, starts), sizes)
    truth = chances * right
    truth /= np.repeat(np.maximum(np.add.reduceat(truth, starts), 1e-9), sizes)
    weights = np.array([lesson.weight for lesson in lessons])
    error = ((chances - truth) * np.repeat(weights / weights.sum(), sizes)).astype(np.float32)
    back = (error[:, None] * layers["outward"]) * (1 - hidden**2)
    return {
        "direct": np.stack([flat.T @ (error * has), flat.T @ (error * ~has)], axis=1),
        "inward": with_has.T @ back,
        "inward_bias": back.sum(axis=0),
        "outward": hidden.T @ error,
    }


def arrays_of(reranker: Reranker) -> dict[str, Numbers]:
    """The arrays to keep."""
    return {field.name: getattr(reranker, field.name) for field in fields(reranker)}
