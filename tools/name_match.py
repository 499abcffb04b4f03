"""Finds which name stands after an @: whole names only, after NFKC, case and blanks folded. Used by mention parsing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

EVERYONE = "所有人"
_EVERYONE_NAMES = (EVERYONE, "_all", "all", "everyone", "全体成员")
_LONGEST_UNKNOWN_NAME = 64

#: Variation selectors change how an emoji looks, not which one it is.
_IGNORED = re.compile("[\ufe0e\ufe0f]")
_ZERO_WIDTH_BLANKS = "\u200b\u2060\ufeff"
_BLANKS = [chr(code) for code in range(0x3001) if chr(code).isspace() and code != 0x0A]
#: What Chinese lines are full of, folded letter for letter: full-width forms and blanks.
_PLAIN = str.maketrans(
    {chr(0xFF01 + step): chr(0x21 + step) for step in range(0x5E)} | dict.fromkeys([*_BLANKS, *_ZERO_WIDTH_BLANKS], " ")
)
_JOINED_EMOJI = "\u200d"
#: Marks that join a suffix to a name (`小禾-售后`, `小禾（售后）`) when a letter follows.
_JOINERS = frozenset("-.·•&'’/|([{【")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "【": "】"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name to look for: as written, and folded with single blanks. An unknown one has an empty `written`."""

    written: str = ""
    folded: str = ""
    is_bot: bool = False
    is_everyone: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """Names by their folded letters without any blank; `longest` is the length of the longest such key.

    `opening` is the bot's mention as it is written, where no other name can be meant by it; else it is empty.
    """

    names: Mapping[str, Name]
    longest: int
    opening: str


@dataclass(frozen=True, slots=True)
class Folded:
    """A text letter by letter after folding; `origin[i]` is the place of letter i in the real text."""

    text: str
    origin: Sequence[int]


@lru_cache(maxsize=256)
def directory(bot_name: str, room_members: tuple[str, ...]) -> Directory:
    """The names of a room. The bot's wins over a member's, and those for everyone win over both."""
    names: dict[str, Name] = {}
    for written in room_members:
        _enter(names, Name(written.strip(), _folded_name(written)))
    _enter(names, Name(bot_name.strip(), _folded_name(bot_name), is_bot=True))
    for written in _EVERYONE_NAMES:
        _enter(names, Name(written, written, is_everyone=True))
    alone = (
        not room_members and bot_name == bot_name.strip().lstrip("@＠") and any(name.is_bot for name in names.values())
    )
    return Directory(names, max(map(len, names)), f"@{bot_name}" if alone else "")


def fold(text: str) -> Folded:
    """`text` after NFKD and case folding; every blank is a plain one, line ends stay."""
    plain = text.translate(_PLAIN).casefold()
    if len(plain) == len(text) and unicodedata.is_normalized("NFKD", plain) and not _IGNORED.search(plain):
        return Folded(plain, range(len(text) + 1))
    return _folded_by_letter(text)


def name_at(text: str, start: int, known: Directory) -> tuple[Name, int]:
    """Who stands at `start`, right after an @, in a folded text, and where the name ends: the longest whole name.

    A name that nobody in the directory bears gives an unwritten `Name` and its end; `start` as end means no name.
    """
    best: tuple[Name, int] | None = None
    loose: tuple[Name, int] | None = None
    key, place = "", start
    while place < len(text) and text[place] not in "\n@" and len(key) < known.longest:
        if text[place] != " ":
            key += text[place]
            name = known.names.get(key)
            if name and _ends_here(text, place + 1):
                if _blanks(text[start : place + 1]) <= _blanks(name.folded):
                    best = (name, place + 1)
                elif name.is_bot:
                    loose = (name, place + 1)
        elif place == start:
            break  # an @ before a blank is no mention
        place += 1
    return best or loose or _unknown(text, start)


def _folded_by_letter(text: str) -> Folded:
    # NFKD letter by letter equals NFKC of the whole for the purpose of comparing, and keeps each letter's place.
    letters: list[str] = []
    origin: list[int] = []
    for place, character in enumerate(text):
        if _IGNORED.match(character):
            continue
        for letter in unicodedata.normalize("NFKD", character).translate(_PLAIN).casefold():
            letters.append(letter)
            origin.append(place)
    origin.append(len(text))
    return Folded("".join(letters), origin)


def _enter(names: dict[str, Name], name: Name) -> None:
    key = name.folded.replace(" ", "")
    if key:
        names[key] = name


def _folded_name(name: str) -> str:
    return " ".join(fold(name.strip().lstrip("@＠")).text.split())


def _unknown(text: str, start: int) -> tuple[Name, int]:
    end = start
    while end - start < _LONGEST_UNKNOWN_NAME and not _ends_here(text, end):
        end += 1
    opened = next((_CLOSERS[mark] for mark in reversed(text[start:end]) if mark in _CLOSERS), None)
    if opened and text[end : end + 1] == opened:
        end += 1
    return Name(is_everyone=text.startswith(EVERYONE, start)), end


def _blanks(text: str) -> set[int]:
    """After how many letters the blanks of a folded name stand; a line may leave blanks of a name out."""
    letters, places = 0, set()
    for character in text:
        if character == " ":
            places.add(letters)
        else:
            letters += 1
    return places


def _ends_here(text: str, place: int) -> bool:
    """Whether a name that reaches `place` is whole there: 小禾 is not mentioned by `@小禾禾` or `@小禾-售后`."""
    if place >= len(text):
        return True
    if text[place] in _JOINERS:
        return place + 1 >= len(text) or not _is_letter(text[place + 1])
    return not _is_letter(text[place])


def _is_letter(character: str) -> bool:
    category = unicodedata.category(character)
    is_picture = category in ("So", "Sk") and not character.isascii()
    return category[0] in "LNM" or is_picture or character in ("_", _JOINED_EMOJI)
