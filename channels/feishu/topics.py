"""Topics of a topic group (话题群): each is a room of its own, named by its chat and the message it began with. Pure.

Protocol: https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/reference/im-v1/message/thread-introduction
"""

from __future__ import annotations

from dataclasses import replace

from conversation.identity import Room
from conversation.messages import OutgoingMessage

#: Stands in no id of Feishu's, and may stand in a web address as it is.
_MARK = "~"


def topic_room(room: Room, root_id: str) -> Room:
    """The room of the topic that began with a message of the chat `room`.

    A topic has an id of its own (`omt_…`), but only an answer to its first message gets into it.
    """
    return replace(room, chat_id=f"{room.chat_id}{_MARK}{root_id}")


def chat_of(chat_id: str) -> str:
    """The platform's id of the chat that a room is, or is a topic of."""
    return chat_id.partition(_MARK)[0]


def root_of(message: OutgoingMessage) -> str:
    """The message under which an outgoing one belongs, where it answers none by itself: its topic's or thread's first.

    Empty for what may stand in the chat itself.
    """
    topic = message.room.chat_id.partition(_MARK)[2]
    return topic or next((handle["thread"] for handle in reversed(message.handles) if handle.get("thread")), "")


def without_thread(message: OutgoingMessage) -> OutgoingMessage:
    """The same for the chat itself: for what belongs into a thread whose first message is gone."""
    room = replace(message.room, chat_id=chat_of(message.room.chat_id))
    return replace(message, room=room, reply_to="", in_thread=False, handles=())
