"""WeCom groups with a 群机器人 each: checks what a robot is told to show as the platform does, and shows it.

Protocol: https://developer.work.weixin.qq.com/document/path/99110
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.faults import Fault, Faults, LostAnswer
from playground.ledger import ApiCall, DoubleLedger

Json = dict[str, Any]

PER_MINUTE, WINDOW_S = 20, 60.0
MEDIA_LIFE_S = 3 * 86_400.0
TEXT_LIMITS = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}  # bytes
PICTURE_LIMIT, FILE_LEAST, FILE_LIMIT, VOICE_LIMIT = 2 << 20, 5, 20 << 20, 2 << 20
# The page names 45009 and 93000; the others are WeCom's general codes, https://developer.work.weixin.qq.com/document/path/90313
OK, RATE_LIMITED, BAD_KEY = 0, 45009, 93000
BAD_TYPE, TOO_LONG, BAD_PARAMETER, BAD_MEDIA, BAD_SIZE, BAD_PICTURE = 40008, 45002, 40058, 40007, 40006, 301019


class GroupWebhookDouble:
    """One group per key; in the ledger a group's chat id is `group-` and its key."""

    def __init__(
        self,
        *keys: str,
        clock: Callable[[], float] = time.time,
        ledger: DoubleLedger | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.ledger = ledger or DoubleLedger()
        self.faults = faults or Faults()
        self.files: dict[str, tuple[str, bytes]] = {}
        self._keys = set(keys)
        self._clock = clock
        self._sent: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=PER_MINUTE))
        self._media: dict[str, tuple[str, float]] = {}
        self._numbers: Iterator[int] = itertools.count(1)
        self.app = Starlette(
            routes=[
                Route("/cgi-bin/webhook/send", self._send, methods=["POST"]),
                Route("/cgi-bin/webhook/upload_media", self._upload, methods=["POST"]),
            ]
        )

    @property
    def violations(self) -> list[str]:
        """Rules of the platform that the service broke, in words."""
        return self.ledger.violations

    def shown(self, key: str) -> list[str]:
        """What the group sees, oldest first."""
        return self.ledger.texts(f"group-{key}")

    async def _send(self, request: Request) -> Response:
        fault = await self.faults.strike("send")
        key, body = request.query_params.get("key", ""), _json_object(await request.body())
        return self._answered("send", fault, body or {}, lambda: {"errcode": self._judge(key, body)})

    async def _upload(self, request: Request) -> Response:
        fault = await self.faults.strike("upload")
        key, kind = request.query_params.get("key", ""), request.query_params.get("type", "")
        async with request.form() as form:
            media = form.get("media")
            name, content = (
                ("", b"") if media is None or isinstance(media, str) else (media.filename, await media.read())
            )
        return self._answered("upload", fault, {"type": kind}, lambda: self._keep(key, kind, name or "", content))

    def _answered(self, call: str, fault: Fault | None, body: Json, act: Callable[[], Json]) -> Response:
        if fault and fault.refuse:
            return LostAnswer()
        status = 200
        if fault and fault.answers_error:
            status = fault.http or 200
            answer = {"errcode": RATE_LIMITED if fault.rate_limited else fault.code}
        else:
            answer = act()
        code = answer.get("errcode")
        self.ledger.called(
            ApiCall("group_webhook", call, f"/cgi-bin/webhook/{call}", self._clock(), status, code, body)
        )
        if fault and fault.drop:
            return LostAnswer()
        if code is None:
            return PlainTextResponse("Bad Gateway", status)
        return JSONResponse({"errmsg": "ok" if code == OK else "made up", **answer}, status)

    def _judge(self, key: str, body: Json | None) -> int:
        """The errcode of a notice; shows it where that is 0."""
        if key not in self._keys:
            return BAD_KEY
        now, sent = self._clock(), self._sent[key]
        if len(sent) == PER_MINUTE and now - sent[0] < WINDOW_S:
            self.ledger.violation(f"group_webhook: more than {PER_MINUTE} notices in a minute")
            return RATE_LIMITED
        kind = (body or {}).get("msgtype")
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        part = (body or {}).get(kind) if kind else None
        if reader is None or not isinstance(part, dict):
            return BAD_TYPE
        code, shown = reader(part)
        if kind in ("file", "voice"):
            code, shown = self._uploaded(kind, shown, now)
        if code:
            self.ledger.violation(f"group_webhook: a {kind} notice refused with {code}")
            return code
        sent.append(now)
        self._show(key, str(kind), shown, part)
        return OK

    def _uploaded(self, kind: str, media_id: str, now: float) -> tuple[int, str]:
        found = self._media.get(media_id)
        if found is None or found[0] != kind or now - found[1] > MEDIA_LIFE_S:
            return BAD_MEDIA, ""
        return OK, self.files[media_id][0]

    def _keep(self, key: str, kind: str, name: str, content: bytes) -> Json:
        if key not in self._keys:
            return {"errcode": BAD_KEY}
        limit = {"file": FILE_LIMIT, "voice": VOICE_LIMIT}.get(kind)
        if limit is None:
            return {"errcode": BAD_PARAMETER}
        if not FILE_LEAST <= len(content) <= limit:
            return {"errcode": BAD_SIZE}
        media_id = f"media-{next(self._numbers)}"
        self._media[media_id] = (kind, self._clock())
        self.files[media_id] = (name, content)
        return {"errcode": OK, "type": kind, "media_id": media_id, "created_at": str(int(self._clock()))}

    def _show(self, key: str, kind: str, text: str, part: Json) -> None:
        called = [*part.get("mentioned_list", ()), *part.get("mentioned_mobile_list", ())]
        self.ledger.add(
            platform="group_webhook",
            chat_id=f"group-{key}",
            message_id=f"notice-{next(self._numbers)}",
            sender="robot",
            sender_name="群机器人",
            sender_role="bot",
            kind=kind,
            text=text,
            at=self._clock(),
            card=part if kind == "template_card" else None,
            extra={"called": called},
        )


def _words(limit: int) -> Callable[[Json], tuple[int, str]]:
    def read(part: Json) -> tuple[int, str]:
        content = part.get("content")
        if not isinstance(content, str) or not content:
            return BAD_PARAMETER, ""
        return (TOO_LONG if len(content.encode()) > limit else OK), content

    return read


def _picture(part: Json) -> tuple[int, str]:
    try:
        content = base64.b64decode(part["base64"], validate=True)
    except (KeyError, TypeError, ValueError):
        return BAD_PARAMETER, ""
    fits = len(content) <= PICTURE_LIMIT and hashlib.md5(content, usedforsecurity=False).hexdigest() == part.get("md5")
    return (OK if fits else BAD_PICTURE), "[图片]"


def _news(part: Json) -> tuple[int, str]:
    articles = part.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        return BAD_PARAMETER, ""
    whole = all(isinstance(one, dict) and one.get("title") and one.get("url") for one in articles)
    return (OK, "\n".join(one["title"] for one in articles)) if whole else (BAD_PARAMETER, "")


def _card(part: Json) -> tuple[int, str]:
    title = (part.get("main_title") or {}).get("title") or part.get("sub_title_text")
    known = part.get("card_type") in ("text_notice", "news_notice") and (part.get("card_action") or {}).get("url")
    if not known or not title:
        return BAD_PARAMETER, ""
    rows = [f"{one['keyname']}：{one['value']}" for one in part.get("horizontal_content_list", ())]
    return OK, "\n".join([str(title), *rows, *([part["sub_title_text"]] if part.get("sub_title_text") else [])])


def _media_id(part: Json) -> tuple[int, str]:
    return OK, str(part.get("media_id", ""))


_READERS: dict[str, Callable[[Json], tuple[int, str]]] = {
    **{kind: _words(limit) for kind, limit in TEXT_LIMITS.items()},
    "image": _picture,
    "news": _news,
    "file": _media_id,
    "voice": _media_id,
    "template_card": _card,
}


def _json_object(raw: bytes) -> Json | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
