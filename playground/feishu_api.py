"""The im/v1 message calls of the Feishu double: create, reply, patch, update, recall, get, reactions.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message/create and its neighbours. Codes that the pages
name are used; the few marked "our choice" stand for refusals whose code we could not confirm.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from starlette.routing import Route

from playground.feishu_content import card_problem, json_object
from playground.feishu_gateway import Answer, ApiRefusal, Call, FeishuGateway, RateWindow, invalid, rate_limited
from playground.feishu_rooms import TOP, FeishuMessage, FeishuRooms, Place
from playground.ledger import DoubleLedger

UUID_LIFE_S = 3600.0
UUID_LIMIT = 50
TEXT_LIMIT = 150 * 1024
CARD_LIMIT = 30 * 1024
CARD_LIFE_S = 14 * 86400.0
EDITS_LIMIT = 20
EDITS_A_SECOND = 5  # of one message


class FeishuMessageApi:
    """Endpoints over the rooms. `qps` limits what is sent into one chat; None switches it off."""

    def __init__(
        self,
        app_id: str,
        rooms: FeishuRooms,
        ledger: DoubleLedger,
        clock: Callable[[], float],
        qps: int | None,
    ) -> None:
        self.sends = RateWindow(qps, clock)
        self._edits = RateWindow(EDITS_A_SECOND if qps else None, clock)
        self._app_id = app_id
        self._rooms = rooms
        self._ledger = ledger
        self._clock = clock
        self._uuids: dict[str, tuple[float, str, tuple[str, str]]] = {}
        self._reactions: dict[str, tuple[str, str]] = {}

    def routes(self, gateway: FeishuGateway) -> list[Route]:
        """Give the routes of these calls."""
        one = "im/v1/messages/{message_id}"
        return [
            gateway.route("create", "POST", "im/v1/messages", self._create),
            gateway.route("reply", "POST", f"{one}/reply", self._reply),
            gateway.route("patch", "PATCH", one, self._patch),
            gateway.route("update", "PUT", one, self._update),
            gateway.route("delete", "DELETE", one, self._delete),
            gateway.route("get", "GET", one, self._get),
            gateway.route("react", "POST", f"{one}/reactions", self._react),
            gateway.route("reactions", "GET", f"{one}/reactions", self._list_reactions),
            gateway.route("unreact", "DELETE", f"{one}/reactions/{{reaction_id}}", self._unreact),
        ]

    async def _create(self, call: Call) -> Answer:
        chat_id = self._receiver(call.query.get("receive_id_type", ""), call.body.get("receive_id"))
        content = checked_content(call.body.get("msg_type"), call.body.get("content"))
        return self._send(call.body, chat_id, content, TOP)

    async def _reply(self, call: Call) -> Answer:
        parent = self._message(call)
        content = checked_content(call.body.get("msg_type"), call.body.get("content"))
        if parent.deleted:
            raise ApiRefusal(230011, "The message was withdrawn.")
        root_id = parent.root_id or parent.message_id
        thread_id = parent.thread_id
        if thread_id is None and call.body.get("reply_in_thread"):
            thread_id = self._rooms.thread_under(root_id)
        place = Place(root_id, parent.message_id, thread_id)
        return self._send(call.body, parent.chat_id, content, place)

    def _send(self, body: dict[str, Any], chat_id: str, content: dict[str, Any], place: Place) -> Answer:
        if chat_id in self._rooms.left_chats:
            raise ApiRefusal(230002, "Bot/User can NOT be out of the chat.")
        wait_s = self.sends.wait_s(chat_id)
        if wait_s:
            raise rate_limited(self.sends.limit or 0, wait_s)
        uuid = str(body.get("uuid") or "")
        if len(uuid) > UUID_LIMIT:
            raise invalid("uuid is too long")
        print_ = (place.parent_id or chat_id, str(body.get("content")))
        known = self._uuids.get(uuid) if uuid else None
        if known and self._clock() - known[0] < UUID_LIFE_S:
            if known[2] != print_:
                self._ledger.violation(f"feishu uuid {uuid} came again with another receiver or content")
            return {"data": self._rooms.get(known[1]).as_item(self._app_id)}
        extra = {"uuid": uuid or None}
        message = self._rooms.add(chat_id, self._rooms.bot, str(body["msg_type"]), content, place, extra=extra)
        if uuid:
            self._uuids[uuid] = (self._clock(), message.message_id, print_)
        return {"data": message.as_item(self._app_id)}

    async def _patch(self, call: Call) -> Answer:
        message = self._own(call)
        if message.msg_type != "interactive":
            raise invalid("This message is NOT a card.")
        if self._clock() - message.created_ms / 1000 > CARD_LIFE_S:
            raise ApiRefusal(230031, "The message is too old to be updated.")
        content = checked_content("interactive", call.body.get("content"))
        self._pace_edit(message)
        self._rooms.edit(message.message_id, "interactive", content)
        return {"data": {}}

    async def _update(self, call: Call) -> Answer:
        message = self._own(call)
        msg_type = call.body.get("msg_type")
        if msg_type not in ("text", "post") or message.msg_type not in ("text", "post"):
            raise invalid("only text and post can be edited")
        content = checked_content(msg_type, call.body.get("content"))
        self._pace_edit(message)
        if message.edits >= EDITS_LIMIT:
            raise ApiRefusal(230072, "The message has reached the number of times it can be edited.")
        return {"data": self._rooms.edit(message.message_id, msg_type, content).as_item(self._app_id)}

    async def _delete(self, call: Call) -> Answer:
        self._rooms.recall(self._own(call).message_id)
        return {"data": {}}

    async def _get(self, call: Call) -> Answer:
        return {"data": {"items": [self._message(call).as_item(self._app_id)]}}

    async def _react(self, call: Call) -> Answer:
        message = self._message(call)
        emoji = call.body.get("reaction_type", {}).get("emoji_type")
        if not isinstance(emoji, str) or not emoji:
            raise ApiRefusal(231001, "reaction type is invalid.")
        reaction_id = secrets.token_urlsafe(18)
        self._reactions[reaction_id] = (message.message_id, emoji)
        self._rooms.react(message.message_id, emoji)
        return {"data": self._reaction(reaction_id, emoji)}

    async def _list_reactions(self, call: Call) -> Answer:
        message_id, wanted = self._message(call).message_id, call.query.get("reaction_type")
        found = [
            self._reaction(reaction_id, emoji)
            for reaction_id, (of, emoji) in self._reactions.items()
            if of == message_id and wanted in (None, emoji)
        ]
        return {"data": {"items": found, "has_more": False}}

    async def _unreact(self, call: Call) -> Answer:
        self._message(call)
        found = self._reactions.pop(call.path["reaction_id"], None)
        if found is None:
            raise ApiRefusal(231011, "The reaction does not exist.")  # our choice
        self._rooms.react(*found, added=False)
        return {"data": self._reaction(call.path["reaction_id"], found[1])}

    def _reaction(self, reaction_id: str, emoji: str) -> dict[str, Any]:
        return {
            "reaction_id": reaction_id,
            "operator": {"operator_id": self._app_id, "operator_type": "app"},
            "action_time": str(self._rooms.now_ms()),
            "reaction_type": {"emoji_type": emoji},
        }

    def _pace_edit(self, message: FeishuMessage) -> None:
        if self._edits.wait_s(message.message_id):
            text = "This operation triggers the frequency limit, ext=Update the single messages too frequently"
            raise ApiRefusal(230020, text)

    def _message(self, call: Call) -> FeishuMessage:
        try:
            return self._rooms.get(call.path["message_id"])
        except KeyError as unknown:
            raise ApiRefusal(230030, "The message is not found.") from unknown

    def _own(self, call: Call) -> FeishuMessage:
        message = self._message(call)
        if not message.sender.is_bot:
            raise ApiRefusal(230012, "Bot is NOT the sender of the message.")
        if message.deleted:
            raise ApiRefusal(230011, "The message was withdrawn.")
        return message

    def _receiver(self, id_type: str, receive_id: object) -> str:
        if id_type not in ("open_id", "user_id", "union_id", "email", "chat_id"):
            raise invalid("invalid receive_id_type")
        if not isinstance(receive_id, str) or not receive_id:
            raise invalid("invalid receive_id.")
        if id_type == "chat_id":
            if not receive_id.startswith("oc_"):
                raise invalid("invalid receive_id.")
            return receive_id
        person = self._rooms.find_person(receive_id)
        if person is None and id_type == "open_id" and receive_id.startswith("ou_"):
            person = self._rooms.person(receive_id)
        if person is None:
            raise invalid("invalid receive_id.")
        return self._rooms.p2p_chat(person.open_id)


def checked_content(msg_type: object, raw: object) -> dict[str, Any]:
    """Give the content of a message to be sent; refuses what the platform refuses."""
    content = json_object(raw)
    if content is None or not isinstance(msg_type, str):
        raise invalid("content is not a string in json format")
    size = len(str(raw).encode())
    if size > (TEXT_LIMIT if msg_type == "text" else CARD_LIMIT):
        raise ApiRefusal(230025, "The length of the message content reaches its limit.")
    if msg_type == "text" and not (isinstance(content.get("text"), str) and content["text"].strip()):
        raise invalid("text is empty")
    if msg_type == "interactive" and (problem := card_problem(content)):
        raise ApiRefusal(230099, f"Failed to create card content, ext=ErrMsg: {problem}")
    return content
