"""From the platform's decrypted XML to our words; pure. What is odd becomes `Ignored` or a message of kind OTHER.

Protocol: https://developer.work.weixin.qq.com/document/path/90239 (messages), /90240 (events).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from channels.wecom_app.account import PLATFORM
from conversation.card_press import CardPress
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Attachment, ContentKind, EventKind, IncomingMessage, RoomEvent

#: Longer texts are cut: nobody asks a question of twenty thousand characters.
TEXT_LIMIT = 20_000
_KEY_LIMIT = 2_000
#: Moments outside of this are no moments; 2100 is far enough.
_MOMENTS = (1.0e9, 4.1e9)


@dataclass(frozen=True, slots=True)
class PressedCard:
    """A pressed button. `response_code` changes the card once within 72 hours: document/path/94888."""

    press: CardPress
    response_code: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that anybody has to know of; `reason` is for our log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a message holds."""

    kind: ContentKind
    text: str = ""
    attachments: tuple[Attachment, ...] = ()


Fields = Mapping[str, Any]
Translated = IncomingMessage | RoomEvent | PressedCard | Ignored


def translate(fields: Fields, *, account: str, menu: Mapping[str, str], now: float) -> Translated:
    """What a callback says. `now` (Unix seconds) stands in for a time that is missing or none."""
    sender, msgtype = Person(_text(fields, "FromUserName")), _text(fields, "MsgType")
    if not sender.person_id or not msgtype:
        return Ignored("a callback without a sender or a type")
    room = Room(PLATFORM, account, sender.person_id, RoomKind.DIRECT)
    at = _moment(_text(fields, "CreateTime"), now)
    if msgtype == "event":
        return _event(fields, room, sender, at, menu)
    message_id = _text(fields, "MsgId")
    if not message_id:
        return Ignored("a message without an id")
    content = _content(fields, msgtype)
    return _message(room, sender, message_id, content, at)


def event_id_of(fields: Fields) -> str:
    """The id of an event, which has none of its own: who, when, what, and about what."""
    parts = (_text(fields, name) for name in ("FromUserName", "CreateTime", "Event", "EventKey", "TaskId"))
    named = "\0".join((*parts, _text(fields, "ResponseCode")))
    return "ev" + hashlib.blake2b(named.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _message(room: Room, sender: Person, message_id: str, content: Content, at: float) -> IncomingMessage:
    words = content.text[:TEXT_LIMIT]
    return IncomingMessage(
        room=room,
        sender=sender,
        message_id=message_id,
        text=words.strip(),
        sent_at=at,
        kind=content.kind,
        raw_text=words,
        attachments=content.attachments,
    )


def _content(fields: Fields, msgtype: str) -> Content:
    reader = _READERS.get(msgtype)
    return reader(fields) if reader else Content(ContentKind.OTHER, f"[{msgtype[:40]}]")


def _words(fields: Fields) -> Content:
    return Content(ContentKind.TEXT, _text(fields, "Content"))


def _media(kind: ContentKind) -> Callable[[Fields], Content]:
    def read(fields: Fields) -> Content:
        media_id, form = _text(fields, "MediaId"), _text(fields, "Format")
        name = f"{kind.value}.{form}" if form.isalnum() else ""
        return Content(kind, attachments=(Attachment(kind, media_id, name),) if media_id else ())

    return read


def _location(fields: Fields) -> Content:
    name = _text(fields, "Label")
    place = f"{_text(fields, 'Location_X')},{_text(fields, 'Location_Y')}"
    return Content(ContentKind.LOCATION, name, (Attachment(ContentKind.LOCATION, place, name),))


def _link(fields: Fields) -> Content:
    title, url = _text(fields, "Title"), _text(fields, "Url")
    words = "\n".join(line for line in (title, _text(fields, "Description"), url) if line)
    return Content(ContentKind.LINK, words, (Attachment(ContentKind.LINK, url, title),) if url else ())


_READERS: dict[str, Callable[[Fields], Content]] = {
    "text": _words,
    "image": _media(ContentKind.IMAGE),
    "voice": _media(ContentKind.VOICE),
    "video": _media(ContentKind.VIDEO),
    "file": _media(ContentKind.FILE),
    "location": _location,
    "link": _link,
}
_ENTERING = frozenset({"subscribe", "enter_agent"})


def _event(fields: Fields, room: Room, sender: Person, at: float, menu: Mapping[str, str]) -> Translated:
    event, key, event_id = _text(fields, "Event"), _text(fields, "EventKey"), event_id_of(fields)
    if event in _ENTERING:
        return RoomEvent(room, sender, event_id, EventKind.ENTERED, at, detail={"event": event})
    if event == "unsubscribe":
        return RoomEvent(room, sender, event_id, EventKind.BOT_REMOVED, at)
    if event == "template_card_event":
        task_id, code = _text(fields, "TaskId"), _text(fields, "ResponseCode")
        press = CardPress(PLATFORM, room.account, room.chat_id, task_id, sender, _pressed_value(fields), event_id)
        return PressedCard(press, code)
    if event == "click" and key in menu:
        return _message(room, sender, event_id, Content(ContentKind.TEXT, menu[key]), at)
    return Ignored(f"an event {event[:40]!r} with the key {key[:40]!r}")


def _pressed_value(fields: Fields) -> dict[str, str]:
    """The pressed button's value: our own keys are JSON objects, a foreign one is given as `key`; choices beside it."""
    key = _text(fields, "EventKey")[:_KEY_LIMIT]
    try:
        ours = orjson.loads(key)
    except orjson.JSONDecodeError:
        ours = None
    value = {str(name): str(one) for name, one in ours.items()} if isinstance(ours, dict) else {"key": key}
    for row in _list(_dict(fields.get("SelectedItems")).get("SelectedItem")):
        question = _text(_dict(row), "QuestionKey")
        if question:
            options = _list(_dict(_dict(row).get("OptionIds")).get("OptionId"))
            value[question] = ",".join(one for one in options if isinstance(one, str))
    return value


def _moment(text: str, now: float) -> float:
    at = float(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0.0
    return at if _MOMENTS[0] < at < _MOMENTS[1] else now


def _text(fields: Fields, name: str) -> str:
    found = fields.get(name)
    return found if isinstance(found, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    """A tag that comes once is no list in our reading."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
