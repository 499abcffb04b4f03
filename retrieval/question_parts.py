"""Splits a message that asks several things, and puts together what was found for its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conversation.findings import Passage, Retrieval
from retrieval.fillers import QUESTION_MARKS
from retrieval.tokens import content_length

#: A part with less content than this asks nothing by itself.
LEAST_CONTENT = 2
#: Of a message that asks more than this only the first parts are searched.
MOST_PARTS = 3
#: A part is taken for a question of its own when an entry of its own answers it with this chance.
FOUND = 0.5
#: A longer message is a story: what asks in it is one question with its circumstances.
LONGEST = 60
_END = re.compile(r"[。！？!?；;\n]+|[，,、\s]*(?=还有|另外|顺便|对了|再问|再就是|以及|然后(?!呢))")
# A blank parts clauses between Han characters only: the names of products and errors hold blanks, too.
_SOFT_END = re.compile("[，,]+|(?<=[\u4e00-\u9fff])[ \u3000]+(?=[\u4e00-\u9fff])")
_ASKS = re.compile(f"{QUESTION_MARKS.pattern}|谁|[不没]$")
_LINK = re.compile(
    r"^(?:还有(?:就是|一个|个事)?|另外|顺便(?:问(?:一)?下|问)?|对了|再问(?:一)?(?:下|个|句)?|再就是|以及|然后)[，,：:\s]*"
)


def question_parts(text: str) -> list[str]:
    """The parts of `text` that may ask, at most `MOST_PARTS`; empty for a text that asks one thing."""
    if len(text) > LONGEST:
        return []
    parts = [part for part in _plain(_END.split(text)) if content_length(part) >= LEAST_CONTENT]
    if len(parts) < 2:
        parts = _asking(_plain(_SOFT_END.split(text)))
    return parts[:MOST_PARTS] if len(parts) > 1 else []


def _plain(pieces: Sequence[str]) -> list[str]:
    """The pieces without the words that link them."""
    return [plain for piece in pieces if (plain := _LINK.sub("", piece.strip()))]


def _asking(pieces: Sequence[str]) -> list[str]:
    """The pieces that ask; one that only tells belongs to the next that asks, or to the last."""
    found: list[str] = []
    told = ""
    for piece in pieces:
        told = f"{told}，{piece}" if told else piece
        if _ASKS.search(piece) and content_length(piece) >= LEAST_CONTENT:
            found.append(told)
            told = ""
    if told and found:
        found[-1] = f"{found[-1]}，{told}"
    return found


def put_together(whole: Retrieval, parts: Sequence[Retrieval], k: int) -> Retrieval:
    """What was found for the whole, led by the first entry of each part; `whole` itself unless each has its own."""
    firsts = [part.passages[0] for part in parts if part.passages and part.answerable >= FOUND]
    if len(firsts) < len(parts) or len({passage.entry_id for passage in firsts}) < len(firsts):
        return whole
    ranked = {passage.entry_id: passage for passage in reversed((*firsts, *whole.passages))}
    order = dict.fromkeys(passage.entry_id for passage in (*firsts, *whole.passages))
    passages = tuple(ranked[entry_id] for entry_id in order)[:k]
    return Retrieval(
        _falling(passages),
        min(part.answerable for part in parts),
        max(part.covered for part in (whole, *parts)),
        min(len(firsts), k),
    )


def _falling(passages: tuple[Passage, ...]) -> tuple[Passage, ...]:
    """The passages with scores that fall: those of different searches do not compare."""
    found: list[Passage] = []
    for passage in passages:
        score = min(passage.score, found[-1].score) if found else passage.score
        found.append(Passage(passage.entry_id, passage.version, passage.question, passage.answer, score))
    return tuple(found)
