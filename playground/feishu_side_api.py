"""The other calls of the Feishu double: token, bot, users, delayed card update, message files, uploads.

Protocol: https://open.feishu.cn/document/server-docs/authentication-management/access-token/tenant_access_token_internal,
/server-docs/im-v1/message/get-2 (files), /uAjLw4CM/ukzMukzMukzM/feishu-cards/handle-card-callbacks (card update).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from playground.feishu_content import TENANT_KEY, card_problem
from playground.feishu_gateway import Answer, ApiRefusal, Call, FeishuGateway, TenantTokens
from playground.feishu_rooms import FeishuRooms

IMAGE_LIMIT = 10 * 1024 * 1024
FILE_LIMIT = 30 * 1024 * 1024
CARD_TOKEN_LIFE_S = 1800.0
CARD_TOKEN_USES = 2  # the Chinese page says 2, the Lark page 3: the stricter one holds here

CARD_TOKEN_REFUSED = 300000  # our choice: the page names no code for a spent, old or early card token


@dataclass(slots=True)
class _CardToken:
    message_id: str
    issued_at: float
    acknowledged: bool = False
    uses: int = 0


class FeishuSideApi:
    """Endpoints around the messages; holds files and the tokens of pressed cards."""

    def __init__(self, tokens: TenantTokens, rooms: FeishuRooms, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._rooms = rooms
        self._clock = clock
        #: The departments that every user belongs to, by open_department_id.
        self.departments = {"od-sales": "销售部"}
        self._files: dict[str, tuple[bytes, str]] = {}
        self._card_tokens: dict[str, _CardToken] = {}

    def routes(self, gateway: FeishuGateway) -> list[Route]:
        """Give the routes of these calls."""
        login = "auth/v3/tenant_access_token/internal"
        file = "im/v1/messages/{message_id}/resources/{file_key}"
        return [
            gateway.route("token", "POST", login, self._token, credential="none"),
            gateway.route("bot_info", "GET", "bot/v3/info", self._bot_info),
            gateway.route("user", "GET", "contact/v3/users/{user_id}", self._user),
            gateway.route("department", "GET", "contact/v3/departments/{department_id}", self._department),
            gateway.route("tenant", "GET", "tenant/v2/tenant/query", self._tenant),
            gateway.route("chat", "GET", "im/v1/chats/{chat_id}", self._chat),
            gateway.route("card_update", "POST", "interactive/v1/card/update", self._card_update),
            gateway.route("resource", "GET", file, self._resource),
            gateway.route("image", "POST", "im/v1/images", self._upload_image),
            gateway.route("file", "POST", "im/v1/files", self._upload_file),
        ]

    def add_file(self, content: bytes, media_type: str, prefix: str = "img_v3_") -> str:
        """Keep bytes that a message can point at; gives the image_key or file_key."""
        key = f"{prefix}{secrets.token_hex(16)}"
        self._files[key] = (content, media_type)
        return key

    def file(self, key: str) -> tuple[bytes, str]:
        """Give (bytes, media type) of an uploaded or added file. Unknown key: KeyError."""
        return self._files[key]

    def card_token(self, message_id: str) -> str:
        """Give a token for a press of this card; it updates the card only once the press was acknowledged."""
        token = f"c-{secrets.token_hex(20)}"
        self._card_tokens[token] = _CardToken(message_id, self._clock())
        return token

    def acknowledge(self, token: str) -> None:
        """Say that the press with this token was answered."""
        self._card_tokens[token].acknowledged = True

    async def _token(self, call: Call) -> Answer:
        token, seconds = self._tokens.issue(call.body.get("app_id"), call.body.get("app_secret"))
        return {"msg": "ok", "tenant_access_token": token, "expire": seconds}

    async def _bot_info(self, call: Call) -> Answer:
        bot = {"activate_status": 2, "app_name": self._rooms.bot.name, "avatar_url": "", "ip_white_list": []}
        return {"msg": "ok", "bot": {**bot, "open_id": self._rooms.bot.open_id}}

    async def _user(self, call: Call) -> Answer:
        id_type = call.query.get("user_id_type", "open_id")
        wanted = call.path["user_id"]
        person = next((one for one in self._rooms.people.values() if one.ids().get(id_type) == wanted), None)
        if person is None or person.is_bot:
            raise ApiRefusal(41050, "no user authority error")
        status = {"is_frozen": False, "is_resigned": False, "is_activated": True}
        user = {**person.ids(), "name": person.name, "en_name": "", "status": status}
        return {"data": {"user": {**user, "department_ids": list(self.departments)}}}

    async def _department(self, call: Call) -> Answer:
        department_id = call.path["department_id"]
        if department_id not in self.departments:
            raise ApiRefusal(40003, "internal error")  # our choice
        return {"data": {"department": {"name": self.departments[department_id]}}}

    async def _tenant(self, call: Call) -> Answer:
        return {"data": {"tenant": {"name": "售后科技", "display_id": "F0001", "tenant_key": TENANT_KEY}}}

    async def _chat(self, call: Call) -> Answer:
        chat_id = call.path["chat_id"]
        if chat_id in self._rooms.left_chats:
            raise ApiRefusal(230002, "Bot/User can NOT be out of the chat.")
        mode = "p2p" if self._rooms.is_p2p(chat_id) else "topic" if chat_id in self._rooms.topic_chats else "group"
        return {"data": {"name": "", "chat_mode": mode, "group_message_type": "chat", "tenant_key": TENANT_KEY}}

    async def _card_update(self, call: Call) -> Answer:
        token = self._card_tokens.get(str(call.body.get("token")))
        if token is None or self._clock() - token.issued_at > CARD_TOKEN_LIFE_S:
            raise ApiRefusal(CARD_TOKEN_REFUSED, "card token is unknown or expired")
        if not token.acknowledged:
            raise ApiRefusal(CARD_TOKEN_REFUSED, "the callback has not been answered yet")
        if token.uses >= CARD_TOKEN_USES:
            raise ApiRefusal(CARD_TOKEN_REFUSED, "card token has been used up")
        card = call.body.get("card")
        if problem := card_problem(card):
            raise ApiRefusal(230099, f"Failed to create card content, ext=ErrMsg: {problem}")
        token.uses += 1
        self._rooms.edit(token.message_id, "interactive", dict(card or {}))
        return {}

    async def _resource(self, call: Call) -> Answer:
        key = call.path["file_key"]
        message = self._rooms.messages.get(call.path["message_id"])
        if call.query.get("type") not in ("image", "file"):
            raise ApiRefusal(234001, "Invalid request param.")
        if message is None or key not in message.content or key not in self._files:
            raise ApiRefusal(234003, "File not in msg.")
        content, media_type = self._files[key]
        return Response(content, media_type=media_type)

    async def _upload_image(self, call: Call) -> Answer:
        content, media_type = await _uploaded(call, "image", IMAGE_LIMIT)
        return {"data": {"image_key": self.add_file(content, media_type)}}

    async def _upload_file(self, call: Call) -> Answer:
        content, media_type = await _uploaded(call, "file", FILE_LIMIT)
        return {"data": {"file_key": self.add_file(content, media_type, "file_v3_")}}


async def _uploaded(call: Call, field: str, limit: int) -> tuple[bytes, str]:
    async with call.request.form(max_part_size=limit + 1024) as form:
        upload = form.get(field)
        if not isinstance(upload, UploadFile):
            raise ApiRefusal(234001, "Invalid request param.")
        content = await upload.read()
        if not content:
            raise ApiRefusal(234010, "File's size can't be 0.")
        if len(content) > limit:
            raise ApiRefusal(234006, "The file size exceed the max value.")
        return content, upload.content_type or "application/octet-stream"
