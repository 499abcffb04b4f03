"""What a reader gives: the entries of one file, and the places that were left out."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conversation.errors import BadDocument
from store.knowledge_rows import EntryWords


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry as a file has it. `key` finds it again at the next import of the same file; `line` counts from 1.

    `own_id` is True where the key is an id that the file itself gives.
    """

    key: str
    words: EntryWords
    line: int
    own_id: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A place of a file that gave no entry, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read."""

    name: str
    entries: tuple[ReadEntry, ...]
    skipped: tuple[Skipped, ...] = ()


DocumentReader = Callable[[str, bytes], Document]

_ZIP_START = b"PK\x03\x04"


def document(name: str, found: Iterable[ReadEntry | Skipped]) -> Document:
    """Sorts what was found; of entries with the same key the first one counts."""
    entries: dict[str, ReadEntry] = {}
    skipped: list[Skipped] = []
    for one in found:
        if isinstance(one, Skipped):
            skipped.append(one)
        elif (first := entries.get(one.key)) is not None:
            skipped.append(Skipped(one.line, f"says the same id or question as line {first.line}"))
        else:
            entries[one.key] = one
    return Document(name, tuple(entries.values()), tuple(skipped))


def decode(name: str, content: bytes, *, others: tuple[str, ...] = ()) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, or one of `others`. Raises `BadDocument`."""
    if content.startswith(_ZIP_START):
        raise BadDocument(f"{name}: this is a packed file (Excel, Word or zip) under another name; export it as text")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        others = ("utf-16",)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = _decode_otherwise(content, others)
        if not text:
            raise BadDocument(f"{name}:{line}: not UTF-8 text; save the file as UTF-8 and import it again") from None
    if "\0" in text:
        raise BadDocument(f"{name}: this is no text file (it holds zero bytes); export it as UTF-8 text")
    return text


def _decode_otherwise(content: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
