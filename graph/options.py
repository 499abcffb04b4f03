"""When we asked "which one do you mean?", the answer may be a bare number: puts the picked option into words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conversation.identity import Speaker
from conversation.turn import Line
from conversation.wording import CHINESE, ENGLISH

OPTION = re.compile(r"^\d\. (.+)$", re.MULTILINE)
ONE = re.compile(
    "|".join(re.escape(words.one_candidate).replace(r"\{question\}", "(.+?)") for words in (CHINESE, ENGLISH))
)
LEADS = tuple(
    line.split("{options}", maxsplit=1)[0]
    for words in (CHINESE, ENGLISH)
    for line in (words.several_candidates, words.which)
)
PICK = re.compile(
    r"(?:选|是|就|no\.?)?\s*第?\s*([1-9一二三四五])\s*[个条项号种]?[.。、)）]?\s*(?:个|吧|的)?", re.IGNORECASE
)
PLACES = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}
YES = re.compile(r"(?:是|对|嗯|好|没错|yes|yeah|right|correct)[的对啊呀嗯是吧，,。.!！]*", re.IGNORECASE)
WHICH_TICKET = tuple(words.which.split("{options}", maxsplit=1)[0] for words in (CHINESE, ENGLISH))


def offered(history: Sequence[Line]) -> tuple[str, ...]:
    """The options of our own last line, when that line asked which one was meant."""
    last = _last_bot_line(history)
    if last.startswith(LEADS):
        return tuple(OPTION.findall(last))
    match = ONE.fullmatch(last)
    return tuple(filter(None, match.groups())) if match else ()


def picked(text: str, options: Sequence[str]) -> str | None:
    """The option that `text` picks by its number, or by a yes where there is only one; None when it picks none."""
    bare = text.strip()
    number = PICK.fullmatch(bare)
    if number:
        place = PLACES.get(number[1]) or int(number[1])
        return options[place - 1] if place <= len(options) else None
    return options[0] if len(options) == 1 and YES.fullmatch(bare) else None


def in_words(text: str, history: Sequence[Line]) -> str:
    """What `text` asks. A picked ticket keeps what was to be done with it, said in the line before our question."""
    options = offered(history)
    option = picked(text, options) if options else None
    if option is None:
        return text
    if not _last_bot_line(history).startswith(WHICH_TICKET):
        return option
    asked = next((line.text for line in reversed(history) if line.speaker is Speaker.CUSTOMER), "")
    return f"{asked}\n{option}"


def _last_bot_line(history: Sequence[Line]) -> str:
    return history[-1].text.strip() if history and history[-1].speaker is Speaker.BOT else ""
