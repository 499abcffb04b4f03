"""Measures the same-question model on pairs that it was not trained on, beside likeness by letters and by meaning."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.duplicate import LocalDuplicate
from evals.models.arithmetic import area, calibration_error
from evals.models.surface import letters_shared
from retrieval.static_encoder import StaticEncoder
from training.duplicate_pairs import LabelledPair, group_pairs, similar_pairs, written_pairs
from training.sources import corpus

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    pairs: Sequence[LabelledPair]


def _sets(encoder: StaticEncoder) -> list[_Set]:
    sets = []
    written = written_pairs("dev")
    for trade in ("everyday", "bank"):
        own = [pair for pair in written if pair.source.startswith(trade)]
        plain = [pair for pair in own if pair.source.endswith("plain")]
        near = [pair for pair in own if pair.source.endswith("near")]
        # Those of many shared words against each other, and those of few.
        alike = [pair for pair in plain if pair.same] + [pair for pair in near if not pair.same]
        unlike = [pair for pair in near if pair.same] + [pair for pair in plain if not pair.same]
        parts = {"mixed": own, "plain": plain, "misleading": near, "alike": alike, "unlike": unlike}
        sets += [_Set(f"{trade}, {name}", pairs) for name, pairs in parts.items()]
    groups = group_pairs(corpus("groups", "dev"), encoder, random.Random(3))
    for kind in ("hard", "near"):
        chosen = [pair for pair in groups if pair.source in {"group-same", f"group-{kind}"}]
        sets.append(_Set(f"groups, {kind} others", chosen))
    return [*sets, _Set("similar.jsonl", similar_pairs())]


def report(model: LocalDuplicate, encoder: StaticEncoder) -> None:
    """Prints a Markdown table: AUC of the model and of two baselines, calibration error, accuracy at one half."""
    print("| set | pairs | AUC | letters shared | cosine | ECE | right at 0.5 |\n|---|---:|---:|---:|---:|---:|---:|")
    for one in _sets(encoder):
        same = np.array([float(pair.same) for pair in one.pairs])
        weights = np.array([pair.weight for pair in one.pairs])
        chances = np.array([model.chance(pair.a, pair.b) for pair in one.pairs])
        letters = np.array([letters_shared(pair.a, pair.b) for pair in one.pairs])
        vectors = (encoder.embed([pair.a for pair in one.pairs]), encoder.embed([pair.b for pair in one.pairs]))
        cosine = (vectors[0] * vectors[1]).sum(axis=1).astype(np.float64)
        areas = " | ".join(f"{area(same, scores, weights):.3f}" for scores in (chances, letters, cosine))
        right = float((weights * ((chances >= 0.5) == same)).sum() / weights.sum())
        print(f"| {one.name} | {len(same)} | {areas} | {calibration_error(same, chances, weights):.3f} | {right:.3f} |")
