"""Vectors of spelling: unit length, stable, nearer for what is written alike."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.ngram_embedder import NgramEmbedder

EMBEDDER = NgramEmbedder()
#: Where "退款 E3" weighs most: other places would make every vector index that exists worthless.
PLACES_OF_REFUND = [108, 179, 173]


def test_what_is_written_alike_is_nearer() -> None:
    asked, near, far = EMBEDDER.embed(["怎么申请退款", "如何申请退款呢", "耳机防水吗"])
    assert asked @ near > 0.5 > asked @ far


def test_a_vector_is_the_same_in_every_process() -> None:
    """Vectors are kept in an index: they must not depend on Python's hash seed."""
    first = EMBEDDER.embed(["退款 E3"])[0]
    places = [int(place) for place in np.argsort(-np.abs(first))[:3]]
    assert places == PLACES_OF_REFUND


def test_a_text_without_words_is_the_zero_vector() -> None:
    assert not EMBEDDER.embed(["", "😂"]).any()


@given(st.lists(st.text(max_size=80), max_size=5))
def test_every_text_gets_a_row_of_length_one_or_zero(texts: list[str]) -> None:
    rows = EMBEDDER.embed(texts)
    assert rows.shape == (len(texts), EMBEDDER.dimensions)
    assert rows.dtype == np.float32
    lengths = np.linalg.norm(rows, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-4) | (lengths == 0))
