"""What the letters alone reach: the trivial readers that every model is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from retrieval.models.folding import fold

#: Added to every count: a pair of letters that was never met denies no label.
SMOOTHING = 0.1


class LetterPairs:
    """Naive Bayes over single letters and neighbouring pairs, learnt in a second."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str]) -> None:
        self._labels = sorted(set(labels))
        places = {label: place for place, label in enumerate(self._labels)}
        self._rows: dict[str, int] = {}
        rows, columns = [], []
        for text, label in zip(texts, labels, strict=True):
            for sign in signs(text):
                rows.append(self._rows.setdefault(sign, len(self._rows)))
                columns.append(places[label])
        counts = np.full((len(self._rows), len(self._labels)), SMOOTHING)
        np.add.at(counts, (rows, columns), 1.0)
        met = Counter(labels)
        self._priors = np.log([met[label] / len(labels) for label in self._labels])
        self._weights = np.log(counts / counts.sum(axis=0))

    def read(self, text: str) -> str:
        """The likeliest label."""
        known = [self._rows[sign] for sign in signs(text) if sign in self._rows]
        return self._labels[int(np.argmax(self._priors + self._weights[known].sum(axis=0)))]


def signs(text: str) -> list[str]:
    """The letters of a text and its neighbouring pairs, with its edges."""
    plain = f"\x02{fold(text)}\x03"
    return [*plain[1:-1], *(plain[at : at + 2] for at in range(len(plain) - 1))]


def letters_shared(a: str, b: str) -> float:
    """The share of the letters of two texts that both have (Jaccard)."""
    own, other = frozenset(a), frozenset(b)
    return len(own & other) / max(1, len(own | other))


def commonest(labels: Sequence[str]) -> str:
    """The label that most rows have."""
    return Counter(labels).most_common(1)[0][0]


def asks(text: str) -> bool:
    """Whether there is a question mark."""
    return "?" in text or "？" in text
