"""What a 微信客服 message holds: kind, words and attachments of every msgtype. Pure; nothing in it can raise.

Protocol: https://developer.work.weixin.qq.com/document/path/94670
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from conversation.messages import Attachment, ContentKind

#: Longer texts are cut: nobody asks a question of twenty thousand characters.
TEXT_LIMIT = 20_000
_FORWARDED_LINES = 50
_FORWARDED_LINE = 500
_FAR_FUTURE = 1e11

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """A message's content. `menu_id` names the menu entry whose press wrote the text."""

    kind: ContentKind
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    menu_id: str = ""


def read_content(message: Part) -> Content:
    """The content of one message of sync_msg; what we have no kind for says so in brackets."""
    msgtype = words_at(message, "msgtype")
    reader = _READERS.get(msgtype)
    found = message.get(msgtype)
    part: Part = found if isinstance(found, Mapping) else {}
    if reader is None:
        return Content(ContentKind.OTHER, f"[{msgtype[:40] or '无法识别的消息'}]")
    return reader(part)


def words_at(part: object, *path: str) -> str:
    """The text or number at `path` as text, without NUL; an empty one wherever the shape is another."""
    found = part
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    # Texts are cut here, once, so that no field of any shape gets through longer.
    return str(found)[:TEXT_LIMIT].replace("\x00", "")


def moment_of(message: Part, now: float) -> float:
    """When a row of sync_msg was sent, in Unix seconds; `now` where it does not say."""
    try:
        moment = float(words_at(message, "send_time"))
    except ValueError:
        return now
    return moment if 0 < moment < _FAR_FUTURE else now


def _text(part: Part) -> Content:
    return Content(ContentKind.TEXT, words_at(part, "content"), menu_id=words_at(part, "menu_id"))


def _media(kind: ContentKind) -> Callable[[Part], Content]:
    def read(part: Part) -> Content:
        media_id = words_at(part, "media_id")
        return Content(kind, attachments=(Attachment(kind, media_id),) if media_id else ())

    return read


def _location(part: Part) -> Content:
    name, address = words_at(part, "name"), words_at(part, "address")
    place = f"{words_at(part, 'latitude')},{words_at(part, 'longitude')}"
    return Content(ContentKind.LOCATION, _joined(name, address), (Attachment(ContentKind.LOCATION, place, name),))


def _link(part: Part) -> Content:
    title, url = words_at(part, "title"), words_at(part, "url")
    attachments = (Attachment(ContentKind.LINK, url, title),) if url else ()
    return Content(ContentKind.LINK, _joined(title, words_at(part, "desc"), url), attachments)


def _described(label: str, *names: str) -> Callable[[Part], Content]:
    """What has no kind of its own: the label in brackets and whatever the named fields say."""

    def read(part: Part) -> Content:
        return Content(ContentKind.OTHER, " ".join([f"[{label}]", *filter(None, (words_at(part, n) for n in names))]))

    return read


def _menu(part: Part) -> Content:
    rows = part.get("list")
    entries = [words_at(row, words_at(row, "type"), "content") for row in rows] if isinstance(rows, list) else []
    words = _joined(words_at(part, "head_content"), *entries, words_at(part, "tail_content"))
    return Content(ContentKind.CARD, words[:TEXT_LIMIT])


def _forwarded(part: Part) -> Content:
    items = part.get("item")
    lines = [_forwarded_line(item) for item in items[:_FORWARDED_LINES]] if isinstance(items, list) else []
    if isinstance(items, list) and len(items) > _FORWARDED_LINES:
        lines.append("…")
    return Content(ContentKind.OTHER, _joined(f"[聊天记录] {words_at(part, 'title')}".strip(), *lines)[:TEXT_LIMIT])


def _forwarded_line(item: object) -> str:
    """One line of a forwarded record; a record inside a record is named, not opened: hostile nesting stays out."""
    content = _object(words_at(item, "msg_content"))
    msgtype = words_at(content, "msgtype") or words_at(item, "msgtype")
    words = words_at(content, "text", "content") if msgtype == "text" else f"[{_LABELS.get(msgtype, msgtype)}]"
    return f"{words_at(item, 'sender_name')}：{words}"[:_FORWARDED_LINE]


def _object(text: str) -> Part:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _joined(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


_LABELS = {
    "image": "图片",
    "voice": "语音",
    "video": "视频",
    "file": "文件",
    "location": "位置",
    "link": "链接",
    "business_card": "名片",
    "miniprogram": "小程序",
    "merged_msg": "聊天记录",
}
_READERS: dict[str, Callable[[Part], Content]] = {
    "text": _text,
    "image": _media(ContentKind.IMAGE),
    "voice": _media(ContentKind.VOICE),
    "video": _media(ContentKind.VIDEO),
    "file": _media(ContentKind.FILE),
    "location": _location,
    "link": _link,
    "business_card": _described("名片", "userid"),
    "miniprogram": _described("小程序", "title", "pagepath"),
    "msgmenu": _menu,
    "channels_shop_product": _described("视频号商品", "title", "product_id", "shop_nickname"),
    "channels_shop_order": _described(
        "视频号订单", "order_id", "product_titles", "price_wording", "state", "shop_nickname"
    ),
    "merged_msg": _forwarded,
    "channels": _described("视频号", "nickname", "title"),
    "meeting": _described("会议"),
    "schedule": _described("日程"),
    "calendar": _described("日程"),
    "note": _described("笔记"),
}
