"""Trains the same-question model, and measures it: `python -m training.duplicate [--data DIR] [--check]`."""

from __future__ import annotations

import argparse
import math
import os
from collections import Counter
from pathlib import Path

# Before numpy is loaded: several threads add up in another order and give other bytes.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1")

import numpy as np

from agents.duplicate import WEIGHTS, LocalDuplicate
from agents.duplicate_words import plain_words
from retrieval.models.folding import fold
from retrieval.static_encoder import StaticEncoder
from training.duplicate_check import report
from training.duplicate_pairs import practice_pairs
from training.sources import running_text
from training.weights_out import write_arrays


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of public sets; without it the corpus alone is learnt from")
    parser.add_argument(
        "--blind", action="store_true", help="leave the pairs written by hand out, measure, write nothing"
    )
    parser.add_argument("--witness", type=Path, help="folder of the encoder that `python -m training.witness` made")
    parser.add_argument("--check", action="store_true", help="measure the shipped weights, train nothing")
    given = parser.parse_args()
    encoder = StaticEncoder.shipped()
    if given.check:
        report(LocalDuplicate.shipped(), encoder)
        return
    witness = encoder if given.witness is None else StaticEncoder.read(given.witness, "witness")
    practice = practice_pairs(given.data, witness, written=not given.blind, witness=given.witness is not None)
    print(f"{len(practice)} pairs", dict(Counter(pair.source for pair in practice)), flush=True)
    from training.duplicate_fit import train  # noqa: PLC0415 - the check needs no scikit-learn

    arrays = train(practice, _rarity(given.data), witness)
    arrays["encoder"] = np.frombuffer(encoder.name.encode(), np.uint8)
    if not given.blind:
        write_arrays(WEIGHTS, arrays)
    report(LocalDuplicate.of(arrays, encoder), encoder)


def _rarity(data: Path | None) -> dict[str, float]:
    lines = running_text(data)
    counts = Counter(sign for line in lines for sign in set(plain_words(fold(line))))
    return {sign: math.log((1 + len(lines)) / (1 + count)) + 1 for sign, count in counts.items() if count >= 3}


if __name__ == "__main__":
    main()
