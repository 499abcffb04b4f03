"""What the WeCom double serves to a self-built app: sending, recalling, changed cards, groups made by the app, media.

Protocol: https://developer.work.weixin.qq.com/document/path/90236 (send), /90248 (groups), /90253 (media).
"""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict, deque
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from playground.ledger import DoubleLedger
from playground.wecom_answers import card_problem
from playground.wecom_app_content import WecomAppContent, card_text
from playground.wecom_app_gate import Json, Refusal, WecomAppGate

MEDIA_LIFE_S = 3 * 86400.0
RESPONSE_CODE_LIFE_S = 72 * 3600.0
RECALL_LIFE_S = 24 * 3600.0
#: What one member is shown at most by one app; the surplus is dropped without a word.
MEMBER_LIMITS = ((30, 60.0), (1000, 3600.0))
UPLOAD_LIMITS = {"image": 10 << 20, "voice": 2 << 20, "video": 10 << 20, "file": 20 << 20}


class WecomAppApi:
    """The HTTP surface of one app of one company; `app` is an ASGI application.

    `members` are the userids in the app's visible range; empty means everybody. `unlicensed` members get nothing.
    """

    def __init__(
        self, gate: WecomAppGate, agent_id: int, name: str, ledger: DoubleLedger, clock: Callable[[], float]
    ) -> None:
        self._agent_id, self._name = agent_id, name
        self.members: set[str] = set()
        self.unlicensed: set[str] = set()
        self.groups: dict[str, list[str]] = {}
        self.media: dict[str, tuple[float, bytes, str, str]] = {}
        self._content = WecomAppContent(ledger, self.media)
        self._ledger = ledger
        self._clock = clock
        self._response_codes: dict[str, tuple[str, float]] = {}
        self._shown_to: defaultdict[str, deque[float]] = defaultdict(deque)
        self._checked: dict[tuple[str, str], tuple[float, str]] = {}
        routes = [
            gate.token_route(),
            gate.route("send", "POST", "message/send", self._send),
            gate.route("recall", "POST", "message/recall", self._recall),
            gate.route("update_card", "POST", "message/update_template_card", self._update_card),
            gate.route("appchat_create", "POST", "appchat/create", self._create_group),
            gate.route("appchat_get", "GET", "appchat/get", self._get_group),
            gate.route("appchat_send", "POST", "appchat/send", self._send_to_group),
            gate.route("upload", "POST", "media/upload", self._upload),
            gate.route("media", "GET", "media/get", self._media),
        ]
        self.app = Starlette(routes=routes)

    def add_media(self, content: bytes, media_type: str, name: str) -> str:
        """Keep a file for three days; gives its media id."""
        media_id = secrets.token_urlsafe(24)
        self.media[media_id] = (self._clock(), content, media_type, name)
        return media_id

    def response_code(self, message_id: str) -> str:
        """Give a fresh code that changes this card once within 72 hours."""
        code = secrets.token_urlsafe(24)
        self._response_codes[code] = (message_id, self._clock() + RESPONSE_CODE_LIFE_S)
        return code

    def replace_button(self, message_id: str, name: str) -> None:
        """Put one dead button in the place of a card's buttons."""
        card = {**(self._ledger.message(message_id).card or {}), "button_list": [], "replaced": name}
        self._ledger.change(message_id, card=card, updated=True)

    async def _send(self, request: Request, body: Json) -> Json:
        if body.get("agentid") != self._agent_id:
            raise Refusal(40056, "invalid agentid")
        wanted = [one for one in str(body.get("touser", "")).split("|") if one]
        receivers = [one for one in wanted if not self.members or one in self.members]
        if not receivers:
            raise Refusal(81013, "user & party & tag all invalid")
        message_id, code = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        content = self._content.read(body, code)
        answer = {"invaliduser": "|".join(one for one in wanted if one not in receivers), "msgid": message_id}
        answer["unlicenseduser"] = "|".join(one for one in receivers if one in self.unlicensed)
        for receiver in (one for one in receivers if one not in self.unlicensed):
            earlier = self._duplicate(receiver, body)
            if earlier is not None:
                answer["msgid"] = earlier
            elif self._has_room(receiver):
                self._show(receiver, message_id, content)
                self._check(receiver, body, message_id)
        if body.get("msgtype") == "template_card":
            self._response_codes[code] = (message_id, self._clock() + RESPONSE_CODE_LIFE_S)
            answer["response_code"] = code
        return answer

    def _duplicate(self, receiver: str, body: Json) -> str | None:
        if not body.get("enable_duplicate_check"):
            return None
        at, message_id = self._checked.get((receiver, _fingerprint(body)), (float("-inf"), ""))
        within = min(float(body.get("duplicate_check_interval", 1800)), 4 * 3600.0)
        return message_id if self._clock() - at < within else None

    def _check(self, receiver: str, body: Json, message_id: str) -> None:
        self._checked[receiver, _fingerprint(body)] = (self._clock(), message_id)

    def _has_room(self, receiver: str) -> bool:
        now, shown = self._clock(), self._shown_to[receiver]
        for limit, window in MEMBER_LIMITS:
            if len(shown) >= limit and shown[-limit] > now - window:
                self._ledger.violation(f"wecom_app: over {limit} messages in {window:.0f} s for {receiver}: dropped")
                return False
        shown.append(now)
        return True

    def _show(self, chat_id: str, message_id: str, content: Json) -> None:
        self._ledger.add(
            platform="wecom_app",
            chat_id=chat_id,
            # Many receivers share one message id: each one's copy needs its own in the record.
            message_id=message_id if not self._ledger.knows(message_id) else f"{message_id}:{chat_id}",
            sender=str(self._agent_id),
            sender_name=self._name,
            sender_role="bot",
            at=self._clock(),
            **content,
        )

    async def _recall(self, request: Request, body: Json) -> Json:
        message_id = str(body.get("msgid", ""))
        if not self._ledger.knows(message_id):
            raise Refusal(40058, "invalid msgid")
        if self._clock() - self._ledger.message(message_id).at > RECALL_LIFE_S:
            raise Refusal(40058, "message is older than 24 hours")
        self._ledger.change(message_id, "recalled", recalled=True)
        return {}

    async def _update_card(self, request: Request, body: Json) -> Json:
        message_id, dies = self._response_codes.pop(str(body.get("response_code", "")), ("", 0.0))
        if not message_id or dies <= self._clock() or body.get("agentid") != self._agent_id:
            raise Refusal(40058, "invalid or used response_code")
        button, card = body.get("button"), body.get("template_card")
        if isinstance(button, dict) and button.get("replace_name"):
            self.replace_button(message_id, str(button["replace_name"]))
            return {}
        problem = card_problem(card)
        if problem:
            raise Refusal(40058, problem)
        self._ledger.change(message_id, card=card, updated=True, text=card_text(card or {}))
        return {}

    async def _create_group(self, request: Request, body: Json) -> Json:
        chat_id, people = str(body.get("chatid", "")) or secrets.token_hex(12), body.get("userlist") or []
        if not re.fullmatch(r"[0-9A-Za-z]{1,32}", chat_id) or not 2 <= len(people) <= 2000:
            raise Refusal(86001, "invalid chatid or userlist")
        if chat_id in self.groups:
            raise Refusal(86216, "chatid exists")
        self.groups[chat_id] = list(people)
        return {"chatid": chat_id}

    async def _get_group(self, request: Request, body: Json) -> Json:
        chat_id = request.query_params.get("chatid", "")
        if chat_id not in self.groups:
            raise Refusal(86003, "chat does not exist")
        return {"chat_info": {"chatid": chat_id, "userlist": self.groups[chat_id]}}

    async def _send_to_group(self, request: Request, body: Json) -> Json:
        chat_id = str(body.get("chatid", ""))
        if chat_id not in self.groups:
            raise Refusal(86003, "chat does not exist")
        if body.get("msgtype") == "template_card":
            raise Refusal(40008, "invalid message type")
        self._show(chat_id, secrets.token_urlsafe(24), self._content.read(body))
        return {}

    async def _upload(self, request: Request, body: Json) -> Json:
        form = await request.form()
        kind, upload = request.query_params.get("type", ""), form.get("media")
        if kind not in UPLOAD_LIMITS or upload is None or isinstance(upload, str):
            raise Refusal(40004, "invalid media type")
        content = await upload.read()
        if not 5 < len(content) <= UPLOAD_LIMITS[kind]:
            raise Refusal(40009 if content else 40006, "invalid media size")
        media_id = self.add_media(content, upload.content_type or "application/octet-stream", upload.filename or "")
        return {"type": kind, "media_id": media_id, "created_at": str(int(self._clock()))}

    async def _media(self, request: Request, body: Json) -> Response:
        kept = self.media.get(request.query_params.get("media_id", ""))
        if kept is None or self._clock() - kept[0] > MEDIA_LIFE_S:
            raise Refusal(40007, "invalid media_id")
        headers = {"Content-Disposition": f'attachment; filename="{kept[3]}"'} if kept[3].isascii() else {}
        return Response(kept[1], media_type=kept[2], headers=headers)


def _fingerprint(body: Json) -> str:
    return json.dumps(body.get(str(body.get("msgtype"))), sort_keys=True)
