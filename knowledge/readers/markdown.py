"""Reads Markdown documents: every heading with text under it becomes an entry that can be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.readers.document import Document, ReadEntry, Skipped, decode, document
from retrieval.fillers import QUESTION_MARKS
from store.knowledge_rows import EntryWords

#: Headings that mean nothing without the one above them.
_VAGUE = re.compile(
    r"(说明|步骤|概述|简介|介绍|注意事项?|备注|流程|条件|范围|方法|示例|要求|规则|其他|补充|常见问题|faq|q&a|问答|.)",
    re.I,
)
_ASKS_BY_START = re.compile(r"\s*(?:\*\*)?\s*(?:q|问)\s*\d*\s*[:：.、]\s*(.+?)\s*(?:\*\*)?\s*$", re.I)
_ANSWERS_BY_START = re.compile(r"^\s*(?:\*\*)?(?:a|答)\s*\d*\s*[:：](?:\*\*)?\s*", re.I)
_NUMBER = re.compile(
    r"^(?:第[一二三四五六七八九十\d]+[章节条][、.\s]*|[(（]?[\d.一二三四五六七八九十]+[)）]?[、.\s]\s*)"
)
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\((\S+?)(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading's path from the document's title down, and the lines under it up to the next heading."""

    path: tuple[str, ...]
    begins: int
    text: str


def read(name: str, content: bytes) -> Document:
    """The sections of a document as entries. Raises `BadDocument` when it is not UTF-8."""
    text = decode(name, content).replace("\r\n", "\n").replace("\r", "\n")
    return document(name, _entries(PurePath(name).stem, _blanked(text)))


def _blanked(text: str) -> str:
    """`text` without comments and front matter, every line still in its place."""
    for pattern in (_FRONT_MATTER, _COMMENT):
        text = pattern.sub(lambda found: "\n" * found.group().count("\n"), text)
    return text


def _entries(stem: str, text: str) -> Iterator[ReadEntry | Skipped]:
    seen: dict[str, int] = {}
    for section in _sections(stem, text):
        answer = _plain(section.text)
        if not answer:
            continue
        key = " > ".join(section.path)
        seen[key] = seen.get(key, 0) + 1
        key = key if seen[key] == 1 else f"{key} #{seen[key]}"
        question, similar = _asking(section.path)
        category = section.path[0] if len(section.path) > 1 else ""
        yield ReadEntry(key, EntryWords(question, answer, similar, category), section.begins)


def _sections(stem: str, text: str) -> Iterator[Section]:
    lines = text.split("\n")
    path: list[tuple[int, str]] = []
    begins = 0
    for level, title, start, end in [*_headings(text), (0, "", len(lines), len(lines))]:
        body = "\n".join(lines[begins:start])
        if body.strip():
            yield Section(tuple(words for _, words in path) or (stem,), begins + 1, body)
        path = [(above, words) for above, words in path if above < level] + [(level, title)]
        begins = end


def _headings(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Level, words, first line and the line after, of every heading and of every line that asks like `问：…`."""
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    deepest = 1
    for token, inline in pairwise(parsed):
        if token.map is None or token.level != 0:
            continue
        if token.type == "heading_open":
            deepest = int(token.tag[1])
            yield deepest, _heading_words(inline), *_span(token)
        elif token.type == "paragraph_open":
            for at, asked in _asked_in(inline):
                yield deepest + 6, asked, token.map[0] + at, token.map[0] + at + 1


def _asked_in(inline: Token) -> Iterator[tuple[int, str]]:
    """The lines of a paragraph like `问：…` or `**Q1: …**`, and a bold question that is a paragraph of its own."""
    lines = inline.content.split("\n")
    for at, line in enumerate(lines):
        if found := _ASKS_BY_START.fullmatch(line):
            yield at, _plain(found.group(1))
    bold = re.fullmatch(r"(?:\*\*|__)(.+?)(?:\*\*|__)", lines[0].strip())
    if bold and len(lines) == 1 and QUESTION_MARKS.search(bold.group(1)) and not _ASKS_BY_START.fullmatch(lines[0]):
        yield 0, _plain(bold.group(1))


def _span(token: Token) -> tuple[int, int]:
    assert token.map is not None
    return token.map[0], token.map[1]


def _heading_words(inline: Token) -> str:
    words = _plain(inline.content).strip("# ")
    return _NUMBER.sub("", words) or words


def _asking(path: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """How a section is asked for: its heading, under the one above it where the heading alone says too little."""
    own, above = path[-1], path[-2] if len(path) > 1 else ""
    if not above or (len(path) == 2 and not _VAGUE.fullmatch(own)):
        # Under the document's title a heading stands for itself.
        return own, (f"{above} {own}",) if above else ()
    if QUESTION_MARKS.search(own):
        return own, (f"{above}：{own}",)
    return f"{above}：{own}", () if _VAGUE.fullmatch(own) else (own,)


def _plain(text: str) -> str:
    """Text as a customer may read it in a chat: lists and tables as they are, no marks around words."""
    text = _IMAGE.sub(lambda found: found.group(1), text)
    text = _LINK.sub(
        lambda found: found.group(1) if found.group(2) in found.group(1) else f"{found[1]} {found[2]}", text
    )
    text = _EMPHASIS.sub(r"\2", text)
    text = _ANSWERS_BY_START.sub("", text.strip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n"))).strip()
