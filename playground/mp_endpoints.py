"""The API of a 公众号 or 小程序 as its double serves it: messages, typing, files, notices, followers.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.responses import Response

from playground.faults import Faults
from playground.ledger import DoubleLedger
from playground.mp_gateway import Answer, ApiRefusal, Call, MpGateway, StableTokens
from playground.mp_windows import Windows

Kind = Literal["official_account", "mini_program"]

TEXT_LIMIT = 2048  # bytes
THING_LIMIT = 20  # characters of a `thing…` field
SENDABLE: dict[str, tuple[str, ...]] = {
    "official_account": ("text", "image", "voice", "video", "news", "msgmenu", "miniprogrampage"),
    "mini_program": ("text", "image", "link", "miniprogrampage"),
}
_OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True, slots=True)
class File:
    """A file that lies at the platform for three days."""

    content: bytes
    media_type: str
    name: str


@dataclass(slots=True)
class Followers:
    """Who is known to the account. `consents` counts the subscription messages that somebody agreed to."""

    unionids: dict[str, str] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)
    templates: set[str] = field(default_factory=set)
    typing: dict[str, bool] = field(default_factory=dict)
    at_desk: dict[str, str] = field(default_factory=dict)


class MpEndpoints:
    """The platform's HTTP surface for one account; `app` serves it under `/cgi-bin` and `/customservice`."""

    def __init__(
        self,
        kind: Kind,
        tokens: StableTokens,
        windows: Windows,
        followers: Followers,
        *,
        ledger: DoubleLedger,
        faults: Faults,
        clock: Callable[[], float],
    ) -> None:
        self._kind: Kind = kind
        self._windows = windows
        self._followers = followers
        self._ledger = ledger
        self._clock = clock
        self._files: dict[str, File] = {}
        self._notified: set[str] = set()
        gateway = MpGateway(kind, tokens, ledger, faults, clock)
        self._tokens = tokens
        routes = [
            gateway.route("token", "POST", "/cgi-bin/stable_token", self._token, free=True),
            gateway.route("custom_send", "POST", "/cgi-bin/message/custom/send", self._send),
            gateway.route("typing", "POST", "/cgi-bin/message/custom/typing", self._type),
            gateway.route("media_get", "GET", "/cgi-bin/media/get", self._media),
            gateway.route("media_upload", "POST", "/cgi-bin/media/upload", self._upload),
        ]
        if kind == "official_account":
            routes += [
                gateway.route("template", "POST", "/cgi-bin/message/template/send", self._template),
                gateway.route("subscription", "POST", "/cgi-bin/message/subscribe/bizsend", self._subscription),
                gateway.route("user", "GET", "/cgi-bin/user/info", self._user),
                gateway.route("kfsession", "POST", "/customservice/kfsession/create", self._kfsession),
            ]
        else:
            routes.append(gateway.route("subscription", "POST", "/cgi-bin/message/subscribe/send", self._subscription))
        self.app = Starlette(routes=[*routes, gateway.unknown()])

    def add_file(self, content: bytes, media_type: str, name: str, media_id: str = "") -> str:
        """Keep a file and give its media id, a new one where none is named."""
        media_id = media_id or f"media-{secrets.token_hex(8)}"
        self._files[media_id] = File(content, media_type, name)
        return media_id

    def show(self, openid: str, kind: str, text: str, way: str, **extra: Any) -> None:
        """Put a message of the account into the customer's chat."""
        self._followers.typing.pop(openid, None)
        self._ledger.add(
            platform=self._kind,
            chat_id=openid,
            message_id=f"out-{secrets.token_hex(8)}",
            sender=self._kind,
            sender_name="客服",
            sender_role="bot",
            kind=kind,
            text=text,
            at=self._clock(),
            extra={"way": way, **extra},
        )

    async def _token(self, call: Call) -> Answer:
        return self._tokens.issue(call.body)

    async def _send(self, call: Call) -> Answer:
        openid, kind, text = str(call.body.get("touser", "")), str(call.body.get("msgtype", "")), ""
        self._known(openid)
        if kind not in SENDABLE[self._kind]:
            raise ApiRefusal(40008, "invalid message type")
        content = call.body.get(kind)
        if not isinstance(content, dict):
            raise ApiRefusal(47001, "data format error")
        if kind == "text":
            text = str(content.get("content", ""))
            if not text:
                raise ApiRefusal(44004, "empty content")
            if len(text.encode()) > TEXT_LIMIT:
                raise ApiRefusal(45002, "content size out of limit")
        self._check_content(kind, content)
        self._windows.spend(openid)
        persona = call.body.get("customservice", {}).get("kf_account", "")
        self.show(openid, kind, text, "custom", content=content, kf_account=persona)
        return _OK

    def _check_content(self, kind: str, content: dict[str, Any]) -> None:
        wanted = {"image": "media_id", "voice": "media_id", "video": "media_id", "miniprogrampage": "thumb_media_id"}
        if kind in wanted and content.get(wanted[kind]) not in self._files:
            raise ApiRefusal(40007, "invalid media_id")
        if kind == "news" and len(content.get("articles", [])) != 1:
            raise ApiRefusal(45008, "article size out of limit")
        if kind == "link" and not (content.get("title") and content.get("url")):
            raise ApiRefusal(47003, "argument invalid")

    async def _type(self, call: Call) -> Answer:
        openid, command = str(call.body.get("touser", "")), call.body.get("command")
        self._known(openid)
        if command not in ("Typing", "CancelTyping"):
            raise ApiRefusal(45072, "invalid command")
        if command == "Typing" and self._followers.typing.get(openid):
            raise ApiRefusal(45081, "already typing")
        self._followers.typing[openid] = command == "Typing"
        self._ledger.note("typing", openid=openid, shown=command == "Typing")
        return _OK

    async def _media(self, call: Call) -> Answer:
        file = self._files.get(call.query.get("media_id", ""))
        if file is None:
            raise ApiRefusal(40007, "invalid media_id")
        headers = {"content-disposition": f'attachment; filename="{quote(file.name)}"'}
        return Response(file.content, media_type=file.media_type, headers=headers)

    async def _upload(self, call: Call) -> Answer:
        form = await call.request.form()
        part = form.get("media")
        kind = call.query.get("type", "")
        if part is None or isinstance(part, str) or kind not in ("image", "voice", "video", "thumb"):
            raise ApiRefusal(40004, "invalid media type")
        media_id = self.add_file(await part.read(), part.content_type or "", part.filename or "")
        return {"type": kind, "media_id": media_id, "created_at": int(self._clock())}

    async def _template(self, call: Call) -> Answer:
        openid, key = self._notice(call), str(call.body.get("client_msg_id", ""))
        if not key or key not in self._notified:
            self._notified.add(key)
            self.show(openid, "template", _words(call.body), "template", data=call.body.get("data"))
        return {**_OK, "msgid": secrets.randbelow(10**9)}

    async def _subscription(self, call: Call) -> Answer:
        openid = self._notice(call)
        if not self._followers.consents.get(openid):
            raise ApiRefusal(43101, "user refuse to accept the msg")
        self._followers.consents[openid] -= 1
        self.show(openid, "subscription", _words(call.body), "subscription", data=call.body.get("data"))
        return _OK

    def _notice(self, call: Call) -> str:
        openid, fields = str(call.body.get("touser", "")), call.body.get("data")
        self._known(openid)
        if call.body.get("template_id") not in self._followers.templates:
            raise ApiRefusal(40037, "invalid template_id")
        if not isinstance(fields, dict) or any(
            name.startswith("thing") and len(str(one.get("value", ""))) > THING_LIMIT for name, one in fields.items()
        ):
            raise ApiRefusal(47003, "argument invalid")
        return openid

    async def _user(self, call: Call) -> Answer:
        openid = call.query.get("openid", "")
        self._known(openid)
        unionid = self._followers.unionids[openid]
        return {"subscribe": 1, "openid": openid, "qr_scene_str": "", **({"unionid": unionid} if unionid else {})}

    async def _kfsession(self, call: Call) -> Answer:
        openid = str(call.body.get("openid", ""))
        self._known(openid)
        self._followers.at_desk[openid] = str(call.body.get("kf_account", ""))
        return _OK

    def _known(self, openid: str) -> None:
        if openid not in self._followers.unionids:
            raise ApiRefusal(40003, "invalid openid")


def _words(body: dict[str, Any]) -> str:
    return " · ".join(str(one.get("value", "")) for one in body.get("data", {}).values())
