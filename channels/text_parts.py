"""Fits words to platforms: long texts in parts counted in bytes, Markdown as plain words. Pure."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

_LINK = re.compile(r"!?\[[^\[\]\n]*\]\([^()\s]*\)|https?://[^\s<>()\[\]，。；、！？）】」》”]+")
#: Where a part may best end, from the best to the least.
_ENDS = (
    re.compile(r"\n+"),
    re.compile(r"[。！？!?；;…]+[”’」』）)】》]*|\.(?=\s)"),
    re.compile(r"[，,、：:]"),
    re.compile(r"\s+"),
)
#: An end in the first third of what fits would make crumbs.
_CRUMB = 3

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_TAGS = range(0xE0020, 0xE0080)
_JOINER = "\u200d"
_LONGEST_CHARACTER = 4


def split_text(text: str, max_bytes: int) -> list[str]:
    """The text in order, in parts of at most `max_bytes` bytes of UTF-8; nothing but white space at the cuts is lost.

    No part ends inside a character, an emoji or a link, unless that alone is longer than a part. Parts end at line
    ends, else at sentence ends, else at commas or blanks, where there are any. A text without words has no parts.
    Raises ValueError for a limit under four bytes.
    """
    if max_bytes < _LONGEST_CHARACTER:
        raise ValueError("a part must have room for a character")
    rest = text.encode("utf-8", "replace").decode().strip()
    parts = []
    while len(raw := rest.encode()) > max_bytes:
        fits = len(raw[:max_bytes].decode("utf-8", "ignore"))
        end = _cut(rest, fits)
        parts.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return [part for part in (*parts, rest) if part]


def _cut(text: str, fits: int) -> int:
    """Where to cut, after at most `fits` characters and after one at least."""
    # A link that crosses the end must be seen whole, however long it is.
    links = [link.span() for link in _LINK.finditer(text) if link.start() < fits]
    end = _allowed(text, fits, links)
    for ends in _ENDS:
        places = [found.end() for found in ends.finditer(text, 0, end) if _whole(text, found.end(), links)]
        place = bisect_right(places, end) - 1
        if place >= 0 and places[place] * _CRUMB >= fits:
            return places[place]
    return end


def _allowed(text: str, fits: int, links: list[tuple[int, int]]) -> int:
    """The last place up to `fits` that is inside nothing; inside a link or an emoji where there is no other."""
    end = fits
    while end > 0 and not _whole(text, end, links):
        end = next((start for start, stop in links if start < end < stop), end - 1)
    if end > 0:
        return end
    start = fits
    while start > 1 and _inside_character(text, start):
        start -= 1
    return fits if _inside_character(text, start) else start


def _whole(text: str, place: int, links: list[tuple[int, int]]) -> bool:
    return not any(start < place < stop for start, stop in links) and not _inside_character(text, place)


def _inside_character(text: str, place: int) -> bool:
    """Whether what stands at `place` belongs to the character before it."""
    if place >= len(text):
        return False
    after, before = text[place], text[place - 1]
    if unicodedata.category(after)[0] == "M" or _JOINER in (after, before) or (before, after) == ("\r", "\n"):
        return True
    if ord(after) in _SKIN_TONES or ord(after) in _TAGS:
        return True
    if ord(after) not in _FLAG_LETTERS:
        return False
    start = place
    while start > 0 and ord(text[start - 1]) in _FLAG_LETTERS:
        start -= 1
    return (place - start) % 2 == 1


_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n?", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$\n?", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*$", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[-*+][ \t]+", re.MULTILINE)
_TABLE_LINE = re.compile(r"^[ \t]*\|?[ \t:]*-{2,}[-| \t:]*$\n?", re.MULTILINE)
_TABLE_ROW = re.compile(r"^[ \t]*\|(.+)\|[ \t]*$", re.MULTILINE)
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\]\(([^()\s]*)\)")
_NAMED_LINK = re.compile(r"\[([^\[\]\n]*)\]\(([^()\s]*)\)")
_STRONG = re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS = re.compile(r"(?<![0-9A-Za-z_*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![0-9A-Za-z_*])")
_CODE = re.compile(r"`([^`\n]+)`")


def plain_of(markdown: str) -> str:
    """The words of a Markdown text as a person would type them: no signs of emphasis, links as `words address`."""
    text = _FENCE.sub("", markdown)
    text = _TABLE_LINE.sub("", _RULE.sub("", text))
    text = _TABLE_ROW.sub(lambda row: " | ".join(cell.strip() for cell in row[1].split("|")), text)
    text = _BULLET.sub(r"\1· ", _QUOTE.sub("", _HEADING.sub(r"\1", text)))
    text = _NAMED_LINK.sub(_shown_link, _IMAGE.sub(_shown_link, text))
    return _CODE.sub(r"\1", _EMPHASIS.sub(r"\1", _STRONG.sub(r"\2", text))).strip("\n")


def _shown_link(link: re.Match[str]) -> str:
    words, address = link[1].strip(), link[2]
    return address if words in ("", address) else f"{words} {address}".strip()
