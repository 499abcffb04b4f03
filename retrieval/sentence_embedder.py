"""Vectors from a sentence-transformers model (bge, m3e, Qwen …) in this process; needs the extra `embed`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conversation.errors import BadSettings
from retrieval.embedder import Vectors, unit_rows
from retrieval.tokens import ends

LIBRARY = "sentence_transformers"
INSTALL = 'pip install "huiying[embed]"'
#: Characters of a text that are read; the model cuts at its own limit of tokens.
LONGEST = 2000
#: Bytes of each file by which two states of a model folder are told apart.
LOOKED_AT = 65_536


class SentenceEmbedder:
    """See `SlowEmbedder`. `model` is a folder, or a name that sentence-transformers knows or fetches."""

    def __init__(
        self, model: str, *, query_prefix: str = "", document_prefix: str = "", dimensions: int = 0, batch: int = 10
    ) -> None:
        self._source, stamp = _found(model)
        shaped = f"{document_prefix}\n{dimensions or ''}\n{stamp}".strip()
        tail = f"-{hashlib.sha256(shaped.encode()).hexdigest()[:8]}" if shaped else ""
        self.name = f"st-{Path(model).name if stamp else model}{tail}"
        self.dimensions = dimensions
        self.batch = batch
        self._query_prefix, self._document_prefix = query_prefix, document_prefix
        self._model: Any = None
        # Tokenizers of Hugging Face refuse a second thread while they cut texts.
        self._reading = threading.Lock()

    def open(self, known_dimensions: int = 0) -> None:
        """See `SlowEmbedder.open`. Loads the model, which takes seconds."""
        wanted = self.dimensions
        try:
            library = importlib.import_module(LIBRARY)
            more = {"truncate_dim": wanted} if wanted else {}
            self._model = library.SentenceTransformer(self._source, **more)
            self.dimensions = self._encode("encode", ["您好"]).shape[1]
        except (ImportError, OSError, ValueError, RuntimeError, KeyError, AttributeError) as error:
            raise BadSettings(
                f"embedding_model {self._source} cannot be loaded ({type(error).__name__}: {error}): check that the "
                "folder holds a whole sentence-transformers model; a name is fetched, so it needs the network once"
            ) from error
        if wanted and self.dimensions != wanted:
            raise BadSettings(f"{self._source} gives {self.dimensions} numbers a text: mend embedding.dimensions")

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `SlowEmbedder.embed`."""
        return self._read("encode_document", texts, self._document_prefix)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """See `SlowEmbedder.embed_questions`."""
        return self._read("encode_query", texts, self._query_prefix)

    def close(self) -> None:
        """See `SlowEmbedder.close`."""

    def _read(self, method: str, texts: Sequence[str], prefix: str) -> Vectors:
        """A prefix of the settings takes the place of the prompt that the model itself brings."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        spoken = [at for at, text in enumerate(texts) if text.strip()]
        if spoken:
            chosen = "encode" if prefix or not hasattr(self._model, method) else method
            rows[spoken] = self._encode(chosen, [prefix + ends(texts[at], LONGEST) for at in spoken])
        return rows

    def _encode(self, method: str, texts: list[str]) -> Vectors:
        with self._reading:
            encoded = getattr(self._model, method)(texts, batch_size=self.batch, show_progress_bar=False)
        return unit_rows(encoded)


def _found(model: str) -> tuple[str, str]:
    """Where the model is, and a stamp of its files ("" for one known by name). Raises `BadSettings`."""
    if importlib.util.find_spec(LIBRARY) is None:
        raise BadSettings(
            f"embedding_model {model} needs sentence-transformers, which is not installed: {INSTALL}, or use an "
            "endpoint (embedding_model: openai:MODEL), or leave embedding_model empty"
        )
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder), _stamp(folder)
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise BadSettings(f"embedding_model names the folder {folder}, which does not exist: mend the path")
    return model, ""


def _stamp(folder: Path) -> str:
    """Tells one state of a folder from another, by names, sizes and the beginning of each file."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inner = path.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts):
            continue
        digest.update(f"{inner.as_posix()} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(LOOKED_AT))
    return digest.hexdigest()
