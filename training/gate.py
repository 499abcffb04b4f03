"""Trains the gate and writes `gate.npz`: `python -m training.gate --data DIR`; `--check` measures instead."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.gate import held_logit
from agents.gate_marks import LibraryMarks
from evals.models.labelled_room import labelled_room, room_base, weigh
from retrieval.models.logistic import Logistic, fit_logistic
from retrieval.models.ngram_features import Vocabulary, keys_of
from retrieval.models.text_heads import TextHead, TextReader, vocabulary_from_arrays, vocabulary_to_arrays
from retrieval.models.weights_folder import Arrays, read_arrays
from retrieval.models.word_model import Runs, WordModel, WordReader
from retrieval.offline import OfflineRetriever
from retrieval.static_encoder import StaticEncoder
from training.gate_check import check
from training.gate_rows import GateLine, everyday, gate_lines, shop_questions, talk
from training.heads import HeadRecipe, read, train_head
from training.sources import CORPUS, read_rows
from training.weights_out import write_arrays

#: What ships of talk: runs of one, two, three words that were met at least so often, by keys of so many bits.
FEWEST_MET = (2, 5, 12)
BITS = 24
#: N-grams in fewer lines are not learnt: the head stays small.
FEWEST_LINES = 8
SOUNDS = HeadRecipe("sounds", ("sounds",), 0.1, 1.0, exclusive=False)

Numbers = NDArray[np.float64]


def small(model: WordModel) -> WordModel:
    """The model without its rare runs, by short keys; where two runs get one key the more frequent one stays."""
    runs: list[Runs] = []
    for own, fewest in zip(model.runs, FEWEST_MET, strict=True):
        kept = np.flatnonzero(own.counts >= fewest)
        kept = kept[np.argsort(-own.counts[kept], kind="stable")]
        keys, first = np.unique(own.keys[kept] & np.uint64((1 << BITS) - 1), return_index=True)
        runs.append(Runs(keys, own.counts[kept][first], own.followers[kept][first]))
    whole = replace(model, runs=tuple(runs), bits=BITS)
    return WordModel.from_arrays(whole.to_arrays("talk"), "talk")


def train_sounds(lines: Sequence[GateLine], encoder: StaticEncoder) -> Arrays:
    """The head that hears whether a line is said to the company."""
    ordered = sorted(lines, key=attrgetter("author", "text"))
    keys = [keys_of(line.text) for line in ordered]
    vocabulary = Vocabulary.learn(keys, FEWEST_LINES)
    head = train_head(read(ordered, keys, vocabulary, encoder), SOUNDS)
    return {**vocabulary_to_arrays(vocabulary), **head.to_arrays("sounds")}


def search_and_sound(sounds: Callable[[str], float]) -> Logistic:
    """How what a small base holds and the sound of a line are weighed: questions to the shop, and everyday lines."""
    base = OfflineRetriever.from_rows(read_rows(CORPUS / "shop_faq" / "kb.jsonl"), StaticEncoder.shipped())
    rows = [(row["text"], float(row["answerable"])) for row in shop_questions("fit")]
    rows += [(text, 0.0) for text in everyday("fit")]
    marks = [[held_logit(base.find(text, k=1).covered), held_logit(sounds(text))] for text, _ in rows]
    return fit_logistic(np.array(marks), np.array([wanted for _, wanted in rows]), np.ones(len(rows)))


def main() -> None:
    """Reads the corpus and the public sets, trains for half a minute, writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of public sets: talk, a labelled room")
    parser.add_argument("--check", action="store_true", help="measure instead of writing")
    given = parser.parse_args()
    if given.check:
        check(given.data)
        return
    encoder = StaticEncoder.shipped()
    language = small(WordModel.learn(talk(given.data), WordReader()))
    arrays = {**train_sounds(gate_lines("train"), encoder), **language.to_arrays("talk")}
    if given.data is None:
        # Without the labelled room the weighing stays what it was.
        arrays["weighing"] = read_arrays("gate.npz")["weighing"]
    else:
        rows, base = labelled_room(given.data), LibraryMarks.learn(room_base(given.data), language)
        marks = np.stack([base.of(row["text"]) for row in rows])
        arrays["weighing"] = weigh(marks, np.array([float(row["answerable"]) for row in rows])).slopes
    head, reader = TextHead.from_arrays(arrays, "sounds"), TextReader(vocabulary_from_arrays(arrays), encoder)
    arrays["searching"] = search_and_sound(lambda text: head.chances(reader.read(text))["sounds"]).slopes
    write_arrays("gate.npz", arrays)
    print(f"wrote gate.npz: {len(arrays['keys'])} n-grams", flush=True)


if __name__ == "__main__":
    main()
