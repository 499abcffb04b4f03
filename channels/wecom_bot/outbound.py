"""From our words to the platform's JSON: streams, markdown, template cards; pure.

Protocol: https://developer.work.weixin.qq.com/document/path/101031 (replies), /101138 (response_url), /101032 (cards).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import orjson

from conversation.card_press import CardAnswer
from conversation.errors import GiveUp
from conversation.messages import Button, ButtonStyle, Card, OutgoingMessage

CONTENT_LIMIT = 20480  # bytes of UTF-8: document/path/101031
_ELLIPSIS = "…"
_BUTTONS_LIMIT = 6
_KEY_LIMIT = 1024  # bytes of a button's key
_ROWS_LIMIT, _ROW_NAME, _ROW_VALUE = 6, 5, 26  # what a row of a card shows without cutting: document/path/101032
_SOURCE_LIMIT = 13

_LINK = re.compile(r"!?\[[^\[\]\n]*\]\([^()\s]*\)|https?://[^\s<>()\[\]，。；、）】」》”]+")
_STYLES = {ButtonStyle.PRIMARY: 1, ButtonStyle.DEFAULT: 2, ButtonStyle.DANGER: 3}
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_JOINER = "\u200d"

Json = dict[str, Any]


def content_of(message: OutgoingMessage) -> str:
    """The words of a message as this platform shows them, within its limit. Raises `GiveUp` when there are none."""
    words = message.card.as_text() if message.card else message.text
    if not words.strip():
        raise GiveUp("the message has neither text nor a card: WeCom's bot can show nothing else")
    return cut(words)


def stream(stream_id: str, content: str, *, finish: bool, feedback: bool = False, card: str = "") -> Json:
    """A stream reply; `content` is the whole text so far. `feedback` asks for thumbs and belongs to the first reply.

    The feedback's id is the stream's, so that a thumb leads straight back to the bubble. `card` is JSON text.
    """
    bubble: Json = {"id": stream_id, "finish": finish, "content": content}
    if feedback:
        bubble["feedback"] = {"id": stream_id}
    if not card:
        return {"msgtype": "stream", "stream": bubble}
    return {"msgtype": "stream_with_template_card", "stream": bubble, "template_card": orjson.loads(card)}


def response(content: str, card: str, feedback_id: str) -> Json:
    """The one-shot body for a response_url: the card where there is one, else Markdown."""
    if card:
        return {"msgtype": "template_card", "template_card": {**orjson.loads(card), "feedback": {"id": feedback_id}}}
    return {"msgtype": "markdown", "markdown": {"content": content, "feedback": {"id": feedback_id}}}


def welcome(greeting: str) -> Json:
    """The answer to somebody who opens the chat."""
    return {"msgtype": "text", "text": {"content": cut(greeting)}}


def card_json(card: Card | None, key: str, bot_name: str) -> str:
    """The template card of `card` as JSON text, or an empty text where it has no buttons and words do as well.

    `key` (the send's idempotency key) gives the card its task_id, so that a repeated send is the same card.
    """
    if card is None or not card.buttons:
        return ""
    task_id = "tk" + hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return orjson.dumps(template_card(card, task_id, bot_name)).decode()


def template_card(card: Card, task_id: str, bot_name: str) -> Json:
    """A button_interaction card. Raises `GiveUp` where a button's value does not fit into a key."""
    shown: Json = {
        "card_type": "button_interaction",
        "source": {"desc": bot_name[:_SOURCE_LIMIT]},
        "main_title": {"title": card.title, **({"desc": card.note} if card.note else {})},
        "button_list": [_button(button) for button in card.buttons[:_BUTTONS_LIMIT]],
        "task_id": task_id,
    }
    short = all(len(name) <= _ROW_NAME and len(value) <= _ROW_VALUE for name, value in card.sections)
    if short and len(card.sections) <= _ROWS_LIMIT:
        shown["horizontal_content_list"] = [{"keyname": name, "value": value} for name, value in card.sections]
    else:
        shown["sub_title_text"] = "\n".join(f"{name}：{value}" for name, value in card.sections)
    return shown


def card_update(answer: CardAnswer, task_id: str, bot_name: str) -> Json:
    """What replaces a pressed card for everybody who sees it: the card as it is now, or the notice alone.

    A card without buttons keeps one that says what was done: the platform knows no such card without buttons.
    """
    card = answer.card or Card(answer.notice, ())
    if not card.buttons:
        card = Card(card.title, card.sections, (Button(answer.notice, {}),), card.tone, card.note)
    return {"response_type": "update_template_card", "template_card": template_card(card, task_id, bot_name)}


def cut(text: str, limit: int = CONTENT_LIMIT) -> str:
    """`text` within `limit` bytes of UTF-8, never ending inside a character, an emoji or a link."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    room = max(0, limit - len(_ELLIPSIS.encode()))
    text = raw.decode()
    end = len(raw[:room].decode("utf-8", "ignore"))
    while end > 0 and _inside_character(text, end):
        end -= 1
    for link in _LINK.finditer(text):
        if link.start() < end < link.end():
            end = link.start()
        if link.end() >= end:
            break
    return text[:end].rstrip() + _ELLIPSIS


def _inside_character(text: str, place: int) -> bool:
    """Whether what stands at `place` belongs to the character before it."""
    after, before = text[place], text[place - 1]
    if unicodedata.category(after)[0] == "M" or ord(after) in _SKIN_TONES or _JOINER in (after, before):
        return True
    if ord(after) not in _FLAG_LETTERS:
        return False
    start = place
    while start > 0 and ord(text[start - 1]) in _FLAG_LETTERS:
        start -= 1
    return (place - start) % 2 == 1


def _button(button: Button) -> Mapping[str, object]:
    key = orjson.dumps(dict(button.value), option=orjson.OPT_SORT_KEYS)
    if len(key) > _KEY_LIMIT:
        raise GiveUp(f"the value of button {button.text!r} is longer than {_KEY_LIMIT} bytes")
    return {"text": button.text, "style": _STYLES[button.style], "key": key.decode()}
