"""The port of the models that turn a text into a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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
