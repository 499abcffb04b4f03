"""Words for lexical search, the same for every index: Han characters and their pairs, Latin words and their parts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from retrieval.fillers import FILLERS, QUESTION_MARKS
from retrieval.models.folding import fold

#: A longer token is no word; PostgreSQL and FTS5 take no endless lexemes.
LONGEST_TOKEN = 64
#: A longer question is read at both ends only: what a customer wants stands at the beginning or at the end.
LONGEST_QUERY = 600

_HAN = "\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_PIECE = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:[._\-/+#][^\W_{_HAN}]+)*[+#]*")
_PART = re.compile(r"[^\W\d_]+|\d+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_CLAUSE_END = re.compile(r"(?<=[。！？!?；;，,\n])")

#: How much a token of a query counts beside a pair of Han characters: single characters are in everything, Latin
#: words and numbers are names of products, errors, sizes. Measured on question-to-answer search.
SINGLE_WEIGHT = 0.3
LATIN_WEIGHT = 1.8
#: "怎么办" says nothing about an answer, though it tells much about a question.
FILLER_WEIGHT = 0.4
#: In a long message the clause that asks weighs more than the story before it.
ASKING_WEIGHT = 1.7
ASKING_FROM = 20
#: Shorter clauses (你好, 麻烦了) ask nothing; of more than so many only the last are read one by one.
SHORTEST_CLAUSE = 4
MOST_CLAUSES = 8


class _Folded(dict[int, str]):
    """Simplified forms, found one character at a time when it is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = fold(character) if "\u3400" <= character <= "\u9fff" else character
        return self[code]


_SIMPLER = _Folded()


@dataclass(frozen=True, slots=True)
class QueryWords:
    """A question's tokens with their weights, for texts that ask and for texts that answer."""

    asking: dict[str, float]
    answering: dict[str, float]


def normalise(text: str) -> str:
    """`text` in its plain form: NFKC, lower case, simplified, without invisible characters."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower().translate(_SIMPLER)


def tokens(text: str) -> list[str]:
    """The tokens of `text`, in order of place, with repeats."""
    return _cut(normalise(text))


def query_words(text: str, *, context: str = "") -> QueryWords:
    """The weighted tokens of a question. Tokens that only `context` (earlier lines) has count half."""
    asking, answering = _weigh(normalise(ends(text)))
    if context:
        for own, earlier in zip((asking, answering), _weigh(normalise(ends(context))), strict=True):
            for token, weight in earlier.items():
                own.setdefault(token, weight / 2)
    return QueryWords(asking, answering)


def ends(text: str, length: int = LONGEST_QUERY) -> str:
    """`text`, or its two ends of `length` characters together when it is longer."""
    return text if len(text) <= length else f"{text[: length // 2]}\n{text[-length // 2 :]}"


def clauses(text: str) -> list[str]:
    """The clauses of a text that has several, the last ones of a very long one; none of a text that is one clause."""
    found = [piece for piece in map(str.strip, _CLAUSE_END.split(ends(text))) if len(piece) >= SHORTEST_CLAUSE]
    return found[-MOST_CLAUSES:] if len(found) > 1 else []


def content_length(text: str) -> int:
    """How many characters `text` has besides blanks, punctuation and filler words; a Latin word counts as two."""
    return sum(len(piece) if _is_han(piece) else 2 for piece in _PIECE.findall(FILLERS.sub(" ", normalise(ends(text)))))


def _cut(plain: str) -> list[str]:
    found: list[str] = []
    for piece in _PIECE.findall(plain):
        if _is_han(piece):
            found.extend(piece)
            found.extend(piece[i : i + 2] for i in range(len(piece) - 1))
            continue
        found.append(piece[:LONGEST_TOKEN])
        parts = _PART.findall(piece)
        if len(parts) > 1:
            found.extend(part[:LONGEST_TOKEN] for part in parts)
    return found


def _weigh(plain: str) -> tuple[dict[str, float], dict[str, float]]:
    content = set(_cut(FILLERS.sub(" ", plain)))
    asked = _asked(plain)
    asking: dict[str, float] = {}
    answering: dict[str, float] = {}
    for token in _cut(plain):
        weight = kind_weight(token) * (ASKING_WEIGHT if token in asked else 1.0)
        asking[token] = weight
        answering[token] = weight if token in content else weight * FILLER_WEIGHT
    return asking, answering


def _asked(plain: str) -> set[str]:
    """The tokens of the clauses that ask, in a message long enough to hold more than its question."""
    if len(plain) <= ASKING_FROM:
        return set()
    clauses = [clause for clause in _CLAUSE_END.split(plain) if QUESTION_MARKS.search(clause)]
    return {token for clause in clauses for token in _cut(clause)}


def is_name(token: str) -> bool:
    """Whether a token is a Latin word or a number: the name of a product, an error, a size."""
    return not _is_han(token)


def kind_weight(token: str) -> float:
    """How much a token of this kind counts beside a pair of Han characters."""
    if not _is_han(token):
        return LATIN_WEIGHT
    return SINGLE_WEIGHT if len(token) == 1 else 1.0


def _is_han(token: str) -> bool:
    return "\u3040" <= token[0] <= "\u30ff" or "\u3400" <= token[0] <= "\u9fff" or "\uac00" <= token[0] <= "\ufaff"
