"""Trains the sentence encoder, writes it as a sentence-transformers model: `python -m training.encoder --data DIR`."""

from __future__ import annotations

import argparse
import json
import os
import random
from pathlib import Path

# Before torch and tokenizers are loaded: several threads add up in another order and give other bytes.
os.environ.update(OMP_NUM_THREADS="1", RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")

import numpy as np
import torch

from retrieval.models.folding import fold
from training.contrast import ContrastRecipe, contrast
from training.pairs import training_pairs
from training.pieces import learn_company, learn_pieces
from training.sources import running_text
from training.weights_out import write_safetensors, write_text

FOLDER = "encoder"
_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]


def main() -> None:
    """Reads the corpus and the public sets, trains on one core for some minutes, writes the folder and the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of public sets; without it the corpus alone is learnt from")
    data: Path | None = parser.parse_args().data
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    lines = [fold(line) for line in running_text(data)]
    tokenizer = learn_pieces(lines)
    print(f"{len(lines)} lines, {tokenizer.get_vocab_size()} pieces", flush=True)
    table = learn_company(tokenizer, lines)
    pairs = training_pairs(data, random.Random(1))
    print(f"{len(pairs)} pairs", flush=True)
    table = contrast(tokenizer, table, pairs, ContrastRecipe())
    write_safetensors(f"{FOLDER}/model.safetensors", {"embedding.weight": table.astype(np.float16)})
    write_text(f"{FOLDER}/tokenizer.json", tokenizer.to_str())
    write_text(f"{FOLDER}/modules.json", json.dumps(_MODULES, indent=1) + "\n")
    write_text(f"{FOLDER}/config_sentence_transformers.json", json.dumps({"similarity_fn_name": "cosine"}) + "\n")
    print(f"wrote {FOLDER}", flush=True)


if __name__ == "__main__":
    main()
