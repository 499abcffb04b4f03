"""Reads FAQ tables: CSV as spreadsheets write it, columns found by their headings, in UTF-8 or GB 18030."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence

from conversation.errors import BadDocument
from knowledge.readers.document import Document, ReadEntry, Skipped, decode, document
from store.knowledge_rows import EntryWords

#: Headings by what they mean, folded: without blanks, in lower case.
HEADINGS: dict[str, tuple[str, ...]] = {
    "question": ("问题", "标准问题", "标准问", "主问题", "提问", "问", "标题", "question", "title", "q"),
    "answer": (
        "答案",
        "标准答案",
        "回答",
        "答复",
        "回复",
        "答",
        "内容",
        "正文",
        "answer",
        "reply",
        "text",
        "content",
        "a",
    ),
    "similar": (
        *("相似问题", "相似问法", "相似问", "扩展问题", "扩展问", "其他问法", "同义问", "问法"),
        *("similar", "similarquestions", "similar_questions", "variants", "aliases"),
    ),
    "category": ("分类", "类别", "类目", "目录", "category", "group"),
    "id": ("编号", "条目编号", "id", "doc_id", "docid", "key"),
}
_NUMBERED = re.compile(r"[\d_（(][\d）)]*$")
_BETWEEN_SIMILAR = re.compile(r"[|｜\n\r]+")
_DELIMITERS = ",\t;，；"


def read(name: str, content: bytes) -> Document:
    """The entries of a table. Raises `BadDocument` when it is broken or has no columns to ask and to answer."""
    text = decode(name, content, others=("gb18030",))
    return document(name, _entries(name, text))


def _entries(name: str, text: str) -> Iterator[ReadEntry | Skipped]:
    rows = _rows(name, text)
    try:
        line, headings = next(rows)
    except StopIteration:
        raise BadDocument(f"{name}: the table is empty; its first row must name the columns") from None
    columns = _columns(name, line, headings)
    for number, cells in rows:
        if any(cell.strip() for cell in cells):
            yield _entry(number, cells, columns)


def _rows(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with the lines on which they begin; a row may span lines."""
    first_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first_line.count)
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in table:
            if cells:
                yield begins, cells
            begins = table.line_num + 1
    except csv.Error as error:
        raise BadDocument(
            f"{name}:{begins}: broken table row ({error}); quotes inside a cell must be doubled and closed"
        ) from None


def _columns(name: str, line: int, headings: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for at, heading in enumerate(headings):
        folded = re.sub(r"\s", "", heading).lower()
        for meaning, names in HEADINGS.items():
            if folded in names or (folded and _NUMBERED.sub("", folded) in names):
                found.setdefault(meaning, []).append(at)
    for meaning, example in (("question", "问题"), ("answer", "答案")):
        if meaning not in found:
            raise BadDocument(
                f"{name}:{line}: no column for the {meaning}; name one {example} or {meaning} "
                f"(the table has: {', '.join(h.strip() for h in headings) or 'nothing'})"
            )
    return found


def _entry(line: int, cells: Sequence[str], columns: dict[str, list[int]]) -> ReadEntry | Skipped:
    def cell(meaning: str) -> str:
        filled = (cells[at].strip() for at in columns.get(meaning, ()) if at < len(cells))
        return next((text for text in filled if text), "")

    question, answer = cell("question"), cell("answer")
    if not question or not answer:
        return Skipped(line, f"has no {'answer' if question else 'question'}")
    similar = [
        text.strip()
        for at in columns.get("similar", ())
        if at < len(cells)
        for text in _BETWEEN_SIMILAR.split(cells[at])
        if text.strip()
    ]
    words = EntryWords(question, answer, tuple(dict.fromkeys(similar)), cell("category"))
    return ReadEntry(cell("id") or question, words, line, own_id=bool(cell("id")))
