"""The first half of the encoder: into which pieces a text is cut, and what each means by the company it keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

PIECES = 14_000
DIMENSIONS = 256
#: Pieces this far apart keep each other company, the nearer the more.
WINDOW = 5
#: Context counts are flattened by this power (Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity").
FLATTENED = 0.75
#: Frequent pieces count less: a / (a + share) (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline").
COMMON = 1e-3
UNKNOWN = "[UNK]"

Table = NDArray[np.float32]


def learn_pieces(lines: Sequence[str]) -> Tokenizer:
    """A unigram tokenizer whose pieces have at most four characters; digits stand alone."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=PIECES, max_piece_length=4, unk_token=UNKNOWN, special_tokens=[UNKNOWN], show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def learn_company(tokenizer: Tokenizer, lines: Sequence[str]) -> Table:
    """One vector per piece from positive pointwise mutual information, by singular values; common pieces are short."""
    size = tokenizer.get_vocab_size()
    gap = np.full(WINDOW, -1, np.int64)
    encoded = [np.concatenate([one.ids, gap]) for one in tokenizer.encode_batch_fast(lines)]
    ids = np.concatenate(encoded).astype(np.int64)
    together = _together(ids, size)
    left, values, _ = randomized_svd(_mutual(together), DIMENSIONS, n_iter=3, random_state=0)
    table = left * np.sqrt(values)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    share = np.bincount(ids[ids >= 0], minlength=size) / np.count_nonzero(ids >= 0)
    weighted: Table = (table * (COMMON / (COMMON + share))[:, None]).astype(np.float32)
    return weighted


def _together(ids: NDArray[np.int64], size: int) -> sparse.csr_matrix:
    counts = sparse.csr_matrix((size, size), dtype=np.float32)
    for distance in range(1, WINDOW + 1):
        first, second = ids[:-distance], ids[distance:]
        both = (first >= 0) & (second >= 0)
        near = np.full(np.count_nonzero(both), 1 / distance, np.float32)
        counts = counts + sparse.coo_matrix((near, (first[both], second[both])), shape=(size, size)).tocsr()
    return counts + counts.T


def _mutual(together: sparse.csr_matrix) -> sparse.csr_matrix:
    sums = np.asarray(together.sum(axis=1)).ravel() + 1e-9
    context = sums**FLATTENED
    context /= context.sum()
    pairs = together.tocoo()
    mutual = np.log(pairs.data / (sums[pairs.row] * context[pairs.col]))
    kept = mutual > 0
    return sparse.csr_matrix((mutual[kept], (pairs.row[kept], pairs.col[kept])), shape=together.shape, dtype=np.float32)
