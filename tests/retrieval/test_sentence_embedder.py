"""Models of sentence-transformers: a start that cannot work says what to do; a model made here is read."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from conversation.errors import BadSettings
from retrieval.models.weights_folder import SHIPPED
from retrieval.sentence_embedder import LIBRARY, SentenceEmbedder
from retrieval.static_encoder import StaticEncoder

INSTALLED = importlib.util.find_spec(LIBRARY) is not None


@pytest.mark.skipif(INSTALLED, reason="sentence-transformers is installed")
def test_without_the_extra_the_start_says_how_to_get_it() -> None:
    with pytest.raises(BadSettings, match=r'pip install "huiying\[embed\]"'):
        SentenceEmbedder("BAAI/bge-small-zh-v1.5")


@pytest.mark.parametrize("missing", ["./models/bge", "/nowhere/bge", "~/nowhere/bge", "a/b/c"])
def test_a_folder_that_is_not_there_is_named(missing: str) -> None:
    pytest.importorskip(LIBRARY)
    with pytest.raises(BadSettings, match="which does not exist"):
        SentenceEmbedder(missing)


def test_a_folder_that_holds_no_model_is_refused_in_words(tmp_path: Path) -> None:
    pytest.importorskip(LIBRARY)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadSettings, match="cannot be loaded"):
        SentenceEmbedder(str(tmp_path)).open()


def test_a_model_folder_is_read_and_named_by_its_content(tmp_path: Path) -> None:
    library = pytest.importorskip(LIBRARY)
    parts = pytest.importorskip(f"{LIBRARY}.models")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "退": 1, "款": 2, "发": 3, "票": 4, "问": 5}
    reader = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    reader.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    weights = np.random.default_rng(1).normal(size=(len(words), 16)).astype(np.float32)
    static = parts.StaticEmbedding(reader, embedding_weights=weights)
    library.SentenceTransformer(modules=[static]).save(str(tmp_path / "model"))
    embedder = SentenceEmbedder(str(tmp_path / "model"), query_prefix="问")
    embedder.open()
    rows = embedder.embed(["退款", "", "发票"])
    assert rows.shape == (3, 16) == (3, embedder.dimensions)
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 0, 1], atol=1e-5)
    assert not np.allclose(embedder.embed_questions(["退款"])[0], rows[0])
    (tmp_path / "model" / "notes.txt").write_text("changed")
    assert SentenceEmbedder(str(tmp_path / "model")).name != embedder.name


def test_the_shipped_encoder_is_a_model_that_the_library_reads_alike() -> None:
    library = pytest.importorskip(LIBRARY)
    texts = ["我的订单什么时候发货", "退款多久到账", "how do i reset my password", "杯子裂了咋整"]
    theirs = library.SentenceTransformer(str(SHIPPED / "encoder"), device="cpu").encode(texts)
    assert np.abs(theirs - StaticEncoder.shipped().embed(texts)).max() < 1e-3
