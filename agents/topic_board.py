"""The topic board: sorts the lines of a busy group into matters, one line at a time, from the lines up to it.

Pure, given its senses. Says of each line its topic (0 is noise), what it replies to, whether the bot is spoken to,
whether the bot should speak, and whose question it repeats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.cues import SOCIAL, Cue, read_cues
from agents.topic_links import SETTLED, Link, RoomLine, Seen, Senses, joins_question, links_of, strongest
from conversation.findings import Intent
from retrieval.models.folding import fold
from tools.mention import from_text

__all__ = ["Place", "RoomLine", "Senses", "TopicBoard"]

#: From these chances on: two lines ask the same; a line sounds like one for the shop; the bot speaks unasked.
SAME, FOR_US, SPEAKS = 0.55, 0.5, 0.5
#: A customer's next words belong to the bot's answer for so long (seconds).
FOLLOWS_S = 180.0
#: A person at the desk who has just spoken on a topic is not interrupted for so long (seconds).
STAFF_HAS_IT_S = 300.0
SILENT_MODES = frozenset({"observe", "silent", "off", "draft"})
MENTION_MODES = frozenset({"mention", "mention_only", "at", "passive"})
_CLOSING = frozenset({Cue.THANKS, Cue.NOD, Cue.GOODBYE, Cue.EMPTY})
_ASKS = re.compile(
    r"[?？]|吗|呢[？?]?$|么[？?]?$|怎么|怎样|如何|咋|哪|几|多少|多久|什么|啥|为何"
    r"|能不能|可不可以|是不是|有没有|会不会|求(?:问|助|教)|请问"
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


@dataclass(frozen=True, slots=True)
class _Heard:
    """A line with its text cleaned of mentions, its cues, whether it asks, and whether it is said to everyone."""

    line: RoomLine
    text: str
    cues: frozenset[Cue]
    asks: bool
    everyone: bool

    @property
    def is_stray(self) -> bool:
        """Emoji and calls to everyone belong to nothing, unless they quote a line."""
        return self.line.reply_to is None and (Cue.EMPTY in self.cues or self.everyone)


def _is_question_of_another(seen: Seen, line: RoomLine) -> bool:
    return seen.asks and seen.line.role == "customer" and seen.line.speaker != line.speaker


class TopicBoard:
    """The board of one room. `mode` is its send right, or `mention` where only a mention is answered."""

    def __init__(self, senses: Senses, bot_name: str, members: Sequence[str] = (), mode: str = "auto") -> None:
        self._senses = senses
        self._bot = bot_name
        self._members = tuple(members)
        self._mode = mode.lower()
        self._seen: list[Seen] = []
        self._topics = 0

    def place(self, line: RoomLine) -> Place:
        """Places the next line; lines come in the order they were written."""
        mention = from_text(line.text, self._bot or "\x00", self._members)
        line = replace(line, mentions=tuple(dict.fromkeys((*line.mentions, *mention.others))))
        named = mention.mentioned or any(fold(name) == fold(self._bot) for name in line.mentions if self._bot)
        line = replace(line, mentions=tuple(name for name in line.mentions if fold(name) != fold(self._bot)))
        heard = _Heard(line, mention.text, read_cues(mention.text), bool(_ASKS.search(mention.text)), mention.everyone)
        asked = self._senses.asked(mention.text)
        links = links_of(line, asked, heard.asks, self._seen, self._senses)
        link = None if heard.is_stray else strongest(links)
        addressed = line.role == "customer" and (named or self._is_for_bot(line, link))
        twin = self._twin(heard, link, links)
        topic = twin.topic if twin and twin.topic else self._topic(link, self._is_matter(heard, addressed))
        speak = self._speaks(heard, addressed, topic, twin, link)
        answers = link.seen.line.speaker if link and not heard.asks and link.seen.line.speaker != line.speaker else ""
        self._seen.append(Seen(line, asked, topic, heard.asks, speak, answers))
        joined = link.seen.line.n if link and topic and link.seen.topic == topic else twin.line.n if twin else None
        return Place(
            line.n,
            topic,
            line.reply_to if line.reply_to is not None else joined,
            addressed,
            speak,
            twin.line.n if twin else None,
        )

    def _is_for_bot(self, line: RoomLine, link: Link | None) -> bool:
        """A quote of the bot, or the next words on a matter on which the bot has just answered this customer."""
        if link is None or line.mentions:
            return False
        if link.seen.line.role == "bot" and line.reply_to == link.seen.line.n:
            return True
        return any(
            seen.line.role == "bot"
            and seen.topic == link.seen.topic
            and line.speaker in (seen.answers, *seen.line.mentions)
            and line.at - seen.line.at <= FOLLOWS_S
            for seen in self._seen
        )

    def _is_matter(self, heard: _Heard, addressed: bool) -> bool:
        """Whether a line says something that could open a topic."""
        if addressed:
            return not heard.cues & _CLOSING
        if heard.line.role != "customer" or heard.cues & SOCIAL or heard.line.mentions or heard.everyone:
            return False
        if joins_question(heard.text):
            return False
        intents = self._senses.intents(heard.text)
        service = sum(chance for intent, chance in intents.items() if intent not in _NOT_SERVICE)
        return self._senses.sounds(heard.text) >= FOR_US or (heard.asks and service >= 0.7)

    def _topic(self, link: Link | None, matter: bool) -> int:
        """The linked line's topic; a matter that is linked to noise or to nothing opens its own."""
        if link is not None and link.seen.topic:
            return link.seen.topic
        if not matter:
            return 0
        self._topics += 1
        return self._topics

    def _twin(self, heard: _Heard, link: Link | None, links: Sequence[Link]) -> Seen | None:
        """The first line by somebody else that asks the same."""
        if heard.line.role != "customer":
            return None
        others = [one for one in links if _is_question_of_another(one.seen, heard.line)]
        if joins_question(heard.text) and link in others:
            return self._first_asker(link.seen) if link else None
        twin = max(others, key=lambda one: one.same, default=None)
        return self._first_asker(twin.seen) if twin and twin.same >= SAME else None

    def _first_asker(self, seen: Seen) -> Seen:
        """Of a chain of the same question, the line that asked first."""
        askers = (one for one in self._seen if one.topic == seen.topic and one.asks and one.line.role == "customer")
        return next((one for one in askers if one is seen or self._senses.same(one.asked, seen.asked) >= SAME), seen)

    def _speaks(self, heard: _Heard, addressed: bool, topic: int, twin: Seen | None, link: Link | None) -> bool:
        line = heard.line
        if line.role != "customer" or self._mode in SILENT_MODES or heard.cues & _CLOSING:
            return False
        if addressed:
            return True
        if self._mode in MENTION_MODES or line.mentions or not topic or heard.cues & SOCIAL:
            return False
        if twin is not None:
            # The first asker's answer names everybody who joined in; only who comes after it gets a line of their own.
            return any(seen.topic == topic and seen.line.role == "bot" for seen in self._seen)
        if link is not None and not heard.asks and link.seen.spoken and link.seen.line.speaker == line.speaker:
            return False  # a further fragment of what is being answered already
        return not self._in_hand(line, topic) and self._senses.answerable(heard.text) >= SPEAKS

    def _in_hand(self, line: RoomLine, topic: int) -> bool:
        """Somebody else is being answered by this line, or a person at the desk has the topic."""
        if line.reply_to is not None and any(s.line.n == line.reply_to and s.line.role != "bot" for s in self._seen):
            return True
        return any(
            seen.topic == topic and seen.line.role in SETTLED - {"bot"} and line.at - seen.line.at <= STAFF_HAS_IT_S
            for seen in self._seen
        )
