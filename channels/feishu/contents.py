"""What a Feishu message holds: kind, words and attachments of every message type. Pure; used by `inbound`.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from conversation.messages import Attachment, ContentKind
from tools.feishu_values import as_dict, as_list, as_text


@dataclass(frozen=True, slots=True)
class Content:
    """A message's content; `text` still has the placeholders of mentions."""

    kind: ContentKind
    text: str = ""
    attachments: tuple[Attachment, ...] = ()


def read_content(message_type: str, content: object, message_id: str) -> Content:
    """The content of one message. `content` is the event's JSON string (or its object); nothing in it can raise.

    An attachment's reference is `message_id/key`: Feishu gives a file only together with the message it belongs to.
    """
    value = as_dict(content) or as_dict(_json(as_text(content)))
    reader = _READERS.get(message_type)
    return reader(value, message_id) if reader else Content(ContentKind.OTHER, as_text(value.get("text")))


def split_reference(reference: str) -> tuple[str, str]:
    """(message_id, key) of an attachment's reference; two empty strings when it is none of ours."""
    message_id, _, key = reference.partition("/")
    return (message_id, key) if message_id.startswith("om_") and key else ("", "")


def _text(value: dict[str, Any], message_id: str) -> Content:
    return Content(ContentKind.TEXT, as_text(value.get("text")))


def _media(kind: ContentKind, key_name: str = "file_key") -> Callable[[dict[str, Any], str], Content]:
    def read(value: dict[str, Any], message_id: str) -> Content:
        name = as_text(value.get("file_name"))
        return Content(kind, attachments=tuple(_attached(kind, message_id, value.get(key_name), name)))

    return read


def _location(value: dict[str, Any], message_id: str) -> Content:
    name = as_text(value.get("name"))
    place = f"{as_text(value.get('latitude'))},{as_text(value.get('longitude'))}"
    return Content(ContentKind.LOCATION, name, (Attachment(ContentKind.LOCATION, place, name),))


def _shared(key_name: str) -> Callable[[dict[str, Any], str], Content]:
    def read(value: dict[str, Any], message_id: str) -> Content:
        shared = as_text(value.get(key_name))
        return Content(ContentKind.OTHER, attachments=(Attachment(ContentKind.OTHER, shared),) if shared else ())

    return read


def _forwarded(value: dict[str, Any], message_id: str) -> Content:
    # Its content is the fixed English line "Merged and Forwarded Message", nobody's words.
    return Content(ContentKind.OTHER)


def _card(value: dict[str, Any], message_id: str) -> Content:
    words = (as_text(part.get("text")) for part in _parts(value) if part.get("tag") != "button")
    return Content(ContentKind.CARD, "\n".join(line for line in (as_text(value.get("title")), *words) if line))


def _post(value: dict[str, Any], message_id: str) -> Content:
    # A received post is bare; one that was sent may be wrapped in a language.
    if "content" not in value:
        value = next((as_dict(part) for part in value.values() if isinstance(part, dict)), {})
    rows = [[as_dict(part) for part in as_list(row)] for row in as_list(value.get("content"))]
    lines = ["".join(_span(part) for part in row) for row in rows]
    text = "\n".join(line for line in (as_text(value.get("title")), *lines) if line.strip())
    parts = [part for row in rows for part in row]
    attachments = tuple(one for part in parts for one in _post_attachment(part, message_id))
    kind = attachments[0].kind if attachments and not text else ContentKind.TEXT
    return Content(kind, text, attachments)


def _span(part: dict[str, Any]) -> str:
    tag, text = part.get("tag"), as_text(part.get("text"))
    if tag == "at":
        # In events the id is the placeholder of the mentions array (`@_user_1`, `@_all`).
        mentioned = as_text(part.get("user_id"))
        return mentioned if mentioned.startswith("@") else f"@{as_text(part.get('user_name')) or mentioned}"
    if tag == "a":
        link = as_text(part.get("href"))
        return text if link in ("", text) else f"{text} {link} "
    if tag == "emotion":
        return f"[{as_text(part.get('emoji_type'))}]"
    return text


def _post_attachment(part: dict[str, Any], message_id: str) -> Iterator[Attachment]:
    if part.get("tag") == "img":
        yield from _attached(ContentKind.IMAGE, message_id, part.get("image_key"))
    elif part.get("tag") == "media":
        yield from _attached(ContentKind.VIDEO, message_id, part.get("file_key"))


def _attached(kind: ContentKind, message_id: str, key: object, name: str = "") -> Iterator[Attachment]:
    if as_text(key):
        yield Attachment(kind, f"{message_id}/{as_text(key)}", name)


def _parts(value: object) -> Iterator[dict[str, Any]]:
    """Every tagged part of a received card, in reading order; a stack, for cards may nest deeper than Python calls."""
    waiting: list[object] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "tag" in node:
                yield node
            waiting.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


_READERS: dict[str, Callable[[dict[str, Any], str], Content]] = {
    "text": _text,
    "post": _post,
    "image": _media(ContentKind.IMAGE, "image_key"),
    "file": _media(ContentKind.FILE),
    "folder": _media(ContentKind.FILE),
    "audio": _media(ContentKind.VOICE),
    "media": _media(ContentKind.VIDEO),
    "sticker": _media(ContentKind.STICKER),
    "interactive": _card,
    "location": _location,
    "share_chat": _shared("chat_id"),
    "share_user": _shared("user_id"),
    "merge_forward": _forwarded,
}
