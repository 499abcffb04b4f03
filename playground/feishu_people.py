"""What people do on the Feishu platform: speak, type in a thread, press a card, react, take a message back.

Each act is recorded and posted as the event that the platform would send.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from playground import feishu_events as events
from playground.feishu_content import Person, card_buttons, card_problem, with_mentions
from playground.feishu_delivery import FeishuDelivery
from playground.feishu_rooms import FeishuMessage, FeishuRooms, Place
from playground.feishu_side_api import FeishuSideApi
from playground.ledger import DoubleLedger, Role

ChatType = Literal["group", "p2p"]


class FeishuPeople:
    """Acts of users around one bot; `FeishuDouble` adds the platform itself."""

    def __init__(
        self,
        bot: Person,
        rooms: FeishuRooms,
        side: FeishuSideApi,
        delivery: FeishuDelivery,
        ledger: DoubleLedger,
        hears_all: bool,
    ) -> None:
        self.bot = bot
        self.rooms = rooms
        self.ledger = ledger
        self.hears_all = hears_all
        self._side = side
        self._delivery = delivery

    async def say(
        self,
        *,
        chat_id: str,
        user_open_id: str,
        user_name: str,
        text: str = "",
        chat_type: ChatType = "group",
        mention_bot: bool = False,
        mentions: Sequence[tuple[str, str]] | None = None,
        parent_id: str | None = None,
        root_id: str | None = None,
        thread_id: str | None = None,
        message_type: str = "text",
        content: dict[str, Any] | None = None,
        role: Role | None = None,
    ) -> str:
        """A user speaks; gives the message_id once the event was posted the first time.

        `mentions` are (open_id, name) pairs: `@Name` in the text becomes the placeholder, else it is put in front.
        `content` replaces `{"text": …}` for other message types.
        """
        sender = self.rooms.person(user_open_id, user_name)
        if chat_type == "p2p":
            chat_id = self.rooms.p2p_chat(user_open_id, chat_id)
        people = ([self.bot] if mention_bot else []) + [self.rooms.person(*pair) for pair in mentions or []]
        placed, entries = with_mentions(text, people)
        place = Place(root_id, parent_id, thread_id)
        if parent_id and root_id is None:
            parent = self.rooms.get(parent_id)
            place = Place(parent.root_id or parent_id, parent_id, thread_id or parent.thread_id)
        said = content if content is not None else {"text": placed}
        message = self.rooms.add(chat_id, sender, message_type, said, place, mentions=entries, role=role)
        if chat_type == "p2p" or mention_bot or self.hears_all:
            body = events.message_event(message, chat_type)
            await self._delivery.send("im.message.receive_v1", body, message.message_id)
        return message.message_id

    async def reply(
        self, message_id: str, *, user_open_id: str, user_name: str, text: str, in_thread: bool = True, **more: Any
    ) -> str:
        """A user answers a message, in the thread under it or (in_thread=False) as a quote; gives the message_id.

        In a thread, root and parent are the message itself, as when staff type under a card. `more` goes to `say`.
        """
        parent = self.rooms.get(message_id)
        root_id = parent.root_id or message_id
        thread_id = self.rooms.thread_under(root_id) if in_thread else parent.thread_id
        return await self.say(
            chat_id=parent.chat_id,
            user_open_id=user_open_id,
            user_name=user_name,
            text=text,
            parent_id=message_id,
            root_id=root_id,
            thread_id=thread_id,
            **more,
        )

    async def press(
        self,
        message_id: str,
        operator_open_id: str,
        operator_name: str,
        value: dict[str, Any],
        **action: Any,
    ) -> dict[str, Any]:
        """Press a card's button; give the answer (toast, card). A card in it replaces the message's card.

        `action` adds fields such as name or form_value. A late or failed answer gives an error toast and "error",
        as the client shows it; card callbacks are never repeated.
        """
        message, operator = self.rooms.get(message_id), self.rooms.person(operator_open_id, operator_name)
        token = self._side.card_token(message_id)
        body = events.card_event(message, operator, token, {"value": value, "tag": "button", **action})
        response = await self._delivery.ask("card.action.trigger", body)
        if response is None or not response.is_success:
            return _press_failed("no answer in time" if response is None else f"HTTP {response.status_code}")
        self._side.acknowledge(token)
        try:
            answer = response.json() if response.content.strip() else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            return _press_failed("the answer is not a JSON object")
        return self._card_answered(message, answer)

    def buttons(self, message_id: str) -> list[dict[str, Any]]:
        """Give the buttons of a card, nested ones too, as {"text", "value", "name"?}."""
        return card_buttons(self.ledger.message(message_id).card or {})

    def button(self, message_id: str, text: str) -> dict[str, Any]:
        """Give the value of the button whose label contains `text`. KeyError names the buttons there are."""
        there = self.buttons(message_id)
        for button in there:
            if text in button["text"]:
                return dict(button["value"])
        raise KeyError(f"no button {text!r} among {[button['text'] for button in there]}")

    async def recall(self, message_id: str) -> None:
        """A user takes a message back."""
        message = self.rooms.recall(message_id)
        await self._delivery.send("im.message.recalled_v1", events.recalled_event(message, self.rooms.now_ms()))

    async def react(self, message_id: str, emoji: str, operator: str, added: bool = True) -> None:
        """A user (open_id) puts a reaction (e.g. THUMBSUP) on a message, or takes it away."""
        self.rooms.react(message_id, emoji, added)
        kind = "created" if added else "deleted"
        body = events.reaction_event(message_id, emoji, self.rooms.person(operator), self.rooms.now_ms())
        await self._delivery.send(f"im.message.reaction.{kind}_v1", body)

    async def bot_added(self, chat_id: str, name: str, operator: str) -> None:
        """A user (open_id) brings the bot into a group."""
        self.rooms.left_chats.discard(chat_id)
        body = events.bot_member_event(chat_id, name, self.rooms.person(operator))
        await self._delivery.send("im.chat.member.bot.added_v1", body)

    async def bot_removed(self, chat_id: str, name: str, operator: str) -> None:
        """A user removes the bot; sending there is refused with 230002 from now on."""
        self.rooms.left_chats.add(chat_id)
        body = events.bot_member_event(chat_id, name, self.rooms.person(operator))
        await self._delivery.send("im.chat.member.bot.deleted_v1", body)

    async def enter_p2p(self, user_open_id: str, user_name: str) -> str:
        """A user opens the chat with the bot; gives its chat_id."""
        chat_id = self.rooms.p2p_chat(user_open_id)
        body = events.p2p_entered_event(chat_id, self.rooms.person(user_open_id, user_name))
        await self._delivery.send("im.chat.access_event.bot_p2p_chat_entered_v1", body)
        return chat_id

    def _card_answered(self, message: FeishuMessage, answer: dict[str, Any]) -> dict[str, Any]:
        card = answer.get("card")
        if card is None:
            return answer
        shown: Any = card.get("data") if isinstance(card, dict) and card.get("type") == "raw" else card
        if problem := card_problem(shown):
            self.ledger.violation(f"feishu card answer to a press of {message.message_id}: {problem}")
            return _press_failed(problem)
        self.rooms.edit(message.message_id, "interactive", shown)
        return answer


def _press_failed(why: str) -> dict[str, Any]:
    return {"toast": {"type": "error", "content": "出错了，请稍后重试"}, "error": why}
