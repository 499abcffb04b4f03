"""From our words to the robot's JSON: text, Markdown, cards, news, pictures; pure.

Protocol: https://developer.work.weixin.qq.com/document/path/99110
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from channels.group_webhook.account import GroupWebhookSettings
from channels.text_parts import plain_of, split_text
from conversation.messages import Attachment, Card, ContentKind, OutgoingMessage

#: Bytes of UTF-8 in one notice of each style.
LIMITS = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}
PICTURE_LIMIT = 2 * 1024 * 1024
_ARTICLES_LIMIT = 8
_TITLE_LIMIT = 128  # bytes
_ROWS_LIMIT, _ROW_NAME, _ROW_VALUE = 6, 5, 26  # what a row of a card shows without cutting
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")

Json = dict[str, Any]


def words_of(message: OutgoingMessage) -> str:
    """The words of a message; those of its card where it has one."""
    return message.card.as_text() if message.card else message.text


def in_words(message: OutgoingMessage, settings: GroupWebhookSettings) -> list[Json]:
    """A message as words, in parts within the limit; the first part calls those who are to be called."""
    style, users, mobiles = _style(message, settings), *_called(message, settings)
    words = words_of(message)
    if style == "text":
        parts: list[Json] = [{"content": part} for part in split_text(plain_of(words), LIMITS[style])]
        if parts and users:
            parts[0]["mentioned_list"] = users
        if parts and mobiles:
            parts[0]["mentioned_mobile_list"] = mobiles
        return [{"msgtype": style, style: part} for part in parts]
    # markdown_v2 knows no mentions, markdown knows them as <@userid>; the words make room for them.
    calls = "".join(f"<@{user}>" for user in users) + ("\n" if users else "") if style == "markdown" else ""
    parts = [{"content": part} for part in split_text(words, LIMITS[style] - len(calls.encode()))]
    if parts:
        parts[0]["content"] = calls + parts[0]["content"]
    return [{"msgtype": style, style: part} for part in parts]


def card(shown: Card, card_url: str) -> Json:
    """A text_notice: buttons are left out, for nobody could hear them being pressed."""
    notice: Json = {
        "card_type": "text_notice",
        "main_title": {"title": shown.title, **({"desc": shown.note} if shown.note else {})},
        "card_action": {"type": 1, "url": card_url},
    }
    short = all(len(name) <= _ROW_NAME and len(value) <= _ROW_VALUE for name, value in shown.sections)
    if not shown.sections:
        return {"msgtype": "template_card", "template_card": notice}
    if short and len(shown.sections) <= _ROWS_LIMIT:
        notice["horizontal_content_list"] = [{"keyname": name, "value": value} for name, value in shown.sections]
    else:
        notice["sub_title_text"] = "\n".join(f"{name}：{value}" for name, value in shown.sections)
    return {"msgtype": "template_card", "template_card": notice}


def news(links: Sequence[Attachment]) -> list[Json]:
    """Links as articles, eight to a notice; a link's reference is its address, its name the title."""
    articles = [
        {"title": _fitting(one.name or one.reference, _TITLE_LIMIT), "url": one.reference}
        for one in links
        if one.kind is ContentKind.LINK
    ]
    groups = [articles[start : start + _ARTICLES_LIMIT] for start in range(0, len(articles), _ARTICLES_LIMIT)]
    return [{"msgtype": "news", "news": {"articles": group}} for group in groups]


def picture(content: bytes) -> Json | None:
    """A picture, or None where the robot shows it only as a file: another format, or larger than 2 MB."""
    if len(content) > PICTURE_LIMIT or not content.startswith(_PICTURES):
        return None
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()  # the platform's choice
    return {"msgtype": "image", "image": {"base64": base64.b64encode(content).decode(), "md5": digest}}


def file(kind: str, media_id: str) -> Json:
    """A file or a voice that was uploaded before."""
    return {"msgtype": kind, kind: {"media_id": media_id}}


def _style(message: OutgoingMessage, settings: GroupWebhookSettings) -> str:
    users, mobiles = _called(message, settings)
    if mobiles or (users and settings.style == "markdown_v2"):
        return "text"
    return settings.style


def _called(message: OutgoingMessage, settings: GroupWebhookSettings) -> tuple[list[str], list[str]]:
    """Whom to mention: userids, and mobile numbers."""
    at = message.at.person_id if message.at else ""
    is_mobile = len(at) == 11 and at.isascii() and at.isdigit() and at.startswith("1")
    users = [*([at] if at and not is_mobile else []), *settings.mentioned]
    mobiles = [*([at] if is_mobile else []), *settings.mentioned_mobiles]
    return list(dict.fromkeys(users)), list(dict.fromkeys(mobiles))


def _fitting(words: str, limit: int) -> str:
    return words.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
