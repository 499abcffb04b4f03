"""The ports of the models that turn a text into a vector: quick ones in this process, slow ones anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors whose product says how alike their meanings are."""

    @property
    def name(self) -> str:
        """The model with its version, e.g. `ngram-1`: vectors of another name are of no use and are made again."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 per text (all zeros for a text without words), float32.

        Called on the event loop for a question (well under a millisecond) and in a thread for a whole base; so it
        never blocks, keeps no state that two threads could spoil, and never raises for any text.
        """
        ...


@runtime_checkable
class SlowEmbedder(Embedder, Protocol):
    """An embedder that takes its time: a large model, or one behind a network. Never called on the event loop.

    Here `embed` is for what stands in the knowledge base: it may take minutes, tries again by itself, and raises
    `RetryLater` (the model is gone) or `GiveUp` (it will never answer so). Questions go to `embed_questions`, since
    many models read a question differently.
    """

    @property
    def batch(self) -> int:
        """How many texts the model takes at once: what is made is kept batch by batch."""
        ...

    def open(self, known_dimensions: int = 0) -> None:
        """Gets ready, once, before anything else; afterwards `dimensions` is known.

        `known_dimensions` is what an earlier run found, 0 for nothing. Raises `BadSettings` with what to mend.
        """
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Like `embed`, for questions, and only once: raises `RetryLater` or `GiveUp` at the first failure."""
        ...

    def close(self) -> None:
        """Lets go of connections."""
        ...


def question_embedding(embedder: Embedder) -> Callable[[Sequence[str]], Vectors]:
    """What embeds questions at once: an `Embedder` without waiting, a `SlowEmbedder` by blocking."""
    return embedder.embed_questions if isinstance(embedder, SlowEmbedder) else embedder.embed


def unit_rows(rows: npt.ArrayLike) -> Vectors:
    """`rows` as float32, each of length 1; a row of zeros stays one."""
    found = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    scaled: Vectors = (found / np.maximum(lengths, np.float32(1e-9))).astype(np.float32)
    return scaled
