"""From our words to the platform's JSON: texts, menus, links, files, and the msgid that each of them carries. Pure.

Protocol: https://developer.work.weixin.qq.com/document/path/94677 (send_msg), /95122 (send_msg_on_event)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels.text_parts import plain_of, split_text
from channels.wecom_kf.account import Chat
from channels.wecom_kf.menu_ids import to_menu_id
from conversation.errors import GiveUp
from conversation.messages import Attachment, Card, ContentKind, OutgoingMessage

# Bytes of UTF-8 and numbers of entries: document/path/94677.
TEXT_LIMIT = 2048
HEAD_LIMIT = 1024
ENTRY_LIMIT = 128
MENU_LIMIT = 10
TITLE_LIMIT, URL_LIMIT = 128, 2048
#: One message of the customer allows five of ours.
MESSAGES_LIMIT = 5
_ELLIPSIS = "…"

_MEDIA = {
    ContentKind.IMAGE: "image",
    ContentKind.VOICE: "voice",
    ContentKind.VIDEO: "video",
    ContentKind.FILE: "file",
}
_MSGID = re.compile(r"(hy[0-9a-f]{26})-\d+")

Json = dict[str, Any]


def msgid_of(key: str, part: int) -> str:
    """The platform's id of one part of a send, made from our idempotency key: 32 bytes of `[0-9A-Za-z_-]` at most."""
    return f"hy{hashlib.blake2b(key.encode('utf-8', 'replace'), digest_size=13).hexdigest()}-{part}"


def first_msgid(msgid: str) -> str:
    """The id of the first part of the send that `msgid` belongs to: the one that the receipt named."""
    ours = _MSGID.fullmatch(msgid)
    return f"{ours[1]}-0" if ours else msgid


def words_of(message: OutgoingMessage) -> list[Json]:
    """The bodies that bring out the text or the card of a message, in order; none when it has neither.

    A text that is too long for five messages ends with an ellipsis in the fifth.
    """
    if message.card is not None:
        return card_bodies(message.card)
    return texts(plain_of(message.text))


def texts(words: str) -> list[Json]:
    """Text bodies, as many as the words need and the platform allows."""
    parts = split_text(words, TEXT_LIMIT)
    if len(parts) > MESSAGES_LIMIT:
        parts = [*parts[: MESSAGES_LIMIT - 1], _shortened(parts[MESSAGES_LIMIT - 1], TEXT_LIMIT)]
    return [{"msgtype": "text", "text": {"content": part}} for part in parts]


def card_bodies(card: Card) -> list[Json]:
    """A card as a menu; as text where it has no buttons or one of them does not fit into a menu.

    What is too long for the menu's head goes before it as text.
    """
    entries = [_entry(button.text, to_menu_id(button.value)) for button in card.buttons[:MENU_LIMIT]]
    if not entries or None in entries:
        return texts(card.as_text())
    head = Card(card.title, card.sections).as_text()
    before: list[Json] = []
    if len(head.encode("utf-8", "replace")) > HEAD_LIMIT:
        before, head = texts(head)[: MESSAGES_LIMIT - 1], cut(f"【{card.title}】", HEAD_LIMIT)
    menu = {"head_content": head, "list": entries, "tail_content": cut(card.note, HEAD_LIMIT)}
    return [*before, {"msgtype": "msgmenu", "msgmenu": menu}]


def as_texts(message: OutgoingMessage) -> list[Json]:
    """The same in words only, for a menu that was refused."""
    return texts(message.card.as_text() if message.card else plain_of(message.text))


def link(attachment: Attachment, thumb_media_id: str) -> Json:
    """A link with a picture; as an entry of a menu where there is no picture, which a link must have.

    Raises `GiveUp` for what is no address of the web.
    """
    url = attachment.reference
    if not url.startswith(("http://", "https://")) or len(url.encode("utf-8", "replace")) > URL_LIMIT:
        raise GiveUp("the link is no address of the web, or too long for the platform")
    title = attachment.name.strip() or url
    if thumb_media_id:
        shown = {"title": cut(title, TITLE_LIMIT), "url": url, "thumb_media_id": thumb_media_id}
        return {"msgtype": "link", "link": shown}
    entry = {"type": "view", "view": {"url": url, "content": cut(title, HEAD_LIMIT)}}
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": "", "list": [entry], "tail_content": ""}}


def media(kind: ContentKind, media_id: str) -> Json:
    """A picture, voice, video or file that the platform keeps under `media_id`."""
    msgtype = media_type(kind)
    return {"msgtype": msgtype, msgtype: {"media_id": media_id}}


def media_type(kind: ContentKind) -> str:
    """The platform's name of a kind of file; what it has no name for goes as a file."""
    return _MEDIA.get(kind, "file")


def to_chat(body: Json, chat: Chat, msgid: str) -> Json:
    """The body of send_msg."""
    return {"touser": chat.external_userid, "open_kfid": chat.open_kfid, "msgid": msgid, **body}


def to_event(body: Json, code: str, msgid: str) -> Json:
    """The body of send_msg_on_event."""
    return {"code": code, "msgid": msgid, **body}


def code_of(handles: Sequence[Mapping[str, str]], now: float) -> str:
    """The code of the newest event that is answered, if one came with it and is good for two more seconds."""
    for handle in reversed(handles):
        expires = handle.get("code_expires", "")
        if handle.get("code") and expires.isdigit() and int(expires) > now + 2:
            return handle["code"]
    return ""


def cut(text: str, limit: int) -> str:
    """`text` within `limit` bytes, with an ellipsis where something is missing."""
    if len(text.encode("utf-8", "replace")) <= limit:
        return text
    return _shortened(text, limit)


def _shortened(text: str, limit: int) -> str:
    return next(iter(split_text(text, limit - len(_ELLIPSIS.encode()))), "") + _ELLIPSIS


def _entry(text: str, menu_id: str | None) -> Json | None:
    if menu_id is None or not text.strip():
        return None
    return {"type": "click", "click": {"id": menu_id, "content": cut(text, ENTRY_LIMIT)}}
