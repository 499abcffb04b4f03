"""From the platform's decrypted JSON to our words; pure. Whatever is odd becomes `Ignored` or a message of kind OTHER.

Protocol: https://developer.work.weixin.qq.com/document/path/100719 (messages), /101027 (events).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

import orjson

from channels.wecom_bot.account import PLATFORM
from conversation.card_press import CardPress
from conversation.identity import Person, Room, RoomKind
from conversation.messages import Attachment, ContentKind, EventKind, IncomingMessage, Quote, RoomEvent
from tools.mention import from_text

#: Longer texts are cut: nobody asks a question of twenty thousand characters.
TEXT_LIMIT = 20_000
_QUOTE_LIMIT = 2_000
#: document/path/101138: a response_url works once, for an hour.
RESPONSE_LIFE_S = 3600.0

#: A fragment never travels with a request: the key stays here.
_KEY_MARK = "aeskey="

_MEDIA = {"image": ContentKind.IMAGE, "file": ContentKind.FILE, "video": ContentKind.VIDEO}
_SHOWN = {ContentKind.IMAGE: "[图片]", ContentKind.FILE: "[文件]", ContentKind.VIDEO: "[视频]"}
_THUMBS = {1: EventKind.LIKED, 2: EventKind.DISLIKED}


@dataclass(frozen=True, slots=True)
class StreamRefresh:
    """The platform asks how far the text of a stream is."""

    stream_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that anybody has to know of; `reason` is for our log."""

    reason: str


Translated = IncomingMessage | RoomEvent | CardPress | StreamRefresh | Ignored


def translate(payload: Mapping[str, Any], *, account: str, bot_name: str, now: float, req_id: str = "") -> Translated:
    """What a callback says. `now` (Unix seconds) stands in for the time of sending, which messages do not carry.

    `req_id` is the callback's id on the long connection: answers name it.
    """
    msgtype, message_id = _text(payload, "msgtype"), _text(payload, "msgid")
    if msgtype == "stream":
        stream_id = _text(payload, "stream", "id")
        return StreamRefresh(stream_id) if stream_id else Ignored("a refresh without a stream id")
    sender = Person(_text(payload, "from", "userid"))
    if not message_id or not sender.person_id:
        return Ignored(f"a callback of type {msgtype!r} without an id or a sender")
    room = _room(payload, account, sender)
    if msgtype == "event":
        return _event(payload, room, sender, message_id, now)
    said = _message(payload, room, sender, message_id, bot_name, now)
    return replace(said, reply_handle={**said.reply_handle, "req_id": req_id}) if req_id else said


def stream_id_of(account: str, message_id: str) -> str:
    """The stream that answers a message: always the same one, so that a redelivery finds the bubble it knows."""
    return "st" + hashlib.blake2b(f"{account}\0{message_id}".encode("utf-8", "replace"), digest_size=15).hexdigest()


def media_reference(url: str, aes_key: str) -> str:
    """Where a file lies, with the key of its own that the long connection names beside each URL."""
    return f"{url}#{_KEY_MARK}{quote(aes_key, safe='')}" if url and aes_key else url


def split_reference(reference: str) -> tuple[str, str]:
    """(URL, its own key); the key is empty for a file under the bot's key."""
    url, mark, key = reference.rpartition(f"#{_KEY_MARK}")
    return (url, unquote(key)) if mark else (reference, "")


def is_cut(message: IncomingMessage) -> bool:
    """Whether the text was longer than we take."""
    return len(message.raw_text) >= TEXT_LIMIT


def _message(
    payload: Mapping[str, Any], room: Room, sender: Person, message_id: str, bot_name: str, now: float
) -> IncomingMessage:
    kind, words, attachments = _content(payload)
    words = words[:TEXT_LIMIT]
    mention = from_text(words, bot_name)
    return IncomingMessage(
        room=room,
        sender=sender,
        message_id=message_id,
        text=mention.text,
        sent_at=now,
        kind=kind,
        raw_text=words,
        mentions_bot=mention.mentioned,
        mentions_others=mention.others,
        attachments=attachments,
        quote=_quote(payload.get("quote")),
        reply_handle={
            "stream_id": stream_id_of(room.account, message_id),
            "opened_at": str(now),
            "response_url": _text(payload, "response_url"),
            "response_expires": str(int(now + RESPONSE_LIFE_S)),
        },
    )


def _content(part: Mapping[str, Any]) -> tuple[ContentKind, str, tuple[Attachment, ...]]:
    msgtype = _text(part, "msgtype")
    if msgtype == "text":
        return ContentKind.TEXT, _text(part, "text", "content"), ()
    if msgtype == "voice":
        return ContentKind.VOICE, _text(part, "voice", "content"), ()
    if msgtype == "mixed":
        return _mixed(part)
    if msgtype in _MEDIA:
        url = media_reference(_text(part, msgtype, "url"), _text(part, msgtype, "aeskey"))
        attachment = Attachment(_MEDIA[msgtype], url, _text(part, msgtype, "name"))
        return attachment.kind, "", (attachment,) if url else ()
    return ContentKind.OTHER, "", ()


def _mixed(part: Mapping[str, Any]) -> tuple[ContentKind, str, tuple[Attachment, ...]]:
    mixed = part.get("mixed")
    items = mixed.get("msg_item") if isinstance(mixed, Mapping) else None
    lines: list[str] = []
    attachments: list[Attachment] = []
    for item in items if isinstance(items, list) else ():
        # A mixed message inside a mixed one does not exist; refusing it keeps hostile nesting out.
        if isinstance(item, Mapping) and item.get("msgtype") != "mixed":
            _, words, found = _content(item)
            lines += [words] if words else []
            attachments += found
    kind = ContentKind.TEXT if lines or not attachments else attachments[0].kind
    return kind, "\n".join(lines), tuple(attachments)


def _quote(quote: Any) -> Quote | None:
    if not isinstance(quote, Mapping):
        return None
    kind, words, attachments = _content(quote)
    shown = [_SHOWN.get(one.kind, "") for one in attachments] or ([_SHOWN[kind]] if kind in _SHOWN else [])
    return Quote(text=" ".join([*([words] if words else []), *shown])[:_QUOTE_LIMIT])


def _event(
    payload: Mapping[str, Any], room: Room, sender: Person, message_id: str, now: float
) -> RoomEvent | CardPress | Ignored:
    eventtype = _text(payload, "event", "eventtype")
    event = payload.get("event")
    flat: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
    # The documentation nests the detail under the event's own name, the platform's own SDK declares it flat.
    nested = flat.get(eventtype)
    detail = nested if isinstance(nested, Mapping) else flat
    at = payload.get("create_time")
    moment = float(at) if isinstance(at, int | float) and at > 0 else now
    if eventtype == "enter_chat":
        return RoomEvent(room, sender, message_id, EventKind.ENTERED, moment)
    if eventtype == "feedback_event":
        return _feedback(detail, room, sender, message_id, moment)
    if eventtype == "template_card_event":
        chat_id, task_id = room.chat_id, _text(detail, "task_id")
        return CardPress(PLATFORM, room.account, chat_id, task_id, sender, _pressed_value(detail), message_id)
    return Ignored(f"an event of type {eventtype!r}")


def _feedback(detail: Mapping[str, Any], room: Room, sender: Person, event_id: str, at: float) -> RoomEvent | Ignored:
    thumb = detail.get("type")
    kind = _THUMBS.get(thumb) if isinstance(thumb, int) else None
    if kind is None:
        return Ignored("feedback that was taken back" if thumb == 3 else "feedback of an unknown type")
    reasons = detail.get("inaccurate_reason_list")
    said = {
        "content": _text(detail, "content")[:_QUOTE_LIMIT],
        "reasons": ",".join(str(one) for one in reasons if isinstance(one, int)) if isinstance(reasons, list) else "",
    }
    found = {name: words for name, words in said.items() if words}
    return RoomEvent(room, sender, event_id, kind, at, subject=_text(detail, "id"), detail=found)


def _pressed_value(detail: Mapping[str, Any]) -> dict[str, str]:
    """The pressed button's value: our own keys are JSON objects, a foreign one is given as `key`; choices beside it."""
    key = _text(detail, "event_key")
    try:
        ours = orjson.loads(key)
    except orjson.JSONDecodeError:
        ours = None
    value = {str(name): str(one) for name, one in ours.items()} if isinstance(ours, dict) else {"key": key}
    selected = detail.get("selected_items")
    rows = selected.get("selected_item") if isinstance(selected, Mapping) else None
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and (question := _text(row, "question_key")):
            chosen = row.get("option_ids")
            options = chosen.get("option_id") if isinstance(chosen, Mapping) else None
            value[question] = ",".join(str(one) for one in options) if isinstance(options, list) else ""
    return value


def _room(payload: Mapping[str, Any], account: str, sender: Person) -> Room:
    chat_id = _text(payload, "chatid")
    in_group = bool(chat_id) and _text(payload, "chattype") != "single"
    if in_group:
        return Room(PLATFORM, account, chat_id, RoomKind.GROUP)
    return Room(PLATFORM, account, sender.person_id, RoomKind.DIRECT)


def _text(part: Mapping[str, Any], *path: str) -> str:
    """The text at `path`, or an empty one wherever the shape is another."""
    found: Any = part
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""
