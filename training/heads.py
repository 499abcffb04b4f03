"""Trains the heads (intent, mood, its strength, the flags) and writes them: `python -m training.heads --data DIR`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from conversation.findings import EmotionLabel, Intent
from retrieval.models.linear import fit_temperature, one_hot
from retrieval.models.ngram_features import Keys, Vocabulary, keys_of
from retrieval.models.text_heads import TextHead, vocabulary_to_arrays
from retrieval.static_encoder import StaticEncoder
from training.head_rows import Example, abuse_rows, attack_rows, desk_rows
from training.weights_out import write_arrays

FOLDS = 5
#: An n-gram must be met in so many lines of the desk, or of desk and forum together.
FEWEST, FEWEST_FORUM = 2, 6
#: Where the best label is right less often than this, a head would rather not say: those texts may call a model. Of a
#: flag one side is always likelier than not.
WORTH_SAYING = 0.5
WORTH_SAYING_FLAG = 0.75
Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class HeadRecipe:
    """How a head is trained: `loose` is the inverse of the penalty, `meaning` how much the encoder's vector counts.

    `telling` is how far the weight of an n-gram follows what it tells of a label (0–1). `prior` calibrates as if the
    label held for that share of texts: for what is rarer in the corpus than where it is looked for.
    """

    field: str
    labels: tuple[str, ...]
    loose: float
    meaning: float
    exclusive: bool = True
    telling: float = 0.4
    prior: float | None = None


#: Measured on the dev authors; flat around these values.
INTENT = HeadRecipe("intent", tuple(Intent), 1.0, 0.5)
MOOD = HeadRecipe("emotion", tuple(EmotionLabel), 0.3, 0.25)
STRENGTH = HeadRecipe("intensity", ("0", "1", "2", "3"), 0.3, 0.25)
FLAGS = (
    HeadRecipe("wants_human", ("wants_human",), 0.3, 0.25, exclusive=False, telling=0),
    HeadRecipe("urgent", ("urgent",), 0.3, 0.25, exclusive=False, telling=0),
    HeadRecipe("injection", ("injection",), 1.0, 0.1, exclusive=False, telling=0, prior=0.15),
)
ABUSE = HeadRecipe("offensive", ("offensive",), 1.0, 0.4, exclusive=False, prior=0.4)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Examples as the heads see them."""

    examples: Sequence[Example]
    words: sparse.csr_matrix
    meanings: Numbers


def read(examples: Sequence[Example], keys: Sequence[Keys], vocabulary: Vocabulary, encoder: StaticEncoder) -> Read:
    """N-grams and meanings of all examples."""
    rows = vocabulary.rows(keys)
    shape = (len(rows), len(vocabulary.keys))
    words = sparse.csr_matrix((rows.values, rows.columns, rows.starts), shape=shape)
    return Read(examples, words, encoder.embed([one.text for one in examples]))


def train_head(seen: Read, recipe: HeadRecipe) -> TextHead:
    """A head trained on the examples that know its label, calibrated on authors that were held out."""
    known = np.array([place for place, one in enumerate(seen.examples) if getattr(one, recipe.field) is not None])
    labels = np.array([str(getattr(seen.examples[place], recipe.field)) for place in known])
    features = sparse.hstack([seen.words[known], sparse.csr_matrix(seen.meanings[known] * recipe.meaning)]).tocsr()
    authors = [seen.examples[place].author for place in known]
    worth = np.array([seen.examples[place].weight for place in known])
    split = seen.words.shape[1]
    held = _held_out(features, labels, worth, authors, recipe, split)
    slopes, offsets, unsure = _calibrated(held, labels, worth, recipe)
    weights = _weights(features, labels, worth, recipe, split)
    scales = np.maximum(np.abs(weights[:split]).max(axis=0), 1e-9) / 127
    words = np.rint(weights[:split] / scales).astype(np.int8)
    # The faintest step tells nothing, and without it the file packs to less.
    words[np.abs(words) == 1] = 0
    meanings = (weights[split:-1] * recipe.meaning).astype(np.float32)
    offsets = offsets + slopes * weights[-1]
    return TextHead(
        recipe.labels,
        words,
        scales.astype(np.float32),
        meanings,
        slopes.astype(np.float32),
        offsets.astype(np.float32),
        recipe.exclusive,
        unsure,
    )


def _weights(seen: sparse.csr_matrix, labels: Numbers, worth: Numbers, recipe: HeadRecipe, words: int) -> Numbers:
    """Features and a last row of intercepts × labels: one machine a label, which stretches its `words`."""
    columns = []
    for label in recipe.labels if recipe.exclusive else ("1",):
        holds = labels == label
        stretch = np.ones(seen.shape[1])
        stretch[:words] = _telling(seen[:, :words], holds, recipe.telling)
        machine = LinearSVC(C=recipe.loose, class_weight=None if recipe.exclusive else "balanced", random_state=0)
        machine.fit(seen @ sparse.diags(stretch), holds, sample_weight=worth)
        columns.append(np.append(machine.coef_[0] * stretch, machine.intercept_))
    return np.stack(columns, axis=1)


def _telling(words: sparse.csr_matrix, holds: Numbers, share: float) -> Numbers:
    """How much each n-gram tells of a label, 1 on average, by how often it comes with and without it.

    After Wang and Manning 2012, "Baselines and Bigrams"; only in part, since their whole ratio overrules the machine.
    """
    met = words.sign()
    with_it, without = (1.0 + np.asarray(met[chosen].sum(axis=0)).ravel() for chosen in (holds, ~holds))
    ratio = np.abs(np.log(with_it / with_it.sum()) - np.log(without / without.sum()))
    stretch: Numbers = 1 - share + share * ratio / ratio.mean()
    return stretch


def _held_out(
    features: sparse.csr_matrix, labels: Numbers, worth: Numbers, authors: Sequence[str], recipe: HeadRecipe, words: int
) -> Numbers:
    """The scores of each example by a head that saw nothing of its author."""
    scores = np.zeros((len(labels), len(recipe.labels)))
    for inside, outside in GroupKFold(FOLDS).split(features, labels, authors):
        weights = _weights(features[inside], labels[inside], worth[inside], recipe, words)
        scores[outside] = features[outside] @ weights[:-1] + weights[-1]
    return scores


def _calibrated(held: Numbers, labels: Numbers, worth: Numbers, recipe: HeadRecipe) -> tuple[Numbers, Numbers, float]:
    """Slopes and offsets that make chances of held-out scores, and the chance below which to be silent."""
    if not recipe.exclusive:
        holds = labels == "1"
        counts = worth
        if recipe.prior is not None:
            shares = np.where(holds, recipe.prior / worth[holds].sum(), (1 - recipe.prior) / worth[~holds].sum())
            counts = worth * shares * len(held)
        platt = LogisticRegression(C=1e6).fit(held, holds.astype(int), sample_weight=counts)
        chance = platt.predict_proba(held)[:, 1]
        right = (chance > 0.5) == holds
        return platt.coef_[0], platt.intercept_, _unsure(np.maximum(chance, 1 - chance), right, WORTH_SAYING_FLAG)
    temperature = fit_temperature(held, one_hot(labels.tolist(), recipe.labels), exclusive=True)
    powers = np.exp(held / temperature)
    chances = powers / powers.sum(axis=1, keepdims=True)
    right = np.array(recipe.labels)[chances.argmax(axis=1)] == labels
    alike = np.ones(len(recipe.labels))
    return alike / temperature, alike * 0, _unsure(chances.max(axis=1), right, WORTH_SAYING)


def _unsure(best: Numbers, right: Numbers, worth: float) -> float:
    """The highest chance (in steps of 0.05) around which fewer than `worth` of the best labels were right."""
    for limit in np.arange(0.95, 0.0, -0.05):
        near = (best >= limit - 0.05) & (best < limit)
        if near.sum() >= 20 and right[near].mean() < worth:
            return float(round(limit, 2))
    return 0.0


def train_all(examples: Sequence[Example], abuse: Sequence[Example], encoder: StaticEncoder) -> dict[str, Numbers]:
    """The arrays of all heads: those of the desk share a vocabulary, the offensive one has its own."""
    keys = [keys_of(one.text) for one in examples]
    vocabulary = Vocabulary.learn(keys, FEWEST)
    seen = read(examples, keys, vocabulary, encoder)
    arrays = {f"desk.{key}": array for key, array in vocabulary_to_arrays(vocabulary).items()}
    for recipe in (INTENT, MOOD, STRENGTH, *FLAGS):
        arrays |= train_head(seen, recipe).to_arrays(recipe.field)
    all_lines = [*examples, *abuse]
    keys += [keys_of(one.text) for one in abuse]
    vocabulary = Vocabulary.learn(keys, FEWEST_FORUM if abuse else FEWEST)
    arrays |= {f"abuse.{key}": array for key, array in vocabulary_to_arrays(vocabulary).items()}
    arrays |= train_head(read(all_lines, keys, vocabulary, encoder), ABUSE).to_arrays(ABUSE.field)
    return arrays


def main() -> None:
    """Reads the corpus (and the public sets where given), trains for a minute or two, writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of public sets, for the offensive head")
    data: Path | None = parser.parse_args().data
    examples = sorted([*desk_rows("train"), *attack_rows(data)], key=attrgetter("author", "text"))
    write_arrays("heads.npz", train_all(examples, abuse_rows(data), StaticEncoder.shipped()))
    print(f"wrote heads.npz from {len(examples)} lines", flush=True)


if __name__ == "__main__":
    main()
