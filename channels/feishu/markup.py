"""Makes words harmless in Feishu's markup: whatever a customer wrote is shown as written and does nothing. Pure."""

from __future__ import annotations

import re

#: A text message takes `<at user_id="all">` and style tags out of plain words; a full-width sign takes none.
_TAG = re.compile(r"<(?=[/!?]?[A-Za-z])")
#: It also hides an address behind other words: `[words](address)`; a blank between the two keeps both in sight.
_LINK = re.compile(r"\](?=\()")

#: Card markdown shows a sign by its number:
#: https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-components/content-components/rich-text
_INLINE = re.compile(r"[<*~`\[\]\\|]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
_LINE_START = re.compile(r"^([ \t]*(?:\d{1,9}(?=[.)]))?)([#>+=.)-])", re.MULTILINE)

_OPEN_ID = re.compile(r"ou_[0-9A-Za-z_-]+")
_NOT_IN_NAMES = re.compile(r"[<>\"'&\x00-\x1f]")


def plain(text: str) -> str:
    """Words for a text message: tags lose their bracket, and links show where they lead."""
    return _LINK.sub("] ", _TAG.sub("＜", text))


def at(open_id: str, name: str) -> str:
    """The mention of one person in a text message; empty for an id that is no person's (`all` is everybody)."""
    if not _OPEN_ID.fullmatch(open_id):
        return ""
    return f'<at user_id="{open_id}">{_NOT_IN_NAMES.sub("", name)}</at>'


def markdown(text: str) -> str:
    """Words for a card's markdown, in which nothing is markup any more."""
    numbered = _INLINE.sub(lambda sign: _number(sign[0]), text)
    return _LINE_START.sub(lambda start: start[1] + _number(start[2]), numbered)


def _number(sign: str) -> str:
    return f"&#{ord(sign)};"
