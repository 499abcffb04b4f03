"""The flat XML of WeCom's callbacks, as the platform writes it and as it reads an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ELEMENT = re.compile(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", re.DOTALL)


def to_xml(fields: Mapping[str, object]) -> str:
    """Give `<xml>` with texts as CDATA and numbers bare."""
    return "<xml>\n" + "".join(f"  <{tag}>{_content(value)}</{tag}>\n" for tag, value in fields.items()) + "</xml>"


def fields_of(xml: str) -> dict[str, str]:
    """Give every element that holds text, nested ones too; the last one of a tag counts."""
    return {tag: cdata or text for tag, cdata, text in _ELEMENT.findall(xml)}


def _content(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    return "<![CDATA[" + str(value).replace("]]>", "]]]]><![CDATA[>") + "]]>"
