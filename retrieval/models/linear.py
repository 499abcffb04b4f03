"""Linear models over sparse n-gram rows: trained in a second, read in tens of microseconds, kept as arrays.

One model says either which one of its labels holds (softmax) or, for each label by itself, whether it holds (sigmoid).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.models.ngram_features import Keys, SparseRows, Vocabulary, keys_of

Matrix = NDArray[np.float32]
#: From here on a set counts as large.
MANY_ROWS = 3000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained.

    `rate` is the first step length; `folds` how often rows are held out to calibrate; `fewest` the rows a key must be
    in; `favour` how much more a missed label costs than a false one (sigmoid models, whose labels are rare).
    """

    exclusive: bool = True
    epochs: int = 12
    rate: float = 3.0
    fewest: int = 1
    folds: int = 4
    favour: float = 1.0
    seed: int = 7

    def sized(self, rows: int) -> Recipe:
        """The recipe for a number of rows: large sets need fewer rounds, one fold and no keys seen once."""
        if rows <= MANY_ROWS:
            return self
        epochs = max(4, min(self.epochs, 40_000 // rows))
        return replace(self, epochs=epochs, fewest=max(2, self.fewest), folds=min(1, self.folds))


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """A trained model. `weights` is keys × labels; logits are divided by `temperature` before they become chances."""

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    weights: Matrix
    biases: Matrix
    temperature: float = 1.0
    exclusive: bool = True

    def logits(self, keys: Keys) -> Matrix:
        """One uncalibrated score per label."""
        columns, values = self.vocabulary.row(keys)
        scores: Matrix = values @ self.weights[columns] + self.biases
        return scores

    def chances(self, keys: Keys) -> NDArray[np.float64]:
        """One calibrated chance (0–1) per label; they add up to 1 where labels exclude each other."""
        return chances_of(self.logits(keys), self.temperature, self.exclusive)

    def read(self, text: str) -> dict[str, float]:
        """The chance of each label for a text."""
        return dict(zip(self.labels, self.chances(keys_of(text)).tolist(), strict=True))

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The model as arrays for `numpy.savez`, each key beginning with `name`."""
        return {
            f"{name}.labels": np.array(self.labels, dtype=np.str_),
            f"{name}.keys": self.vocabulary.keys,
            f"{name}.rarity": self.vocabulary.weights,
            f"{name}.weights": self.weights,
            f"{name}.biases": self.biases,
            f"{name}.tail": np.array([self.temperature, float(self.exclusive)]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> LinearModel:
        """The model that `to_arrays` wrote. Raises KeyError when there is none of that name."""
        temperature, exclusive = arrays[f"{name}.tail"].tolist()
        return cls(
            tuple(str(label) for label in arrays[f"{name}.labels"]),
            Vocabulary(arrays[f"{name}.keys"], arrays[f"{name}.rarity"]),
            arrays[f"{name}.weights"],
            arrays[f"{name}.biases"],
            temperature,
            bool(exclusive),
        )


def chances_of(logits: NDArray[Any], temperature: float, exclusive: bool) -> NDArray[np.float64]:
    """Logits (…, labels) as chances."""
    scaled = np.asarray(logits, np.float64) / temperature
    if not exclusive:
        return 1.0 / (1.0 + np.exp(-np.clip(scaled, -40, 40)))
    odds = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = odds / odds.sum(axis=-1, keepdims=True)
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Rows scored by models that had not seen them: their numbers and their logits. Empty for fewer than eight rows."""

    rows: NDArray[np.int64]
    logits: Matrix


def train(keys: Sequence[Keys], targets: Matrix, labels: Sequence[str], recipe: Recipe | None = None) -> LinearModel:
    """A calibrated model of rows of keys and their targets (rows × labels, 0–1). Same input, same model.

    In a model whose labels do not exclude each other a target may be unknown (NaN): nothing is learnt from it.
    """
    return train_and_hold_out(keys, targets, labels, recipe)[0]


def train_and_hold_out(
    keys: Sequence[Keys], targets: Matrix, labels: Sequence[str], recipe: Recipe | None = None
) -> tuple[LinearModel, HeldOut]:
    """`train`, and the held-out logits that its temperature was fitted on."""
    recipe = (recipe or Recipe()).sized(len(keys))
    vocabulary = Vocabulary.learn(keys, recipe.fewest)
    weights, biases = _descend(vocabulary.rows(keys), len(vocabulary.keys), targets, recipe)
    held = hold_out(keys, targets, recipe)
    temperature = fit_temperature(held.logits, targets[held.rows], recipe.exclusive) if len(held.rows) else 1.0
    return LinearModel(tuple(labels), vocabulary, weights, biases, temperature, recipe.exclusive), held


def one_hot(labels: Sequence[str], order: Sequence[str]) -> Matrix:
    """Targets for rows with one label each."""
    places = {label: place for place, label in enumerate(order)}
    targets: Matrix = np.zeros((len(labels), len(order)), np.float32)
    targets[np.arange(len(labels)), [places[label] for label in labels]] = 1.0
    return targets


def hold_out(keys: Sequence[Keys], targets: Matrix, recipe: Recipe) -> HeldOut:
    """Each row (or a share of many) scored by a model trained without it."""
    seen: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    logits: list[Matrix] = [np.empty((0, targets.shape[1]), np.float32)]
    for inside, outside in _folds(len(keys), recipe):
        vocabulary = Vocabulary.learn([keys[i] for i in inside], recipe.fewest)
        rows = vocabulary.rows([keys[i] for i in inside])
        weights, biases = _descend(rows, len(vocabulary.keys), targets[inside], recipe)
        tests = vocabulary.rows([keys[i] for i in outside])
        logits.append(np.stack([_score(tests, i, weights, biases) for i in range(len(tests))]))
        seen.append(outside)
    return HeldOut(np.concatenate(seen), np.concatenate(logits))


def fit_temperature(logits: NDArray[Any], targets: Matrix, exclusive: bool) -> float:
    """The temperature (0.1–10) that makes held-out targets likeliest."""
    grid = np.geomspace(0.1, 10.0, 61)
    return float(min(grid, key=lambda temperature: _surprise(logits, targets, float(temperature), exclusive)))


def _surprise(logits: NDArray[Any], targets: Matrix, temperature: float, exclusive: bool) -> float:
    chances = np.clip(chances_of(logits, temperature, exclusive), 1e-9, 1 - 1e-9)
    gain = targets * np.log(chances)
    if not exclusive:
        gain = gain + (1 - targets) * np.log(1 - chances)
    return float(-np.nansum(gain) / max(1, len(targets)))


def _folds(count: int, recipe: Recipe) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    if count < 8 or recipe.folds < 1:
        return
    order = np.random.default_rng(recipe.seed).permutation(count)
    parts = np.array_split(order, recipe.folds if recipe.folds > 1 else 8)
    for turn in range(recipe.folds):
        yield np.sort(np.concatenate(parts[:turn] + parts[turn + 1 :])), np.sort(parts[turn])


def _descend(rows: SparseRows, width: int, targets: Matrix, recipe: Recipe) -> tuple[Matrix, Matrix]:
    """Stochastic gradient descent, one row a step, steps shrinking to zero; few rounds take the place of a penalty."""
    weights: Matrix = np.zeros((width, targets.shape[1]), np.float32)
    biases: Matrix = np.zeros(targets.shape[1], np.float32)
    unknown = np.isnan(targets)
    targets = np.where(unknown, np.float32(0.5), targets)
    costs = np.where(unknown, np.float32(0), 1 + np.float32(recipe.favour - 1) * targets)
    shuffle = np.random.default_rng(recipe.seed)
    for epoch in range(recipe.epochs):
        step = np.float32(recipe.rate * (1 - epoch / recipe.epochs))
        for index in shuffle.permutation(len(rows)):
            columns, values = rows.row(index)
            held = weights[columns]
            logits = values @ held + biases
            if recipe.exclusive:
                odds = np.exp(logits - logits.max())
                error = odds / odds.sum() - targets[index]
            else:
                error = (1 / (1 + np.exp(-np.clip(logits, -30, 30))) - targets[index]) * costs[index]
            weights[columns] = held - (step * values)[:, None] * error
            biases -= np.float32(0.1) * step * error
    return weights, biases


def _score(rows: SparseRows, index: int, weights: Matrix, biases: Matrix) -> Matrix:
    columns, values = rows.row(index)
    scores: Matrix = values @ weights[columns] + biases
    return scores
