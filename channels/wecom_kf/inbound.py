"""From a page of sync_msg to our words: messages of customers and staff, events, pressed menu entries. Pure.

Protocol: https://developer.work.weixin.qq.com/document/path/94670
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.wecom_kf.account import PLATFORM, Chat
from channels.wecom_kf.contents import Content, moment_of, read_content, words_at
from channels.wecom_kf.events import Unsupported, translate_event
from channels.wecom_kf.menu_ids import from_menu_id
from conversation.card_press import CardPress
from conversation.identity import Person, Speaker
from conversation.messages import IncomingMessage, RoomEvent

#: `origin`: who sent it. System events are 4.
FROM_CUSTOMER, FROM_STAFF = "3", "5"
#: The platform's ids are shorter by far.
ID_LIMIT = 256


@dataclass(frozen=True, slots=True)
class PressedEntry:
    """A pressed entry of one of our menus, and the words that the press wrote in the chat."""

    press: CardPress
    message: IncomingMessage


Translated = IncomingMessage | RoomEvent | PressedEntry | Unsupported


def translate(message: Mapping[str, Any], *, account: str, open_kfid: str, now: float) -> Translated:
    """What one row of `msg_list` says. `open_kfid` is the account that was read, `now` stands in for a missing time."""
    if words_at(message, "msgtype") == "event":
        return translate_event(message, account=account, open_kfid=open_kfid, now=now)
    message_id, customer_id = words_at(message, "msgid"), words_at(message, "external_userid")
    sender = _sender(message, customer_id)
    if not message_id or not customer_id or sender is None or max(map(len, (message_id, customer_id))) > ID_LIMIT:
        return Unsupported("a message without an id, a customer or a known origin", message_id)
    chat = Chat(words_at(message, "open_kfid") or open_kfid, customer_id)
    content = read_content(message)
    incoming = _message(message, content, chat, account=account, sender=sender, now=now)
    value = from_menu_id(content.menu_id) if sender.speaker is Speaker.CUSTOMER else None
    if value is None:
        return incoming
    press = CardPress(PLATFORM, account, incoming.room.chat_id, "", sender, value, message_id)
    return PressedEntry(press, incoming)


def _message(
    message: Mapping[str, Any], content: Content, chat: Chat, *, account: str, sender: Person, now: float
) -> IncomingMessage:
    return IncomingMessage(
        room=chat.room(account),
        sender=sender,
        message_id=words_at(message, "msgid"),
        text=content.text.strip(),
        sent_at=moment_of(message, now),
        kind=content.kind,
        raw_text=content.text,
        attachments=content.attachments,
        reply_handle={"menu_id": content.menu_id} if content.menu_id else {},
    )


def _sender(message: Mapping[str, Any], customer_id: str) -> Person | None:
    """Who wrote it; None where the platform names an origin that we do not know."""
    origin = words_at(message, "origin")
    if origin == FROM_CUSTOMER:
        return Person(customer_id)
    staff_id = words_at(message, "servicer_userid")
    if origin == FROM_STAFF and staff_id:
        return Person(staff_id, speaker=Speaker.STAFF)
    return None
