"""Our outgoing messages into Feishu calls: send, reply, or a changed card. Pure; the client makes the calls.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message/create
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson

from channels.feishu.cards import to_card
from channels.feishu.markup import at, plain
from channels.feishu.topics import chat_of, root_of
from conversation.errors import GiveUp
from conversation.identity import RoomKind
from conversation.messages import ContentKind, OutgoingMessage
from tools.feishu_api import FeishuCall

TEXT_LIMIT = 150 * 1024
CARD_LIMIT = 30 * 1024
UUID_LIMIT = 50
_MESSAGES = "im/v1/messages"


def to_call(message: OutgoingMessage, idempotency_key: str) -> FeishuCall:
    """The call that brings out the text or the card of a message; `GiveUp` when it has neither.

    A card that Feishu would not take for its size goes as text.
    """
    card = _card_content(message)
    if card is None or len(card.encode()) > CARD_LIMIT:
        return as_text_call(message, idempotency_key)
    if message.updates:
        return FeishuCall("PATCH", _path(message.updates), body={"content": card}, repeatable=True)
    return _sending(message, "interactive", card, to_uuid(idempotency_key))


def as_text_call(message: OutgoingMessage, idempotency_key: str) -> FeishuCall:
    """The same in words only: for what has no card, and once for a card that was refused.

    Words cannot take a card's place, so in the stead of a change they answer the card. Their uuid is another than the
    card's: the same uuid with other content would be taken for the card.
    """
    words = _words(message)
    if not words.strip():
        raise GiveUp("the message has neither text nor card")
    if message.updates:
        message = replace(message, reply_to=message.updates, updates="")
    key = f"{idempotency_key}:text" if message.card else idempotency_key
    return _sending(message, "text", _text_content(words), to_uuid(key))


def attachment_call(message: OutgoingMessage, kind: ContentKind, key: str, idempotency_key: str) -> FeishuCall:
    """The call that brings out a file which was uploaded as `key`."""
    msg_type, name = ("image", "image_key") if kind is ContentKind.IMAGE else ("file", "file_key")
    return _sending(message, msg_type, _json({name: key}), to_uuid(idempotency_key))


def to_uuid(idempotency_key: str) -> str:
    """Feishu's own idempotency key, valid for an hour: ours, hashed to at most 50 characters."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()[:UUID_LIMIT]


def receiver_of(chat_id: str) -> str:
    """The `receive_id_type` of a chat or person id."""
    known = {"oc_": "chat_id", "ou_": "open_id", "on_": "union_id"}
    return known.get(chat_id[:3], "email" if "@" in chat_id else "user_id")


def _sending(message: OutgoingMessage, msg_type: str, content: str, uuid: str) -> FeishuCall:
    body: dict[str, Any] = {"msg_type": msg_type, "content": content, "uuid": uuid}
    chat_id, root_id = chat_of(message.room.chat_id), root_of(message)
    if answered := message.reply_to or root_id:
        in_topic = chat_id != message.room.chat_id or not message.reply_to
        body["reply_in_thread"] = message.in_thread or in_topic
        return FeishuCall("POST", f"{_path(answered)}/reply", body=body)
    body["receive_id"] = chat_id
    return FeishuCall("POST", _MESSAGES, params={"receive_id_type": receiver_of(chat_id)}, body=body)


def _card_content(message: OutgoingMessage) -> str | None:
    return None if message.card is None else _json(to_card(message.card))


def _words(message: OutgoingMessage) -> str:
    words = plain(message.card.as_text() if message.card else message.text)
    if not (words.strip() and message.at and message.room.kind is RoomKind.GROUP):
        return words
    mention = at(message.at.person_id, message.at.name)
    return f"{mention} {words}" if mention else words


def _text_content(words: str) -> str:
    content = _json({"text": words})
    while len(content.encode()) > TEXT_LIMIT:
        kept = len(words) * TEXT_LIMIT // len(content.encode()) - 8
        words = f"{words[:kept]}…"
        content = _json({"text": words})
    return content


def _path(message_id: str) -> str:
    return f"{_MESSAGES}/{quote(message_id, safe='')}"


def _json(value: dict[str, Any]) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        # Half an emoji, as a cut text may end in: the escaped form lets Feishu show a sign in its place.
        return json.dumps(value)
