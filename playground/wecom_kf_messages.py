"""What the platform takes as a message of 微信客服, and how the customer sees it.

Protocol: https://developer.work.weixin.qq.com/document/path/94677
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from playground.wecom_kf_gateway import KfRefusal

TEXT_LIMIT = 2048
HEAD_LIMIT, ENTRY_LIMIT, VIEW_LIMIT, LINE_LIMIT = 1024, 128, 1024, 256
MENU_LIMIT, PRESSABLE_LIMIT, EVENT_MENU_LIMIT = 50, 10, 10
TITLE_LIMIT, URL_LIMIT = 128, 2048
MSGID = re.compile(r"[0-9a-zA-Z_-]{1,32}")

INVALID, WRONG_TYPE, WRONG_MEDIA = 40058, 40008, 40007
TOO_MANY_ENTRIES, WRONG_ENTRY = 95008, 95009


@dataclass(frozen=True, slots=True)
class Shown:
    """What a customer sees of a message. `broken` says in words which rule it broke although it was taken."""

    kind: str
    text: str
    card: dict[str, Any] | None = None
    broken: str = ""


def read_message(body: dict[str, Any], media: Container[str], *, on_event: bool = False) -> Shown:
    """Check a message as the platform does, and give what the customer sees. Raises `KfRefusal`."""
    msgtype = body.get("msgtype")
    readers = {"text": _text, "msgmenu": _menu, "link": _link, "location": _location, "miniprogram": _mini}
    reader: Callable[..., Shown] | None = readers.get(str(msgtype))
    part = body.get(str(msgtype))
    if not isinstance(part, dict) or (on_event and msgtype not in ("text", "msgmenu")):
        raise KfRefusal(WRONG_TYPE, "invalid msgtype")
    if msgtype in ("image", "voice", "video", "file"):
        _known(part.get("media_id"), media)
        return Shown(str(msgtype), f"[{msgtype}]", {"media_id": part["media_id"]})
    if reader is None:
        raise KfRefusal(WRONG_TYPE, "invalid msgtype")
    return reader(part, media, EVENT_MENU_LIMIT if on_event else MENU_LIMIT)


def check_msgid(msgid: object) -> str:
    """The id that a caller gave its message. Raises `KfRefusal` for one of another form."""
    if not isinstance(msgid, str) or not MSGID.fullmatch(msgid):
        raise KfRefusal(INVALID, "invalid Request Parameter: msgid")
    return msgid


def _text(part: dict[str, Any], _media: Container[str], _limit: int) -> Shown:
    content = part.get("content")
    if not isinstance(content, str) or not content:
        raise KfRefusal(INVALID, "text content is empty")
    raw = content.encode("utf-8", "replace")
    if len(raw) <= TEXT_LIMIT:
        return Shown("text", content)
    # The platform cuts without a word: document/path/94677.
    return Shown("text", raw[:TEXT_LIMIT].decode("utf-8", "ignore"), broken=f"a text of {len(raw)} bytes was cut")


def _menu(part: dict[str, Any], _media: Container[str], limit: int) -> Shown:
    entries = part.get("list")
    if not isinstance(entries, list) or not entries:
        raise KfRefusal(WRONG_ENTRY, "menu list is empty")
    pressable = [entry for entry in entries if isinstance(entry, dict) and entry.get("type") != "text"]
    if len(entries) > limit or len(pressable) > PRESSABLE_LIMIT:
        raise KfRefusal(TOO_MANY_ENTRIES, "menu list is too long")
    words = [str(part.get("head_content") or ""), *map(_entry, entries), str(part.get("tail_content") or "")]
    for outer in (words[0], words[-1]):
        if len(outer.encode("utf-8", "replace")) > HEAD_LIMIT:
            raise KfRefusal(INVALID, "head_content or tail_content is too long")
    return Shown("msgmenu", "\n".join(word for word in words if word), part)


def _entry(entry: object) -> str:
    """The words of one entry, checked."""
    kind = entry.get("type") if isinstance(entry, dict) else None
    detail = entry.get(str(kind)) if isinstance(entry, dict) else None
    limits = {"click": ENTRY_LIMIT, "view": VIEW_LIMIT, "miniprogram": VIEW_LIMIT, "text": LINE_LIMIT}
    if kind not in limits or not isinstance(detail, dict):
        raise KfRefusal(WRONG_ENTRY, "invalid menu type")
    content = detail.get("content")
    if not isinstance(content, str) or not 0 < len(content.encode("utf-8", "replace")) <= limits[str(kind)]:
        raise KfRefusal(WRONG_ENTRY, "invalid menu content")
    if kind == "click" and not 0 < len(str(detail.get("id", "")).encode()) <= ENTRY_LIMIT:
        raise KfRefusal(WRONG_ENTRY, "invalid click id")
    if kind == "view" and not _is_address(detail.get("url")):
        raise KfRefusal(WRONG_ENTRY, "invalid view url")
    return content


def _link(part: dict[str, Any], media: Container[str], _limit: int) -> Shown:
    if not part.get("title") or not _is_address(part.get("url")):
        raise KfRefusal(INVALID, "invalid link")
    _known(part.get("thumb_media_id"), media)
    return Shown("link", f"{str(part['title'])[:TITLE_LIMIT]} {part['url']}", part)


def _location(part: dict[str, Any], _media: Container[str], _limit: int) -> Shown:
    if not isinstance(part.get("latitude"), int | float) or not isinstance(part.get("longitude"), int | float):
        raise KfRefusal(INVALID, "invalid location")
    return Shown("location", str(part.get("name") or "[location]"), part)


def _mini(part: dict[str, Any], media: Container[str], _limit: int) -> Shown:
    if not part.get("appid") or not part.get("pagepath"):
        raise KfRefusal(INVALID, "invalid miniprogram")
    _known(part.get("thumb_media_id"), media)
    return Shown("miniprogram", str(part.get("title") or "[miniprogram]"), part)


def _known(media_id: object, media: Container[str]) -> None:
    if not isinstance(media_id, str) or media_id not in media:
        raise KfRefusal(WRONG_MEDIA, "invalid media_id")


def _is_address(url: object) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://")) and len(url.encode()) <= URL_LIMIT
