"""The small XML that WeChat and WeCom speak: read without entities or DTDs and within limits, written with CDATA.

Protocol: https://developer.work.weixin.qq.com/document/path/90238
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from conversation.errors import RefusedInput

SIZE_LIMIT = 1024 * 1024
DEPTH_LIMIT = 16
NODES_LIMIT = 20_000

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
#: What XML 1.0 cannot hold at all, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_xml(body: bytes) -> dict[str, Any]:
    """The children of the root element by tag: text, or a dict for what has children itself; a repeated tag is a list.

    Numbers stay text. Raises `RefusedInput` for what is no XML, is not UTF-8, or has a DTD, an entity of its own, more
    than `DEPTH_LIMIT` levels or `NODES_LIMIT` elements.
    """
    if len(body) > SIZE_LIMIT:
        raise RefusedInput(f"the XML is larger than {SIZE_LIMIT} bytes", 413)
    reader = _Reader()
    # The encoding is ours to say: one that the document declares, or begins with, could hide what it holds.
    _check_utf8(body)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.words
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as broken:
        raise RefusedInput(f"the body is no XML: {expat.ErrorString(broken.code)}") from None
    return reader.found if isinstance(reader.found, dict) else {}


def write_xml(fields: Mapping[str, Any]) -> bytes:
    """`<xml>` with the fields in order: text as CDATA, numbers bare, a mapping nested, a sequence as a repeated tag."""
    return f"<xml>{_children(fields)}</xml>".encode("utf-8", "replace")


class _Reader:
    """Builds the dict while expat walks; a stack, for documents may nest deeper than Python calls."""

    def __init__(self) -> None:
        self.found: dict[str, Any] | str = {}
        self._open: list[tuple[dict[str, Any], list[str]]] = []
        self._nodes = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._nodes += 1
        if len(self._open) >= DEPTH_LIMIT or self._nodes > NODES_LIMIT:
            raise RefusedInput("the XML is nested too deep or has too many elements")
        self._open.append(({}, []))

    def words(self, text: str) -> None:
        if self._open:
            self._open[-1][1].append(text)

    def end(self, tag: str) -> None:
        children, words = self._open.pop()
        value: dict[str, Any] | str = children or "".join(words)
        if not self._open:
            self.found = value
            return
        above = self._open[-1][0]
        if tag not in above:
            above[tag] = value
        elif isinstance(above[tag], list):
            above[tag].append(value)
        else:
            above[tag] = [above[tag], value]


def _check_utf8(body: bytes) -> None:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedInput("the body is not UTF-8") from None


def _refuse(*_: object) -> int:
    raise RefusedInput("the XML brings a DTD or an entity of its own", 403)


def _children(fields: Mapping[str, Any]) -> str:
    return "".join(_element(tag, value) for tag, value in fields.items())


def _element(tag: str, value: object) -> str:
    if not _NAME.fullmatch(tag):
        raise ValueError(f"{tag!r} is no name of an element")
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "".join(_element(tag, one) for one in value)
    return f"<{tag}>{_content(value)}</{tag}>"


def _content(value: object) -> str:
    if isinstance(value, Mapping):
        return _children(value)
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return escape(str(value))
    text = _NO_XML.sub("\ufffd", str(value))
    # "]]>" would end the section early; it is split over two.
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
