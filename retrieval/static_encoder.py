"""The embedder that ships: one trained vector per piece of text, averaged; read by numpy, no torch.

The folder is a sentence-transformers model (`StaticEmbedding` and `Normalize`); `training/encoder.py` makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from retrieval.embedder import Vectors
from retrieval.models.folding import fold
from retrieval.models.weights_folder import SHIPPED, DamagedModel, checked, read_safetensors

#: Where a sentence-transformers StaticEmbedding keeps its table.
TABLE = "embedding.weight"
#: Pieces of a text that are read: the cost of a long answer stays bounded, its head tells what it is about.
LONGEST_PIECES = 256
FEW = 12
#: A turn's readers ask for the same few texts one after the other; what is cut once is remembered for a while.
REMEMBERED, SHORT = 256, 400


class StaticEncoder:
    """Averages the vectors of a text's pieces; knows everyday Chinese and some English."""

    def __init__(self, tokenizer: Tokenizer, table: npt.NDArray[np.float32], name: str) -> None:
        self._tokenizer = tokenizer
        self._table = table
        self.name = name
        self.dimensions = int(table.shape[1])
        #: How much each piece weighs in a text's vector.
        self.strengths: npt.NDArray[np.float32] = np.linalg.norm(table, axis=1)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._cut)

    @classmethod
    def read(cls, folder: Path, name: str) -> StaticEncoder:
        """The model in a folder. Raises `DamagedModel` when a file is missing or is not what it should be."""
        tokenizer_file = folder / "tokenizer.json"
        table = read_safetensors(folder / "model.safetensors").get(TABLE)
        if table is None or table.ndim != 2:
            raise DamagedModel(folder / "model.safetensors", f"it holds no table {TABLE}")
        try:
            tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as problem:  # tokenizers raises plain Exception, whatever is wrong with the file
            raise DamagedModel(tokenizer_file, str(problem)) from problem
        if tokenizer.get_vocab_size() != len(table):
            raise DamagedModel(tokenizer_file, f"{tokenizer.get_vocab_size()} pieces for {len(table)} vectors")
        return cls(tokenizer, table.astype(np.float32), name)

    @classmethod
    def shipped(cls) -> StaticEncoder:
        """The encoder that came with this release, checked against its manifest. Raises `DamagedModel`."""
        return _shipped()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        pieces = self._ids(texts)
        lengths = np.array([len(ids) for ids in pieces], np.int64)
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        filled = np.flatnonzero(lengths)
        if len(filled):
            starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
            flat = np.fromiter(chain.from_iterable(pieces), np.int64, int(lengths.sum()))
            rows[filled] = np.add.reduceat(self._table[flat], starts, axis=0)
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-9))
        return rows

    def pieces(self, texts: Sequence[str]) -> list[npt.NDArray[np.int32]]:
        """The numbers of each text's pieces, in order of place."""
        return [np.array(ids, np.int32) for ids in self._ids(texts)]

    def directions(self, pieces: npt.NDArray[np.integer]) -> Vectors:
        """One row of length 1 per piece: what it means, however much it weighs."""
        rows: Vectors = self._table[pieces] / np.maximum(self.strengths[pieces], np.float32(1e-9))[:, None]
        return rows

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        if len(texts) <= FEW:
            # Few texts are read faster by one thread than handed out to several.
            return [self._remembered(text) if len(text) <= SHORT else self._cut(text) for text in texts]
        return [one.ids[:LONGEST_PIECES] for one in self._tokenizer.encode_batch_fast([fold(text) for text in texts])]

    def _cut(self, text: str) -> list[int]:
        return self._tokenizer.encode(fold(text)).ids[:LONGEST_PIECES]


@lru_cache(maxsize=1)
def _shipped() -> StaticEncoder:
    folder = SHIPPED / "encoder"
    digest = checked("encoder/model.safetensors", "encoder/tokenizer.json")
    return StaticEncoder.read(folder, f"huiying-static-{digest[:8]}")
