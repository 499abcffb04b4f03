"""Drops the words of somebody else that a client puts before a reply; used by mention parsing.

WeChat: `「name：words」⏎- - - -⏎reply`; WeCom: `这是一条引用/回复消息：⏎“name：⏎words”⏎------⏎reply`; many: `> words`.
"""

from __future__ import annotations

import re

_PAIRS = {"「": "」", "『": "』", "“": "”"}
_OPENER_OF = {closer: opener for opener, closer in _PAIRS.items()}
_RULE = r"[^\S\n]*(?:[-—–－_─][^\S\n]*){3,}(?:\n|\Z)"
_CLOSED_BY_RULE = re.compile(rf'[」』”"][^\S\n]*\n{_RULE}')
_MAY_QUOTE = re.compile(r"\n|[>＞]|\A\s*「")
_ANNOUNCED = re.compile(r"(?:这是一条引用/回复消息|This is a quote/reply)\s*[:：]?\s*\Z")
_NAMED_AT_START = re.compile(r"\s*「[^「」\n：:]{1,40}[：:]")
#: A `>` before a number or a face (`>=100`, `>_<`) is no quote; before a blank, a letter or an @ it is.
_QUOTED_LINE = re.compile(r"^[^\S\n]*[>＞]+(?:[^\S\n].*|[^\W\d_].*|[@“「\"].*)?(?:\n|\Z)", re.M)


def without_quotes(text: str) -> str:
    """`text` without quoted blocks and quoted lines; everything else stays as it is."""
    if not _MAY_QUOTE.search(text):
        return text
    kept, place = [], 0
    for start, end in _blocks(text):
        if end > place:
            kept.append(text[place : max(start, place)])
            place = end
    kept.append(text[place:])
    return _QUOTED_LINE.sub("", "\n".join(kept) if len(kept) > 1 else kept[0])


def _blocks(text: str) -> list[tuple[int, int]]:
    """Where the quoted blocks are, outermost and earliest first."""
    closed = [(match.start(), match.end()) for match in _CLOSED_BY_RULE.finditer(text)]
    opener_of = _matching(text) if closed or _NAMED_AT_START.match(text) else {}
    blocks = []
    for closer, end in closed:
        start = opener_of.get(closer)
        if start is None:
            # Unbalanced words inside: the first mark of that kind has to be the opening one.
            start = text.find(_OPENER_OF.get(text[closer], '"'), 0, closer)
        if start >= 0:
            announced = _ANNOUNCED.search(text, max(0, start - 40), start)
            blocks.append((announced.start() if announced else start, end))
    if _NAMED_AT_START.match(text):
        # Such a block opens the text, whatever marks its words have; without a rule it must be closed and answered.
        blocks += [(text.index("「"), closed[0][1])] if closed else _bare_block(text, opener_of)
    return sorted(blocks, key=lambda block: (block[0], -block[1]))


def _bare_block(text: str, opener_of: dict[int, int]) -> list[tuple[int, int]]:
    """The block `「name：words」` that opens the text and has a reply after it, without a rule between them.

    On one line with the reply it may as well be the writer's own (`「订单号：12」到哪了`), unless it @-s somebody.
    """
    start = text.index("「")
    closer = next((place for place, opener in opener_of.items() if opener == start), None)
    reply = "" if closer is None else text[closer + 1 :]
    own_line = reply.lstrip(" \t\u3000").startswith("\n")
    if closer is None or not reply.strip() or not (own_line or "@" in text[start:closer]):
        return []
    return [(start, closer + 1)]


def _matching(text: str) -> dict[int, int]:
    """Place of each closing mark → place of its opening mark, one pass."""
    waiting: dict[str, list[int]] = {opener: [] for opener in _PAIRS}
    found: dict[int, int] = {}
    for place, character in enumerate(text):
        if character in _PAIRS:
            waiting[character].append(place)
        elif character in _OPENER_OF and waiting[_OPENER_OF[character]]:
            found[place] = waiting[_OPENER_OF[character]].pop()
    return found
