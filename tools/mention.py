"""Who a line of a group speaks to: the bot, somebody else, everyone; and the line without the bot's own mention.

WeCom and WeChat carry mentions as plain `@Name`, Feishu as placeholders with an array of open_ids. Used by channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.name_match import EVERYONE, Directory, directory, fold, name_at
from tools.quoted_block import without_quotes

_ALL_PLACEHOLDER = "@_all"
_AT = re.compile("[@＠﹫]")
#: What WeCom and WeChat put after a mention that was chosen from their list.
_BLANKS_OF_CLIENTS = (" ", "\u2005")
_ADDRESS_BEFORE = re.compile(r"[A-Za-z0-9._%+\-]")
_ADDRESS_AFTER = re.compile(r"[\w\-]+(?:\.[\w\-]+)+")
_AFTER_OPENING_MENTION = re.compile(r"\s*[，,：:！!]+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]*")


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


def from_text(text: str, bot_name: str, room_members: Iterable[str] = ()) -> Mention:
    """Reads a WeCom or WeChat line. `room_members` (names) settle where a name with blanks or suffixes ends.

    Names match whole, after NFKC, case and blanks folded. Quoted blocks are dropped first; a mention in them is none.
    """
    text = without_quotes(text)
    if not _AT.search(text):
        return Mention(False, " ".join(text.split()), (), False)
    known = directory(bot_name, tuple(room_members))
    end = len(known.opening)
    if end and text.startswith(known.opening) and text[end : end + 1] in _BLANKS_OF_CLIENTS and not _AT.search(text, 1):
        # Nearly every line that a platform delivers: the bot's name, a blank, the words.
        return Mention(True, " ".join(text[_end_of(_AFTER_OPENING_MENTION, text, end) :].split()), (), False)
    return _read(text, known)


def _read(text: str, known: Directory) -> Mention:
    folded, line = fold(text), _Line(text)
    place = folded.text.find("@")
    while place >= 0:
        at = folded.origin[place]
        if at >= line.place and not _is_address(text, at):
            name, end = name_at(folded.text, place + 1, known)
            _take(line, name.is_bot, name.is_everyone, name.written, at, folded.origin[end])
        place = folded.text.find("@", place + 1)
    return line.mention()


def from_feishu(text: str, mentions: Sequence[Mapping[str, Any]] | None, bot_open_id: str) -> Mention:
    """Reads a Feishu line with the `mentions` array as received. The bot is known by its open_id, never by name.

    Placeholders (`@_user_1`) are replaced only where the array has them; `@_all` becomes `@所有人`.
    """
    known = {str(one["key"]): one for one in mentions or () if isinstance(one, Mapping) and one.get("key")}
    shown = without_quotes(text)
    line = _Line(shown)
    for match in _placeholders(known).finditer(shown):
        key = match.group()
        if key == _ALL_PLACEHOLDER:
            line.everyone = True
            line.replace(match.start(), match.end(), f"@{EVERYONE}")
        elif bot_open_id and _open_id(known[key]) == bot_open_id:
            line.drop(match.start(), match.end())
        elif name := str(known[key].get("name") or ""):
            line.others[name] = None
            line.replace(match.start(), match.end(), f"@{name}")
    # A mention without a placeholder in the text is real all the same; one inside a quoted block is not.
    unseen = [one for key, one in known.items() if key not in text]
    line.mentioned |= bool(bot_open_id) and any(_open_id(one) == bot_open_id for one in unseen)
    return line.mention()


class _Line:
    """A line that is being cleaned from left to right; `place` is how far it is done."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.mentioned = False
        self.everyone = False
        self.others: dict[str, None] = {}
        self._pieces: list[str] = []

    def drop(self, start: int, end: int) -> None:
        """The bot's own mention: a blank takes its place, and where it opens the line its punctuation goes too."""
        self.mentioned = True
        self.replace(start, end, " ")
        self.place = _end_of(_INVISIBLE, self.text, end)
        if not "".join(self._pieces).strip():
            self._pieces.clear()
            self.place = _end_of(_AFTER_OPENING_MENTION, self.text, self.place)

    def replace(self, start: int, end: int, words: str) -> None:
        """Puts `words` where the line has `start` to `end`."""
        self._pieces += [self.text[self.place : start], words]
        self.place = end

    def mention(self) -> Mention:
        """What the whole line came to."""
        text = "".join([*self._pieces, self.text[self.place :]])
        return Mention(self.mentioned, " ".join(text.split()), tuple(self.others), self.everyone)


def _take(line: _Line, is_bot: bool, is_everyone: bool, written: str, at: int, end: int) -> None:
    if is_bot:
        line.drop(at, end)
    elif is_everyone:
        line.everyone = True
        if line.text[at:end] == _ALL_PLACEHOLDER:
            line.replace(at, end, f"@{EVERYONE}")
    elif shown := written or line.text[at + 1 : end].strip():
        line.others[shown] = None


def _end_of(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


def _is_address(text: str, at: int) -> bool:
    """Whether the @ belongs to an e-mail address or to a web address."""
    before = text[at - 1 : at] if at else ""
    if before == "/":
        return "://" in text[max(0, at - 200) : at].rsplit(maxsplit=1)[-1]
    return bool(_ADDRESS_BEFORE.match(before) and _ADDRESS_AFTER.match(text, at + 1))


def _placeholders(known: Mapping[str, object]) -> re.Pattern[str]:
    # Longest first, and never the head of a longer number: `@_user_1` is not in `@_user_12`.
    keys = sorted({*known, _ALL_PLACEHOLDER} - {""}, key=len, reverse=True)
    ends = {_ALL_PLACEHOLDER: r"(?![A-Za-z0-9_])"}
    return re.compile("|".join(re.escape(key) + ends.get(key, r"(?!\d)") for key in keys))


def _open_id(mention: Mapping[str, Any]) -> str:
    found = mention.get("id")
    return str(found.get("open_id") or "") if isinstance(found, Mapping) else str(found or "")
