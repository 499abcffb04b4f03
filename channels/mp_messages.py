"""From the fields of a 公众号 or 小程序 callback to our words; pure. What has no words of ours becomes `Unsupported`.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Receiving_standard_messages.html,
https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.mp_callback import text_of
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Attachment, ContentKind, EventKind, IncomingMessage, RoomEvent

#: Longer texts are cut: nobody asks a question of twenty thousand characters.
TEXT_LIMIT = 20_000
_NOTE_LIMIT = 1_000
_SCENE_PREFIX = "qrscene_"

#: Events of somebody coming to the account, and the field that says from where.
_ENTERING = {"subscribe": "EventKey", "scan": "EventKey", "user_enter_tempsession": "SessionFrom", "click": "EventKey"}


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose callbacks these are. `menu` says what a click on a menu key asks; `now` is Unix seconds."""

    platform: str
    account: str
    now: float
    menu: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A callback that says nothing to anybody of ours. `what`, `message_id` and `sender` are for the log."""

    what: str
    message_id: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A message's content."""

    kind: ContentKind
    text: str = ""
    attachments: tuple[Attachment, ...] = ()


Translated = IncomingMessage | RoomEvent | Unsupported


def translate(fields: Mapping[str, Any], terms: Terms) -> Translated:
    """What a callback says; nothing in it can raise."""
    msgtype, openid = text_of(fields, "MsgType"), text_of(fields, "FromUserName")
    message_id = message_id_of(fields)
    if not openid or not message_id:
        return Unsupported(f"a callback of type {msgtype!r} without a sender, a time or an id", message_id, openid)
    room, sender = Room(terms.platform, terms.account, openid, RoomKind.DIRECT), Person(openid)
    at = _moment(fields, terms.now)
    if msgtype == "event":
        return _event(fields, room, sender, message_id, at, terms)
    content = read_content(fields)
    return _message(room, sender, message_id, at, content)


def message_id_of(fields: Mapping[str, Any]) -> str:
    """What a redelivery has in common with the first delivery; empty where nothing tells them apart from others.

    The MsgId alone is not enough, for it has been seen on messages of several people; events have none at all.
    """
    openid, created = text_of(fields, "FromUserName"), text_of(fields, "CreateTime")
    if not openid:
        return ""
    if number := text_of(fields, "MsgId"):
        return f"{openid}:{number}"
    if not created:
        return ""
    marks = (text_of(fields, name) for name in ("MsgType", "Event", "EventKey", "MsgID"))
    return ":".join(("event", openid, created, *(mark[:200] for mark in marks if mark)))


def read_content(fields: Mapping[str, Any]) -> Content:
    """The content of one message. An attachment's reference is the platform's media id, which lives three days."""
    msgtype = text_of(fields, "MsgType")
    reader = _READERS.get(msgtype)
    return reader(fields) if reader else Content(ContentKind.OTHER, f"[{_shown(msgtype)}]")


def _event(fields: Mapping[str, Any], room: Room, sender: Person, event_id: str, at: float, terms: Terms) -> Translated:
    event = text_of(fields, "Event").lower()
    key = text_of(fields, "EventKey")
    if event == "click" and (asked := terms.menu.get(key)):
        return _message(room, sender, event_id, at, Content(ContentKind.TEXT, asked))
    if event in _ENTERING:
        source = text_of(fields, _ENTERING[event]).removeprefix(_SCENE_PREFIX)[:_NOTE_LIMIT]
        # Where people come from is written by whoever made the link: it is data, and shown as such.
        detail = {"event": event, **({"text": source} if source else {})}
        return RoomEvent(room, sender, event_id, EventKind.ENTERED, at, detail=detail)
    if event == "unsubscribe":
        return RoomEvent(room, sender, event_id, EventKind.BOT_REMOVED, at, detail={"event": event})
    return Unsupported(f"an event of type {event[:80]!r}", event_id, sender.person_id)


def _message(room: Room, sender: Person, message_id: str, at: float, content: Content) -> IncomingMessage:
    text = content.text[:TEXT_LIMIT]
    return IncomingMessage(
        room=room,
        sender=sender,
        message_id=message_id,
        text=text.strip(),
        raw_text=text,
        sent_at=at,
        kind=content.kind,
        attachments=content.attachments,
    )


def _moment(fields: Mapping[str, Any], now: float) -> float:
    created = text_of(fields, "CreateTime")
    return float(created) if created.isdecimal() and 9 <= len(created) <= 11 else now


def _text(fields: Mapping[str, Any]) -> Content:
    return Content(ContentKind.TEXT, text_of(fields, "Content"))


def _media(kind: ContentKind, *names: str) -> Callable[[Mapping[str, Any]], Content]:
    def read(fields: Mapping[str, Any]) -> Content:
        found = next((value for name in names if (value := text_of(fields, name))), "")
        # 语音识别 was withdrawn for most accounts; where it is there, it is what the person said.
        words = text_of(fields, "Recognition")
        return Content(kind, words, (Attachment(kind, found, text_of(fields, "Title")),) if found else ())

    return read


def _location(fields: Mapping[str, Any]) -> Content:
    label = text_of(fields, "Label")
    place = f"{text_of(fields, 'Location_X')},{text_of(fields, 'Location_Y')}"
    return Content(ContentKind.LOCATION, label, (Attachment(ContentKind.LOCATION, place, label),))


def _link(fields: Mapping[str, Any]) -> Content:
    lines = [text_of(fields, name) for name in ("Title", "Description", "Url")]
    return Content(ContentKind.LINK, "\n".join(line for line in lines if line))


def _page(fields: Mapping[str, Any]) -> Content:
    title, path = text_of(fields, "Title"), text_of(fields, "PagePath")
    return Content(ContentKind.CARD, f"[小程序页面] {title}".strip(), (Attachment(ContentKind.CARD, path, title),))


def _shown(msgtype: str) -> str:
    return f"暂不支持的消息类型：{msgtype[:40]}" if msgtype else "暂不支持的消息"


_READERS: dict[str, Callable[[Mapping[str, Any]], Content]] = {
    "text": _text,
    "image": _media(ContentKind.IMAGE, "MediaId", "PicUrl"),
    "voice": _media(ContentKind.VOICE, "MediaId", "MediaId16K"),
    "video": _media(ContentKind.VIDEO, "MediaId"),
    "shortvideo": _media(ContentKind.VIDEO, "MediaId"),
    "file": _media(ContentKind.FILE, "MediaId", "FileKey"),
    "location": _location,
    "link": _link,
    "miniprogrampage": _page,
}
