"""What the 微信客服 double serves: news, messages, states, people, files.

Protocol: https://developer.work.weixin.qq.com/document/path/94638 and its neighbours.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.responses import Response

from playground.faults import Faults
from playground.ledger import DoubleLedger
from playground.wecom_kf_chats import PERSON, KfChat, KfChats
from playground.wecom_kf_gateway import KfCall, KfGateway, KfRefusal, KfTokens
from playground.wecom_kf_messages import INVALID, WRONG_MEDIA, Shown, check_msgid, read_message
from playground.wecom_kf_news import KfNews

MEDIA_LIFE_S = 3 * 86_400.0
SCENE_LIMIT = 32


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    name: str
    kept_at: float


class KfEndpoints:
    """The platform's HTTP surface; `app` is an ASGI application.

    A msgid is taken once: what a second one is answered is not published, so `duplicate_code` may be set.
    """

    def __init__(
        self,
        tokens: KfTokens,
        news: KfNews,
        chats: KfChats,
        *,
        names: dict[str, dict[str, Any]],
        ledger: DoubleLedger,
        faults: Faults,
        clock: Callable[[], float],
    ) -> None:
        self.duplicate_code = INVALID
        self._news = news
        self._chats = chats
        self._names = names
        self._ledger = ledger
        self._clock = clock
        self._files: dict[str, _File] = {}
        gate = KfGateway(tokens, ledger, faults, clock)
        self.app = Starlette(
            routes=[
                gate.route("token", "GET", "gettoken", tokens.give, free=True),
                gate.route("sync", "POST", "kf/sync_msg", news.sync),
                gate.route("send", "POST", "kf/send_msg", self._send),
                gate.route("send_on_event", "POST", "kf/send_msg_on_event", self._send_on_event),
                gate.route("state_get", "POST", "kf/service_state/get", self._state),
                gate.route("state_trans", "POST", "kf/service_state/trans", self._move),
                gate.route("servicers", "GET", "kf/servicer/list", self._colleagues),
                gate.route("accounts", "POST", "kf/account/list", self._accounts),
                gate.route("contact_way", "POST", "kf/add_contact_way", self._contact_way),
                gate.route("customers", "POST", "kf/customer/batchget", self._customers),
                gate.route("media_get", "GET", "media/get", self._file),
                gate.route("media_upload", "POST", "media/upload", self._upload),
                gate.unknown(),
            ]
        )

    def add_file(self, content: bytes, media_type: str = "image/jpeg", name: str = "picture.jpg") -> str:
        """Keep a file for three days; gives its media_id."""
        media_id = secrets.token_urlsafe(24)
        self._files[media_id] = _File(content, media_type, name, self._clock())
        return media_id

    def file(self, media_id: str) -> tuple[bytes, str, str]:
        """Give a file's bytes, media type and name. Unknown media_id: KeyError."""
        found = self._files[media_id]
        return found.content, found.media_type, found.name

    async def _send(self, call: KfCall) -> dict[str, Any]:
        chat = self._chats.known(call.text("open_kfid"), call.text("touser"))
        msgid = self._fresh_msgid(call)
        self._chats.check_send(chat)
        shown = read_message(call.body, self._files)
        chat.left -= 1
        return self._show(chat, msgid, shown)

    async def _send_on_event(self, call: KfCall) -> dict[str, Any]:
        msgid = self._fresh_msgid(call)
        code = self._chats.code_named(call.text("code"))
        if call.body.get("msgtype") == "msgmenu" and not code.menus:
            raise KfRefusal(INVALID, "this event is answered with text only")
        shown = read_message(call.body, self._files, on_event=True)
        code.used = True
        if code.state is None:
            code.chat.welcomed_at = self._clock()
        return self._show(code.chat, msgid, shown)

    def _fresh_msgid(self, call: KfCall) -> str:
        if "msgid" not in call.body:
            return secrets.token_hex(16)
        try:
            msgid = check_msgid(call.body["msgid"])
        except KfRefusal:
            self._ledger.violation(f"wecom_kf msgid {call.body['msgid']!r} is not 1–32 of [0-9a-zA-Z_-]")
            raise
        if self._ledger.knows(msgid):
            raise KfRefusal(self.duplicate_code, "msgid is not unique")
        return msgid

    def _show(self, chat: KfChat, msgid: str, shown: Shown) -> dict[str, Any]:
        if shown.broken:
            self._ledger.violation(f"wecom_kf message {msgid}: {shown.broken}")
        self._ledger.add(
            platform="wecom_kf",
            chat_id=chat.chat_id,
            message_id=msgid,
            sender=chat.open_kfid,
            sender_name=chat.open_kfid,
            sender_role="bot",
            kind=shown.kind,
            text=shown.text,
            card=shown.card,
            at=self._clock(),
        )
        return {"msgid": msgid}

    async def _state(self, call: KfCall) -> dict[str, Any]:
        chat = self._chats.known(call.text("open_kfid"), call.text("external_userid"))
        return {"service_state": chat.state, "servicer_userid": chat.userid if chat.state == PERSON else ""}

    async def _move(self, call: KfCall) -> dict[str, Any]:
        chat = self._chats.known(call.text("open_kfid"), call.text("external_userid"))
        state = call.body.get("service_state")
        if not isinstance(state, int) or not 0 <= state <= 4:
            raise KfRefusal(INVALID, "invalid service_state")
        code = self._chats.move(chat, state, call.text("servicer_userid"))
        self._ledger.note("kf_state", chat_id=chat.chat_id, state=chat.state, userid=chat.userid)
        return {"msg_code": code} if code else {}

    async def _colleagues(self, call: KfCall) -> dict[str, Any]:
        rows: list[dict[str, Any]] = [
            {"userid": one.userid, "status": 0}
            if one.receiving
            else {"userid": one.userid, "status": 1, "stop_type": 0}
            for one in self._chats.colleagues.values()
        ]
        return {"servicer_list": [*rows, {"department_id": 2}]}

    async def _accounts(self, _call: KfCall) -> dict[str, Any]:
        rows = [
            {"open_kfid": one, "name": one, "avatar": "", "manage_privilege": True} for one in self._news.open_kfids
        ]
        return {"account_list": rows}

    async def _contact_way(self, call: KfCall) -> dict[str, Any]:
        if call.text("open_kfid") not in self._news.open_kfids or len(call.text("scene").encode()) > SCENE_LIMIT:
            raise KfRefusal(INVALID, "invalid open_kfid or scene")
        return {"url": f"https://work.weixin.qq.com/kf/{call.text('open_kfid')}?enc_scene={call.text('scene')}"}

    async def _customers(self, call: KfCall) -> dict[str, Any]:
        asked = call.body.get("external_userid_list")
        if not isinstance(asked, list) or not 1 <= len(asked) <= 100:
            raise KfRefusal(INVALID, "external_userid_list must have 1 to 100 members")
        known = [one for one in asked if self._chats.active(str(one))]
        rows = [{"external_userid": one, "nickname": "", "gender": 0, **self._names.get(one, {})} for one in known]
        return {"customer_list": rows, "invalid_external_userid": [one for one in asked if one not in known]}

    async def _file(self, call: KfCall) -> Response:
        found = self._files.get(call.query.get("media_id", ""))
        if found is None or self._clock() - found.kept_at > MEDIA_LIFE_S:
            raise KfRefusal(WRONG_MEDIA, "invalid media_id")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}"}
        return Response(found.content, media_type=found.media_type, headers=headers)

    async def _upload(self, call: KfCall) -> dict[str, Any]:
        if call.query.get("type") not in ("image", "voice", "video", "file"):
            raise KfRefusal(40005, "invalid type")
        form = await call.request.form()
        media = form.get("media")
        if not isinstance(media, UploadFile):
            raise KfRefusal(40035, "no media in the form")
        content = await media.read()
        if len(content) <= 5:
            raise KfRefusal(40006, "invalid file size")
        media_id = self.add_file(content, media.content_type or "application/octet-stream", media.filename or "file")
        return {"type": call.query["type"], "media_id": media_id, "created_at": str(int(self._clock()))}
