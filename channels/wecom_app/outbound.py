"""From our words to the platform's JSON: what each part of a message is sent as; pure.

Protocol: https://developer.work.weixin.qq.com/document/path/90236 (members), /90248 (app-made groups).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from channels.text_parts import plain_of, split_text
from channels.wecom_app.account import WecomAppSettings
from conversation.errors import GiveUp
from conversation.identity import RoomKind
from conversation.messages import Attachment, Button, ButtonStyle, Card, ContentKind, OutgoingMessage

TEXT_LIMIT = 2048  # bytes: document/path/90236
TITLE_LIMIT, DESCRIPTION_LIMIT = 128, 512  # bytes of a textcard
#: Within this the platform shows the same words to the same member once, so that a lost answer may be asked again.
DUPLICATE_CHECK_S = 60

_BUTTONS_LIMIT = 6
_BUTTON_KEY_LIMIT = 1024  # bytes
_ROWS_LIMIT, _ROW_NAME, _ROW_VALUE = 6, 5, 26  # what a row of a card shows without cutting
_SOURCE_LIMIT = 13
_STYLES = {ButtonStyle.PRIMARY: 1, ButtonStyle.DEFAULT: 2, ButtonStyle.DANGER: 3}

Json = dict[str, Any]

#: How a received file is sent on, by kind; whatever else has bytes goes as a file.
MEDIA: dict[ContentKind, str] = {
    ContentKind.IMAGE: "image",
    ContentKind.VOICE: "voice",
    ContentKind.VIDEO: "video",
    ContentKind.FILE: "file",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One call's content; `fallback` is what says the same in words where the platform refuses the card.

    `upload` is the attachment whose file must be put at the platform's first: its media id goes into `body`.
    """

    body: Json
    fallback: tuple[Part, ...] = ()
    upload: Attachment | None = None


def to_parts(message: OutgoingMessage, key: str, settings: WecomAppSettings) -> list[Part]:
    """The parts of a message in order. Raises `GiveUp` when it has nothing that can be shown."""
    links = [one for one in message.attachments if one.kind is ContentKind.LINK]
    files = [one for one in message.attachments if one.kind in MEDIA]
    as_card = bool(links) and message.card is None and 0 < len(message.text.encode()) <= DESCRIPTION_LIMIT
    parts = [] if as_card else list(_said(message, key, settings))
    for link in links:
        parts.append(Part(text_card(link, message.text if as_card else link.name)))
    parts += [Part({"msgtype": MEDIA[file.kind]}, upload=file) for file in files]
    if not parts:
        raise GiveUp("the message has neither words nor a card nor a file that a self-built app can show")
    return parts


def to_request(body: Json, message: OutgoingMessage, agent_id: int) -> tuple[str, Json]:
    """(path, body) of the call that sends one part to the message's room."""
    if message.room.kind is RoomKind.GROUP:
        return "appchat/send", {"chatid": message.room.chat_id, "safe": 0, **body}
    sent = {
        "touser": message.room.chat_id,
        "agentid": agent_id,
        "enable_duplicate_check": 1,
        "duplicate_check_interval": DUPLICATE_CHECK_S,
    }
    return "message/send", {**sent, **body}


def words(text: str, form: Literal["text", "markdown"] = "text") -> list[Json]:
    """A text in as many messages as it needs."""
    shown = plain_of(text) if form == "text" else text
    return [{"msgtype": form, form: {"content": part}} for part in split_text(shown, TEXT_LIMIT)]


def text_card(link: Attachment, description: str) -> Json:
    """A link with a title and a few words."""
    title = link.name or link.reference
    card = {
        "title": _first(title, TITLE_LIMIT),
        "description": _first(description or title, DESCRIPTION_LIMIT),
        "url": link.reference,
    }
    return {"msgtype": "textcard", "textcard": card}


def template_card(card: Card, task_id: str, app_name: str) -> Json:
    """A button_interaction card. Raises `GiveUp` where a button's value does not fit into a key."""
    shown: Json = {
        "card_type": "button_interaction",
        "source": {"desc": app_name[:_SOURCE_LIMIT]},
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


def task_id_of(key: str) -> str:
    """The task_id of a card, from the send's idempotency key."""
    return "tk" + hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _said(message: OutgoingMessage, key: str, settings: WecomAppSettings) -> Iterator[Part]:
    if message.card is None:
        named = message.at.name if message.at and message.room.kind is RoomKind.GROUP else ""
        text = f"@{named} {message.text}" if named and message.text.strip() else message.text
        yield from (Part(one) for one in words(text, settings.words))
        return
    plain = tuple(Part(one) for one in words(message.card.as_text()))
    # App-made groups take no template cards: document/path/90248.
    if message.card.buttons and message.room.kind is RoomKind.DIRECT:
        card = template_card(message.card, task_id_of(key), settings.app_name)
        yield Part({"msgtype": "template_card", "template_card": card}, plain)
    else:
        yield from plain


def _button(button: Button) -> Json:
    key = orjson.dumps(dict(button.value), option=orjson.OPT_SORT_KEYS)
    if len(key) > _BUTTON_KEY_LIMIT:
        raise GiveUp(f"the value of button {button.text!r} is longer than {_BUTTON_KEY_LIMIT} bytes")
    return {"text": button.text, "style": _STYLES[button.style], "key": key.decode()}


def _first(text: str, limit: int) -> str:
    parts = split_text(text, limit)
    return parts[0] if parts else ""
