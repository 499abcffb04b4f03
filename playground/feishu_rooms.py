"""The Feishu double's memory: who is who, which chat is whose, every message with its thread and its edits."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from playground.feishu_content import TENANT_KEY, Person, lossy_card, seen_text
from playground.ledger import DoubleLedger, Role


def new_id(prefix: str) -> str:
    """Give an id that no run of any double has used, e.g. `om_…`."""
    return f"{prefix}{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a chat a message hangs: below which root, as answer to which parent, in which thread."""

    root_id: str | None = None
    parent_id: str | None = None
    thread_id: str | None = None


TOP = Place()


@dataclass(slots=True)
class FeishuMessage:
    """One message as the platform stores it; times are ms, `content` is the JSON string."""

    message_id: str
    chat_id: str
    sender: Person
    msg_type: str
    content: str
    created_ms: int
    updated_ms: int
    root_id: str | None = None
    parent_id: str | None = None
    thread_id: str | None = None
    mentions: list[dict[str, Any]] = field(default_factory=list)
    edits: int = 0
    deleted: bool = False

    def as_item(self, app_id: str) -> dict[str, Any]:
        """Give the message as im/v1 answers show it."""
        sender = {"id": app_id, "id_type": "app_id", "sender_type": "app"}
        if not self.sender.is_bot:
            sender = {"id": self.sender.open_id, "id_type": "open_id", "sender_type": "user"}
        content = self.content
        if self.msg_type == "interactive":
            content = json.dumps(lossy_card(json.loads(content)), ensure_ascii=False)
        item = {
            "message_id": self.message_id,
            "root_id": self.root_id or "",
            "parent_id": self.parent_id or "",
            "msg_type": self.msg_type,
            "create_time": str(self.created_ms),
            "update_time": str(self.updated_ms),
            "deleted": self.deleted,
            "updated": self.edits > 0,
            "chat_id": self.chat_id,
            "sender": {**sender, "tenant_key": TENANT_KEY},
            "body": {"content": content},
        }
        optional = {"thread_id": self.thread_id, "mentions": self.mentions}
        return item | {key: value for key, value in optional.items() if value}


class FeishuRooms:
    """People, chats and messages of one tenant; every change goes into the ledger."""

    def __init__(
        self, bot: Person, staff_chat_ids: Iterable[str], ledger: DoubleLedger, clock: Callable[[], float]
    ) -> None:
        self.bot = bot
        self.people: dict[str, Person] = {bot.open_id: bot}
        self.staff: set[str] = set()
        self.staff_chats = set(staff_chat_ids)
        self.topic_chats: set[str] = set()
        self.left_chats: set[str] = set()
        self.messages: dict[str, FeishuMessage] = {}
        self._p2p: dict[str, str] = {}
        self._ledger = ledger
        self._clock = clock

    def person(self, open_id: str, name: str | None = None) -> Person:
        """Give the user, remembered from now on; a new name replaces the old one."""
        known = self.people.get(open_id)
        if known is None or (name and name != known.name):
            known = Person(open_id, name or open_id)
            self.people[open_id] = known
        return known

    def find_person(self, any_id: str) -> Person | None:
        """Give the user with this open_id, union_id or user_id."""
        return next((one for one in self.people.values() if any_id in one.ids().values()), None)

    def p2p_chat(self, open_id: str, chat_id: str | None = None) -> str:
        """Give the chat of the bot and this user; `chat_id` names it the first time."""
        return self._p2p.setdefault(open_id, chat_id or new_id("oc_p2p"))

    def is_p2p(self, chat_id: str) -> bool:
        """Tell whether this is the chat of the bot and one user."""
        return chat_id in self._p2p.values()

    def get(self, message_id: str) -> FeishuMessage:
        """Give a stored message. Unknown id: KeyError."""
        return self.messages[message_id]

    def thread_under(self, root_id: str) -> str:
        """Give the id of the thread under a message, opened if there is none."""
        root = self.messages[root_id]
        if root.thread_id is None:
            root.thread_id = new_id("omt_")
            self._ledger.change(root_id, thread_id=root.thread_id)
        return root.thread_id

    def now_ms(self) -> int:
        """Give the clock's time in ms."""
        return int(self._clock() * 1000)

    def add(
        self,
        chat_id: str,
        sender: Person,
        msg_type: str,
        content: dict[str, Any],
        place: Place = TOP,
        *,
        mentions: list[dict[str, Any]] | None = None,
        role: Role | None = None,
        extra: dict[str, Any] | None = None,
    ) -> FeishuMessage:
        """Store a new message and show it in the ledger; in a topic group one that answers nothing begins a topic."""
        if chat_id in self.topic_chats and place == TOP:
            place = Place(thread_id=new_id("omt_"))
        message = FeishuMessage(
            new_id("om_"),
            *(chat_id, sender, msg_type),
            json.dumps(content, ensure_ascii=False),
            self.now_ms(),
            self.now_ms(),
            *(place.root_id, place.parent_id, place.thread_id),
            mentions or [],
        )
        self.messages[message.message_id] = message
        self._ledger.add(
            platform="feishu",
            chat_id=chat_id,
            message_id=message.message_id,
            sender=sender.open_id,
            sender_name=sender.name,
            sender_role=role or self._role(sender, chat_id),
            at=self._clock(),
            reply_to=place.parent_id,
            thread_id=place.thread_id,
            extra={"root_id": place.root_id, "content": content, **(extra or {})},
            **self._looks(msg_type, content, message.mentions),
        )
        return message

    def edit(self, message_id: str, msg_type: str, content: dict[str, Any]) -> FeishuMessage:
        """Replace what a message says."""
        message = self.messages[message_id]
        message.msg_type, message.content = msg_type, json.dumps(content, ensure_ascii=False)
        message.edits += 1
        message.updated_ms = self.now_ms()
        extra = {**self._ledger.message(message_id).extra, "content": content}
        looks = self._looks(msg_type, content, message.mentions)
        self._ledger.change(message_id, updated=True, extra=extra, **looks)
        return message

    def recall(self, message_id: str) -> FeishuMessage:
        """Take a message back. Unknown id: KeyError."""
        message = self.messages[message_id]
        message.deleted = True
        self._ledger.change(message_id, "recalled", recalled=True)
        return message

    def react(self, message_id: str, emoji: str, added: bool = True) -> None:
        """Put a reaction on a message or take one away."""
        reactions = list(self._ledger.message(message_id).reactions)
        if added:
            reactions.append(emoji)
        elif emoji in reactions:
            reactions.remove(emoji)
        self._ledger.change(message_id, "reacted", reactions=tuple(reactions))

    def _role(self, sender: Person, chat_id: str) -> Role:
        if sender.is_bot:
            return "bot"
        return "staff" if sender.open_id in self.staff or chat_id in self.staff_chats else "customer"

    def _looks(self, msg_type: str, content: dict[str, Any], mentions: list[dict[str, Any]]) -> dict[str, Any]:
        card = content if msg_type == "interactive" else None
        kind = "card" if msg_type == "interactive" else msg_type
        names = {person.open_id: person.name for person in self.people.values()}
        return {"kind": kind, "card": card, "text": seen_text(msg_type, content, mentions, names)}
