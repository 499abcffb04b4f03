"""Who a line of a group speaks to: the bot, somebody else, everyone; and the line without the bot's own mention.

WeCom and WeChat carry mentions as plain `@Name`, Feishu as placeholders with an array of open_ids. Used by channels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tools.quoted_block import without_quotes

EVERYONE = "所有人"
_EVERYONE_NAMES = (EVERYONE, "all", "everyone", "全体成员")
_ALL_PLACEHOLDER = "@_all"

_AT = re.compile("[@＠]")
_EMAIL_BEFORE = re.compile(r"[A-Za-z0-9._%+\-]")
_EMAIL_AFTER = re.compile(r"[\w\-]+(?:\.[\w\-]+)+")
_AFTER_OPENING_MENTION = re.compile(r"\s*[，,：:！!]+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]*")
_LONGEST_UNKNOWN_NAME = 64

#: Variation selectors change how an emoji looks, not which one it is.
_IGNORED = "\ufe0e\ufe0f"
_ZERO_WIDTH_BLANKS = "\u200b\u2060\ufeff"
#: Marks that join a suffix to a name (`小禾-售后`, `小禾（售后）`) when a letter follows.
_JOINERS = frozenset("-.·•&'’/|([{【")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "【": "】"}


@dataclass(frozen=True, slots=True)
class Mention:
    """What a line says about whom it speaks to.

    `text` is the cleaned line: the bot's own mention is gone, others stay as `@Name`, white space is folded.
    `others` are the names of other people mentioned, in order, each once. `everyone` is True for @所有人, which never
    means the bot.
    """

    mentioned: bool
    text: str
    others: tuple[str, ...]
    everyone: bool


@dataclass(frozen=True, slots=True)
class _Name:
    """A name to look for: as written, and with blanks folded but not dropped."""

    written: str
    folded: str
    is_bot: bool = False
    is_everyone: bool = False


@dataclass(frozen=True, slots=True)
class _Directory:
    """Names by their folded letters without any blank; `longest` is the length of the longest such key."""

    names: Mapping[str, _Name]
    longest: int


@dataclass(frozen=True, slots=True)
class _Folded:
    """A text after NFKD and case folding, letter by letter; `origin[i]` is the place of letter i in the real text."""

    text: str
    origin: Sequence[int]


def from_text(text: str, bot_name: str, room_members: Iterable[str] = ()) -> Mention:
    """Reads a WeCom or WeChat line. `room_members` (names) settle where a name with blanks or suffixes ends.

    Names match whole, after NFKC, case and blanks folded. Quoted blocks are dropped first; a mention in them is none.
    """
    text = without_quotes(text)
    if not _AT.search(text):
        return Mention(False, " ".join(text.split()), (), False)
    directory = _directory(bot_name, tuple(room_members))
    folded = _fold(text)
    place_of = {origin: place for place, origin in reversed(list(enumerate(folded.origin)))}
    found = _Line(text)
    for at in (match.start() for match in _AT.finditer(text)):
        if at < found.place or _is_address(text, at):
            continue
        start = place_of[at] + 1
        name, end = _named(folded.text, start, directory)
        if name.is_bot:
            found.drop(at, folded.origin[end])
        elif name.is_everyone:
            found.everyone = True
        elif name.written:
            found.others[name.written] = None
    return found.mention()


def from_feishu(text: str, mentions: Sequence[Mapping[str, Any]] | None, bot_open_id: str) -> Mention:
    """Reads a Feishu line with the `mentions` array as received. The bot is known by its open_id, never by name.

    Placeholders (`@_user_1`) are replaced only where the array has them; `@_all` becomes `@所有人`.
    """
    known = {str(one.get("key")): one for one in mentions or () if isinstance(one, Mapping) and one.get("key")}
    shown = without_quotes(text)
    found = _Line(shown)
    for match in _placeholders(known).finditer(shown):
        key = match.group()
        if key == _ALL_PLACEHOLDER:
            found.everyone = True
            found.replace(match.start(), match.end(), f"@{EVERYONE}")
        elif bot_open_id and _open_id(known[key]) == bot_open_id:
            found.drop(match.start(), match.end())
        elif name := str(known[key].get("name") or ""):
            found.others[name] = None
            found.replace(match.start(), match.end(), f"@{name}")
    # A mention without a placeholder in the text is real all the same; one inside a quoted block is not.
    unseen = [one for key, one in known.items() if key not in text]
    found.mentioned |= bool(bot_open_id) and any(_open_id(one) == bot_open_id for one in unseen)
    return found.mention()


class _Line:
    """A line that is being cleaned from left to right."""

    def __init__(self, text: str) -> None:
        self.place = 0
        self.mentioned = False
        self.everyone = False
        self.others: dict[str, None] = {}
        self._text = text
        self._pieces: list[str] = []

    def drop(self, start: int, end: int) -> None:
        """The bot's own mention: a blank takes its place, and where it opens the line its punctuation goes too."""
        self.mentioned = True
        self.replace(start, end, " ")
        self.place = _INVISIBLE.match(self._text, end).end()  # type: ignore[union-attr]  # it matches nothing, too
        if not "".join(self._pieces).strip():
            self._pieces.clear()
            after = _AFTER_OPENING_MENTION.match(self._text, self.place)
            self.place = after.end() if after else self.place

    def replace(self, start: int, end: int, words: str) -> None:
        self._pieces += [self._text[self.place : start], words]
        self.place = end

    def mention(self) -> Mention:
        text = "".join([*self._pieces, self._text[self.place :]])
        return Mention(self.mentioned, " ".join(text.split()), tuple(self.others), self.everyone)


@lru_cache(maxsize=256)
def _directory(bot_name: str, room_members: tuple[str, ...]) -> _Directory:
    names: dict[str, _Name] = {}
    for written in room_members:
        _enter(names, _Name(written.strip(), _folded_name(written)))
    _enter(names, _Name(bot_name, _folded_name(bot_name), is_bot=True))
    for written in (*_EVERYONE_NAMES, _ALL_PLACEHOLDER[1:]):
        _enter(names, _Name(written, written, is_everyone=True))
    return _Directory(names, max(map(len, names)))


def _enter(names: dict[str, _Name], name: _Name) -> None:
    key = name.folded.replace(" ", "")
    if key:
        names[key] = name


def _folded_name(name: str) -> str:
    return " ".join(_fold(name.strip().lstrip("@＠")).text.split())


def _fold(text: str) -> _Folded:
    # NFKD letter by letter equals NFKC of the whole for the purpose of comparing, and keeps each letter's place.
    letters: list[str] = []
    origin: list[int] = []
    for place, character in enumerate(text):
        if character in _IGNORED:
            continue
        plain = character if character.isascii() else unicodedata.normalize("NFKD", character)
        for letter in plain.casefold():
            blank = letter != "\n" and (letter.isspace() or letter in _ZERO_WIDTH_BLANKS)
            letters.append(" " if blank else letter)
            origin.append(place)
    origin.append(len(text))
    return _Folded("".join(letters), origin)


def _named(text: str, start: int, directory: _Directory) -> tuple[_Name, int]:
    """Who stands at `start` (right after an @) in a folded text, and where the name ends: the longest whole name."""
    best: tuple[_Name, int] | None = None
    loose: tuple[_Name, int] | None = None
    key, place = "", start
    while place < len(text) and text[place] not in "\n@" and len(key) < directory.longest:
        if text[place] != " ":
            key += text[place]
            name = directory.names.get(key)
            if name and _ends_here(text, place + 1):
                if _blanks(text[start : place + 1]) <= _blanks(name.folded):
                    best = (name, place + 1)
                elif name.is_bot:
                    loose = (name, place + 1)
        elif place == start:
            break  # an @ before a blank is no mention
        place += 1
    return best or loose or _unknown(text, start)


def _unknown(text: str, start: int) -> tuple[_Name, int]:
    end = start
    while end - start < _LONGEST_UNKNOWN_NAME and not _ends_here(text, end):
        end += 1
    opened = next((_CLOSERS[mark] for mark in reversed(text[start:end]) if mark in _CLOSERS), None)
    if opened and text[end : end + 1] == opened:
        end += 1
    written = unicodedata.normalize("NFC", text[start:end])
    return _Name(written, written, is_everyone=written.startswith(EVERYONE)), end


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
    return character in "_\u200d" or unicodedata.category(character)[0] in "LNM" or _is_picture(character)


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk") and not character.isascii()


def _is_address(text: str, at: int) -> bool:
    """Whether the @ belongs to an e-mail address or to a web address."""
    before = text[at - 1 : at]
    if before == "/" and "://" in text[max(0, at - 200) : at].split()[-1]:
        return True
    return bool(_EMAIL_BEFORE.match(before) and _EMAIL_AFTER.match(text, at + 1))


def _placeholders(known: Mapping[str, object]) -> re.Pattern[str]:
    # Longest first, and never the head of a longer number: `@_user_1` is not in `@_user_12`.
    keys = sorted({*known, _ALL_PLACEHOLDER}, key=len, reverse=True)
    return re.compile("|".join(re.escape(key) + (r"(?![A-Za-z0-9_])" if key == _ALL_PLACEHOLDER else r"(?!\d)") for key in keys))


def _open_id(mention: Mapping[str, Any]) -> str:
    found = mention.get("id")
    return str(found.get("open_id") or "") if isinstance(found, Mapping) else str(found or "")
