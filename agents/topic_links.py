"""Which earlier line of a group a new line belongs to: evidence from quotes, mentions, speakers, time and meaning.

Pure; `topic_board.py` asks for the links of each line. The weights are set by hand and were checked on public
group chats with known links.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agents.duplicate_features import Asked

#: How far back a line can belong (lines, seconds).
REACH_LINES, REACH_S = 40, 3600.0
#: A link weaker than this is none (logit).
WEAKEST = 0.0
SETTLED = frozenset({"bot", "staff"})
_SAME_QUESTION = re.compile(
    r"同问|同求|\+1|＋1|蹲(?:一个)?|我也(?:是|想|要|遇到|有|没|不)|也想(?:知道|问)|也是这样|一样的?问题"
    r"|me too|same here"
)
_POINTS_BACK = re.compile(r"\s*(?:那|然后|还有|另外|所以|这个|它)")


@dataclass(frozen=True, slots=True)
class Senses:
    """The models that read lines: intents, a question read for comparing, the chance that two ask the same, whether
    a line sounds like one for the shop, and whether the bot should speak on it (0–1 each)."""

    intents: Callable[[str], Mapping[str, float]]
    asked: Callable[[str], Asked]
    same: Callable[[Asked, Asked], float]
    sounds: Callable[[str], float]
    answerable: Callable[[str], float]


@dataclass(frozen=True, slots=True)
class RoomLine:
    """A line of a group. `role` is customer, staff, bot or other; `mentions` are names; `at` is in seconds."""

    n: int
    speaker: str
    role: str
    text: str
    mentions: tuple[str, ...] = ()
    reply_to: int | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A line already placed: what it asks, its topic, whom it answered, and whether the bot speaks on it."""

    line: RoomLine
    asked: Asked
    topic: int
    asks: bool
    spoken: bool
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An earlier line, how strongly the new one belongs to it (logit), and the chance that both ask the same."""

    seen: Seen
    strength: float
    same: float


def joins_question(text: str) -> bool:
    """True for words such as 同问 that repeat somebody's question without saying it."""
    return bool(_SAME_QUESTION.search(text))


def links_of(line: RoomLine, asked: Asked, asks: bool, earlier: Sequence[Seen], senses: Senses) -> list[Link]:
    """How strongly `line` belongs to each earlier line within reach, oldest first."""
    near = [seen for seen in earlier[-REACH_LINES:] if line.at - seen.line.at <= REACH_S]
    return [_link(line, asked, asks, seen, near[place + 1 :], senses) for place, seen in enumerate(near)]


def strongest(links: Sequence[Link]) -> Link | None:
    """The line that is most likely belonged to; None when none is likely enough."""
    found = max(links, key=lambda link: link.strength, default=None)
    return found if found is not None and found.strength >= WEAKEST else None


def _link(line: RoomLine, asked: Asked, asks: bool, seen: Seen, between: Sequence[Seen], senses: Senses) -> Link:
    if line.reply_to is not None and line.reply_to == seen.line.n:
        return Link(seen, 20.0, senses.same(asked, seen.asked) if asks and seen.asks else 0.0)
    same = senses.same(asked, seen.asked) if asks and seen.asks and _has_words(asked, seen.asked) else 0.0
    strength = -1.2 + _by_people(line, seen, between) + _by_meaning(line, asked, asks, seen, same)
    gap, lines = max(0.0, line.at - seen.line.at), len(between)
    return Link(seen, strength - 0.45 * math.log2(1 + gap / 60) - 0.08 * lines, same)


def _by_people(line: RoomLine, seen: Seen, between: Sequence[Seen]) -> float:
    own, their = line.speaker, seen.line.speaker
    strength = 0.0
    latest = not any(one.line.speaker == their for one in between)
    if line.mentions:
        strength += 5.0 + latest if their in line.mentions else -1.0
    to_us = own in seen.line.mentions or seen.answers == own
    if to_us:
        strength += 2.2
    if own == their:
        strength += 2.0 if latest else -1.0
    if (to_us or own == their) and _POINTS_BACK.match(line.text):
        strength += 0.8
    if line.role in SETTLED and seen.line.role == "customer" and not line.mentions:
        answered = any(one.line.role in SETTLED and one.answers == their for one in between)
        strength += 0.2 if answered else 1.8
    return strength


def _by_meaning(line: RoomLine, asked: Asked, asks: bool, seen: Seen, same: float) -> float:
    shared = _shared_words(asked, seen.asked)
    strength = 2.5 * shared
    if same > 0.5:
        strength += 5.0 * (same - 0.5)
    if seen.asks and not asks and line.speaker != seen.line.speaker:
        strength += 0.8
    if asks and shared == 0.0 and same < 0.3 and line.speaker != seen.line.speaker:
        strength -= 1.2
    if joins_question(line.text) and seen.asks and line.speaker != seen.line.speaker:
        strength += 2.5
    return strength


def _has_words(a: Asked, b: Asked) -> bool:
    return bool(a.content) and bool(b.content)


def _shared_words(a: Asked, b: Asked) -> float:
    fewest = min(len(a.content_pairs), len(b.content_pairs))
    return len(a.content_pairs & b.content_pairs) / fewest if fewest else 0.0
