"""Fits the same-question model: weights of signs, slopes and trees over the marks of a pair, and how sure they are."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from agents.duplicate import DEPTH, Trees, signs_of
from agents.duplicate_features import LONGEST, Asked, asked
from agents.duplicate_marks import WIDTH, Numbers, Scale, compare
from retrieval.models.folding import fold
from retrieval.models.logistic import Logistic, fit_logistic
from retrieval.models.weights_folder import Arrays
from retrieval.static_encoder import StaticEncoder
from training.duplicate_pairs import LabelledPair

#: Each part is judged by a model that has not seen it: what a sign weighs, and how sure the whole is.
FOLDS = 4
RIDGE = 30.0
TREES, RATE, LEAST_IN_LEAF, TREE_RIDGE, MARKS_TRIED = 160, 0.07, 80, 20.0, 0.3
#: A sign in fewer pairs than this has no weight of its own.
RAREST_SIGN = 4

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """Pairs with their signs, answers and weights."""

    pairs: Sequence[tuple[Asked, Asked]]
    same: Table
    weights: Table
    folds: NDArray[np.int64]
    unmet: NDArray[np.bool_]


def train(practice: Sequence[LabelledPair], rarity: Mapping[str, float], encoder: StaticEncoder) -> Arrays:
    """The arrays of the model."""
    lesson = _lesson(practice, encoder)
    signs = sorted(rarity)
    slots = {sign: place for place, sign in enumerate(signs)}
    cross = [_sign_weights(lesson, slots, lesson.folds != part) for part in range(FOLDS)]
    marks = np.empty((len(lesson.pairs), WIDTH), np.float32)
    for part, learnt in enumerate(cross):
        own = np.flatnonzero(lesson.folds == part)
        marks[own] = _marks([lesson.pairs[i] for i in own.tolist()], _arrays(rarity, signs, learnt), encoder)
    logits = np.zeros((len(lesson.pairs), 2))
    for part in range(FOLDS):
        seen, own = (lesson.folds != part) & lesson.unmet, lesson.folds == part
        logits[own] = _both_logits(marks[own], *_fit(marks[seen], lesson.same[seen], lesson.weights[seen]))
    unmet = lesson.unmet
    slopes, trees = _fit(marks[unmet], lesson.same[unmet], lesson.weights[unmet])
    fair = _fair([pair for pair in practice if not pair.met])
    mixed = fit_logistic(logits[unmet].mean(axis=1, keepdims=True), lesson.same[unmet], fair, 1e-3).slopes
    kept = _arrays(rarity, signs, _sign_weights(lesson, slots, np.ones(len(lesson.pairs), bool)))
    blend = np.array([mixed[0] / 2, mixed[0] / 2, mixed[1]])
    forest: Arrays = {
        "tree_marks": trees.marks.astype(np.uint8),
        "tree_limits": trees.limits,
        "tree_leaves": trees.leaves,
    }
    return {**kept, **forest, "slopes": slopes, "blend": blend}


def _lesson(practice: Sequence[LabelledPair], encoder: StaticEncoder) -> _Lesson:
    texts = sorted({text for pair in practice for text in (pair.a, pair.b)})
    pieces = encoder.pieces([fold(text)[:LONGEST] for text in texts])
    read = {text: asked(text, own) for text, own in zip(texts, pieces, strict=True)}
    return _Lesson(
        [(read[pair.a], read[pair.b]) for pair in practice],
        np.array([float(pair.same) for pair in practice]),
        np.array([pair.weight for pair in practice]),
        np.array([zlib.crc32(pair.kin.encode()[::-1]) % FOLDS for pair in practice]),
        np.array([not pair.met for pair in practice]),
    )


def _fair(practice: Sequence[LabelledPair]) -> Table:
    """The weights for calibration: written pairs and groups count alike, as do same and different in each."""
    kinds = [(pair.source.split("-")[0] == "group", pair.same) for pair in practice]
    counted = [0.0 if pair.source in {"talk", "health"} else pair.weight for pair in practice]
    sums = {kind: sum(w for w, one in zip(counted, kinds, strict=True) if one == kind) for kind in set(kinds)}
    return np.array([1000 * weight / max(sums[kind], 1e-9) for weight, kind in zip(counted, kinds, strict=True)])


def _arrays(rarity: Mapping[str, float], signs: Sequence[str], learnt: tuple[Numbers, Numbers]) -> Arrays:
    codes = np.array([ord(sign) for sign in signs], np.uint32)
    rare = np.array([rarity[sign] for sign in signs], np.float16)
    return {"signs": codes, "rarity": rare, "odd": learnt[0], "shared": learnt[1]}


def _sign_weights(lesson: _Lesson, slots: Mapping[str, int], chosen: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """What a sign tells when one side lacks it, and when both have it: a sparse logistic model on `chosen` pairs."""
    size, cells = len(slots), []
    own = np.flatnonzero(chosen)
    for row, number in enumerate(own.tolist()):
        a, b = (one.word_grams[0] for one in lesson.pairs[number])
        cells += [(row, slots[sign], 1.0) for sign in sorted(a ^ b) if sign in slots]
        cells += [(row, size + slots[sign], 0.5) for sign in sorted(a & b) if sign in slots]
        few, many = sorted((len(a - b), len(b - a)))
        cells += [(row, 2 * size, few / 4), (row, 2 * size + 1, many / 4), (row, 2 * size + 2, len(a & b) / 4)]
    rows, columns, values = (np.array(column) for column in zip(*cells, strict=True))
    table: Any = coo_matrix((values, (rows, columns)), shape=(len(own), 2 * size + 3)).tocsr()
    model = LogisticRegression(C=0.3, solver="liblinear", max_iter=300, random_state=0)
    model.fit(table, lesson.same[own], sample_weight=lesson.weights[own])
    met = np.asarray((table != 0).sum(axis=0)).ravel()[: 2 * size] >= RAREST_SIGN
    found = np.where(met, model.coef_[0][: 2 * size], 0.0)
    return found[:size].astype(np.float16), (found[size:] / 2).astype(np.float16)


def _marks(pairs: Sequence[tuple[Asked, Asked]], arrays: Arrays, encoder: StaticEncoder) -> Numbers:
    scale = Scale(encoder, signs_of(arrays))
    return np.stack([compare(a, b, scale) for a, b in pairs])


def _fit(marks: Numbers, same: Table, weights: Table) -> tuple[Table, Trees]:
    slopes = fit_logistic(marks.astype(np.float64), same, weights, RIDGE).slopes
    model = HistGradientBoostingClassifier(
        **{"max_depth": DEPTH, "max_iter": TREES, "learning_rate": RATE, "l2_regularization": TREE_RIDGE},
        **{"min_samples_leaf": LEAST_IN_LEAF, "max_features": MARKS_TRIED, "early_stopping": False, "random_state": 0},
    )
    model.fit(marks, same, sample_weight=weights)
    return slopes, _full_trees([one[0].nodes for one in model._predictors], float(model._baseline_prediction.item()))


def _full_trees(grown: Sequence[NDArray[Any]], start: float) -> Trees:
    """Trees of any shape as full ones: a leaf that came early stands below all questions that were not asked."""
    inner, leaves = 2**DEPTH - 1, 2**DEPTH
    trees = Trees(
        np.zeros((len(grown), inner), np.intp),
        np.full((len(grown), inner), np.inf, np.float32),
        np.zeros((len(grown), leaves), np.float32),
    )
    for number, nodes in enumerate(grown):
        stack = [(0, 0)]
        while stack:
            place, at = stack.pop()
            node = nodes[at]
            if place >= inner:
                trees.leaves[number, place - inner] = node["value"]
                continue
            if not node["is_leaf"]:
                trees.marks[number, place] = node["feature_idx"]
                trees.limits[number, place] = np.float32(node["num_threshold"])
            stack += [(2 * place + 1, int(node["left"]) if not node["is_leaf"] else at)]
            stack += [(2 * place + 2, int(node["right"]) if not node["is_leaf"] else at)]
    trees.leaves[0] += np.float32(start)
    return trees


def _both_logits(marks: Numbers, slopes: Table, trees: Trees) -> Table:
    return np.stack([Logistic(slopes).logits(marks.astype(np.float64)), [trees.logit(row) for row in marks]], axis=1)
