"""The topic board: sorts the lines of a busy group into matters, one line at a time, from the lines up to it.

Pure, given its senses. Says of each line its topic (0 is noise), what it replies to, whether the bot is spoken to,
whether the bot should speak, and whose question it repeats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.cues import SOCIAL, Cue, read_cues
from agents.topic_links import SETTLED, Link, RoomLine, Seen, Senses, best_link, joins_question
from conversation.findings import Intent
from retrieval.models.folding import fold
from tools.mention import from_text

__all__ = ["Place", "RoomLine", "Senses", "TopicBoard"]

#: From these chances on: two lines ask the same; a line sounds like one for the shop; the bot speaks unasked.
SAME, FOR_US, SPEAKS = 0.6, 0.5, 0.5
#: A customer's next words belong to the bot's answer for so long (seconds).
FOLLOWS_S = 180.0
#: A person at the desk who has just spoken on a topic is not interrupted for so long (seconds).
STAFF_HAS_IT_S = 300.0
SILENT_MODES = frozenset({"observe", "silent", "off", "draft"})
MENTION_MODES = frozenset({"mention", "mention_only", "at", "passive"})
_CLOSING = frozenset({Cue.THANKS, Cue.NOD, Cue.GOODBYE, Cue.EMPTY})
_ASKS = re.compile(
    r"[?？]|吗|呢[？?]?$|么[？?]?$|怎么|怎样|如何|咋|哪|几|多少|多久|什么|啥|为何|能不能|可不可以|是不是|有没有|会不会|求(?:问|助|教)|请问"
    r"|\b(?:how|what|why|when|where|which|who|can|does|is there|anyone)\b",
    re.IGNORECASE,
)
_NOT_SERVICE = frozenset({Intent.SMALLTALK, Intent.THANKS_BYE, Intent.OTHER, Intent.SUGGESTION_PRAISE})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands. `reply_to` and `duplicate_of` are numbers of earlier lines."""

    n: int
    topic: int
    reply_to: int | None
    addressed_to_bot: bool
    speak: bool
    duplicate_of: int | None


class TopicBoard:
    """The board of one room. `mode` is the room's send right, or `mention` for rooms where only a mention is answered."""

    def __init__(self, senses: Senses, bot_name: str, members: Sequence[str] = (), mode: str = "auto") -> None:
        self._senses = senses
        self._bot = bot_name
        self._members = tuple(members)
        self._mode = mode.lower()
        self._seen: list[Seen] = []
        self._topics = 0

    def place(self, line: RoomLine) -> Place:
        """Places the next line; lines come in the order they were written."""
        mention = from_text(line.text, self._bot, self._members) if self._bot else from_text(line.text, "\x00")
        line = replace(line, mentions=tuple(dict.fromkeys((*line.mentions, *mention.others))))
        named = mention.mentioned or any(fold(name) == fold(self._bot) for name in line.mentions if self._bot)
        cues, asks = read_cues(mention.text), bool(_ASKS.search(mention.text))
        asked = self._senses.asked(mention.text)
        link = best_link(line, asked, asks, self._seen, self._senses)
        addressed = line.role == "customer" and (named or self._is_for_bot(line, link))
        matter = self._is_matter(line, mention.text, asks, addressed, cues)
        topic = self._topic(link, matter)
        twin = self._twin(line, link, asks, mention.text)
        speak = self._speaks(line, mention.text, addressed, cues, topic, twin)
        answers = link.seen.line.speaker if link and link.seen.line.speaker != line.speaker else ""
        self._seen.append(Seen(line, asked, topic, asks, addressed, answers))
        reply_to = line.reply_to if line.reply_to is not None else link.seen.line.n if link and topic else None
        return Place(line.n, topic, reply_to, addressed, speak, twin.line.n if twin else None)

    def _is_for_bot(self, line: RoomLine, link: Link | None) -> bool:
        """A quote of the bot, or the next words of a customer whom the bot has just answered."""
        if link is None or link.seen.line.role != "bot" or line.mentions:
            return False
        quoted = line.reply_to == link.seen.line.n
        return quoted or (link.seen.answers == line.speaker and line.at - link.seen.line.at <= FOLLOWS_S)

    def _is_matter(self, line: RoomLine, text: str, asks: bool, addressed: bool, cues: frozenset[Cue]) -> bool:
        """Whether a line says something that could open a topic."""
        if line.role != "customer" or cues & SOCIAL:
            return addressed and not cues & _CLOSING
        if addressed:
            return True
        if line.mentions or joins_question(text):
            return False
        intents = self._senses.intents(text)
        service = sum(chance for intent, chance in intents.items() if intent not in _NOT_SERVICE)
        return self._senses.sounds(text) >= FOR_US or (asks and service >= 0.7)

    def _topic(self, link: Link | None, matter: bool) -> int:
        """The linked line's topic; a matter that is linked to noise or to nothing opens its own."""
        if link is not None and link.seen.topic:
            return link.seen.topic
        if not matter:
            return 0
        self._topics += 1
        return self._topics

    def _twin(self, line: RoomLine, link: Link | None, asks: bool, text: str) -> Seen | None:
        """The first line by somebody else that asks the same."""
        if line.role != "customer" or link is None or not (asks or joins_question(text)):
            return None
        seen = link.seen
        if seen.line.speaker == line.speaker or seen.line.role != "customer" or not seen.asks:
            return None
        same = link.same >= SAME or (joins_question(text) and not line.mentions)
        return self._first_asker(seen) if same else None

    def _first_asker(self, seen: Seen) -> Seen:
        """Of a chain of the same question, the line that asked first."""
        for first in self._seen:
            if first.topic == seen.topic and first.asks and first.line.role == "customer":
                if first is seen or self._senses.same(first.asked, seen.asked) >= SAME:
                    return first
        return seen

    def _speaks(
        self, line: RoomLine, text: str, addressed: bool, cues: frozenset[Cue], topic: int, twin: Seen | None
    ) -> bool:
        if line.role != "customer" or self._mode in SILENT_MODES or cues & _CLOSING:
            return False
        if addressed:
            return True
        if self._mode in MENTION_MODES or line.mentions or not topic or cues & SOCIAL:
            return False
        if twin is not None:
            # The first asker's answer names everybody who joined in; only who comes after it gets a line of their own.
            return any(seen.topic == topic and seen.line.role == "bot" for seen in self._seen)
        return not self._in_hand(line, topic) and self._senses.answerable(text) >= SPEAKS

    def _in_hand(self, line: RoomLine, topic: int) -> bool:
        """Somebody else is being answered by this line, or a person at the desk has the topic."""
        if line.reply_to is not None and any(s.line.n == line.reply_to and s.line.role != "bot" for s in self._seen):
            return True
        return any(
            seen.topic == topic and seen.line.role in SETTLED - {"bot"} and line.at - seen.line.at <= STAFF_HAS_IT_S
            for seen in self._seen
        )
