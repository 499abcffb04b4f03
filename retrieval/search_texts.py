"""Cuts an entry into the texts under which it is found: what asks on one side, the answer in pieces on the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from store.knowledge_rows import EntryWords, KnowledgeEntry

#: Characters of one piece of an answer: most answers are one piece, a whole document becomes many.
PIECE_LENGTH = 500
#: Pieces of one entry at most; the rest of a longer document is not found.
MOST_PIECES = 400
#: Similar questions of one entry at most.
MOST_QUESTIONS = 64
_SENTENCE_END = re.compile(r"(?<=[。！？!?；;\n])")


class Side(StrEnum):
    """Whether a text asks or answers."""

    ASKS = "asks"
    ANSWERS = "answers"


@dataclass(frozen=True, slots=True)
class SearchText:
    """One text of an entry. `text_id` is unique among all texts of all versions."""

    text_id: str
    entry_id: str
    side: Side
    text: str


def search_texts(entry: KnowledgeEntry) -> list[SearchText]:
    """The texts of `entry`; never empty unless the entry has no words at all."""
    words = entry.words
    asking = [(Side.ASKS, text) for text in _questions(words)]
    answering = [(Side.ANSWERS, text) for text in _answers(words)]
    return [
        SearchText(f"{entry.entry_id}@{entry.version}#{number}", entry.entry_id, side, text)
        for number, (side, text) in enumerate(asking + answering)
    ]


def _questions(words: EntryWords) -> list[str]:
    found = dict.fromkeys(text.strip() for text in (words.question, *words.similar))
    return [text for text in found if text][:MOST_QUESTIONS]


def _answers(words: EntryWords) -> list[str]:
    """The answer's pieces, each under the question: words of the question are often left out of the answer."""
    answer, question = words.answer.strip(), words.question.strip()
    if not answer or answer == question:
        return []
    if question and not answer.startswith(question):
        return [f"{question}\n{piece}" for piece in pieces(answer)]
    return pieces(answer)


def pieces(text: str, length: int = PIECE_LENGTH) -> list[str]:
    """`text` cut at sentence ends into pieces of about `length` characters; a longer sentence is cut hard."""
    found: list[str] = []
    piece = ""
    for sentence in _sentences(text, length):
        if piece and len(piece) + len(sentence) > length:
            found.append(piece)
            piece = ""
        piece += sentence
        if len(found) == MOST_PIECES:
            return found
    return [*found, piece] if piece.strip() else found


def _sentences(text: str, length: int) -> list[str]:
    return [
        sentence[start : start + length]
        for sentence in _SENTENCE_END.split(text)
        for start in range(0, len(sentence), length)
    ]
