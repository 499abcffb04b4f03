"""Finds out where things stand: whether a chat keeps topics, and the place of a message that we do not remember.

Between `reception` and the translators; Feishu's events on reactions and recalls name a message and no more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from channels.feishu.client import FeishuClient, KnownChat, KnownMessage
from channels.feishu.patience import Patience
from channels.feishu.recent import RecentMessages
from channels.feishu.settings import FeishuSettings
from channels.feishu.topics import topic_room
from channels.feishu.translation import Terms
from conversation.identity import Person, RoomKind, Speaker

CHATS_KEPT = 4096
#: A group may be turned into a topic group, which nobody does often.
CHAT_LIFE_S = 6 * 3600.0
UNKNOWN_LIFE_S = 600.0


class Places:
    """What one app knows of chats. `clock` is Unix seconds."""

    def __init__(
        self,
        settings: FeishuSettings,
        client: FeishuClient,
        patience: Patience,
        recent: RecentMessages,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._client = client
        self._patience = patience
        self._recent = recent
        self._clock = clock
        self._chats: OrderedDict[str, tuple[KnownChat | None, float]] = OrderedDict()

    async def keeps_topics(self, chat_id: str) -> bool:
        """Whether each topic of this group is a room of its own; False where Feishu does not tell within a second."""
        if not chat_id or chat_id == self._settings.staff_chat_id:
            return False
        chat = await self._chat(chat_id)
        return chat is not None and chat.keeps_topics

    async def find(self, message_id: str, terms: Terms) -> None:
        """Learns where a message stands that is not remembered, if it can be had: `RecentMessages` knows it then."""
        if not message_id or self._recent.place_of(message_id) is not None:
            return
        message = await self._patience.ask("message", self._client.message, message_id)
        chat = await self._chat(message.chat_id) if message is not None and message.chat_id else None
        if message is None or chat is None:
            return
        room = terms.room(message.chat_id, RoomKind.DIRECT if chat.direct else RoomKind.GROUP, chat.title)
        if chat.keeps_topics and message.thread_id and message.chat_id != self._settings.staff_chat_id:
            room = topic_room(room, message.root_id or message_id)
        self._recent.remember(message_id, room, self._author(message, terms), message.text)

    def _author(self, message: KnownMessage, terms: Terms) -> Person:
        if message.app_id == self._settings.app_id:
            return Person(terms.bot_open_id, self._settings.bot_name, Speaker.BOT)
        return Person(message.open_id, speaker=terms.speaker_in(message.chat_id))

    async def _chat(self, chat_id: str) -> KnownChat | None:
        known = self._chats.get(chat_id)
        if known is None or known[1] <= self._clock():
            chat = await self._patience.ask("chat", self._client.chat, chat_id)
            known = (chat, self._clock() + (CHAT_LIFE_S if chat else UNKNOWN_LIFE_S))
            self._chats[chat_id] = known
            self._chats.move_to_end(chat_id)
            if len(self._chats) > CHATS_KEPT:
                self._chats.popitem(last=False)
        return known[0]
