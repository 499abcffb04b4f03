"""Bodies of the Feishu events that a bot hears, before the envelope. No state.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message/events/receive and its neighbours;
/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-callback-communication for cards.
"""

from __future__ import annotations

from typing import Any

from playground.feishu_content import TENANT_KEY, Person
from playground.feishu_rooms import FeishuMessage


def message_event(message: FeishuMessage, chat_type: str) -> dict[str, Any]:
    """Give the event of im.message.receive_v1."""
    fields: dict[str, Any] = {
        "message_id": message.message_id,
        "root_id": message.root_id,
        "parent_id": message.parent_id,
        "create_time": str(message.created_ms),
        "update_time": str(message.updated_ms),
        "chat_id": message.chat_id,
        "thread_id": message.thread_id,
        "chat_type": chat_type,
        "message_type": message.msg_type,
        "content": message.content,
        "mentions": message.mentions or None,
    }
    sender = {"sender_id": message.sender.ids(), "sender_type": "user", "tenant_key": TENANT_KEY}
    return {"sender": sender, "message": {key: value for key, value in fields.items() if value is not None}}


def recalled_event(message: FeishuMessage, now_ms: int) -> dict[str, Any]:
    """Give the event of im.message.recalled_v1."""
    return {
        "message_id": message.message_id,
        "chat_id": message.chat_id,
        "recall_time": str(now_ms),
        "recall_type": "message_owner",
    }


def reaction_event(message_id: str, emoji: str, operator: Person, now_ms: int) -> dict[str, Any]:
    """Give the event of im.message.reaction.created_v1 or deleted_v1."""
    return {
        "message_id": message_id,
        "reaction_type": {"emoji_type": emoji},
        "operator_type": "user",
        "user_id": operator.ids(),
        "action_time": str(now_ms),
    }


def bot_member_event(chat_id: str, name: str, operator: Person) -> dict[str, Any]:
    """Give the event of im.chat.member.bot.added_v1 or deleted_v1."""
    return {
        "chat_id": chat_id,
        "operator_id": operator.ids(),
        "external": False,
        "operator_tenant_key": TENANT_KEY,
        "name": name,
        "i18n_names": {"zh_cn": name},
    }


def p2p_entered_event(chat_id: str, user: Person) -> dict[str, Any]:
    """Give the event of im.chat.access_event.bot_p2p_chat_entered_v1."""
    return {"chat_id": chat_id, "operator_id": user.ids(), "last_message_id": "", "last_message_create_time": ""}


def card_event(message: FeishuMessage, operator: Person, token: str, action: dict[str, Any]) -> dict[str, Any]:
    """Give the event of card.action.trigger; `action` holds value, tag and what the element adds."""
    return {
        "operator": {"tenant_key": TENANT_KEY, **operator.ids()},
        "token": token,
        "action": {"timezone": "Asia/Shanghai", **action},
        "host": "im_message",
        "context": {
            "url": "",
            "preview_token": "",
            "open_message_id": message.message_id,
            "open_chat_id": message.chat_id,
        },
    }
