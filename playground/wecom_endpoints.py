"""What the WeCom double serves: one-shot response_url answers and encrypted media files.

Protocol: https://developer.work.weixin.qq.com/document/path/101138 and /100719.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.faults import Fault, Faults, LostAnswer
from playground.ledger import ApiCall, DoubleLedger
from playground.wecom_answers import CONTENT_LIMIT, Question, WecomAnswers
from playground.wecom_envelope import WecomEnvelope

RESPONSE_PATH = "/cgi-bin/aibot/response"
RESPONSE_LIFE_S = 3600.0
MEDIA_LIFE_S = 300.0

# The response_url page names no error codes. 40058 (invalid parameter) and 45009 (rate limit) are WeCom's general
# ones; that a spent, an old and an unknown code all give 40058 is our choice.
INVALID = 40058
RATE_LIMITED = 45009


@dataclass(slots=True)
class _Ticket:
    question: Question
    used: bool = False


class WecomEndpoints:
    """The platform's HTTP surface; `app` is an ASGI application."""

    def __init__(
        self,
        public_base: str,
        envelope: WecomEnvelope,
        answers: WecomAnswers,
        ledger: DoubleLedger,
        faults: Faults,
        clock: Callable[[], float],
    ) -> None:
        self._base = public_base.rstrip("/")
        self._envelope = envelope
        self._answers = answers
        self._ledger = ledger
        self._faults = faults
        self._clock = clock
        self._tickets: dict[str, _Ticket] = {}
        self._media: dict[str, tuple[float, bytes]] = {}
        self.app = Starlette(
            routes=[
                Route(RESPONSE_PATH, self._respond, methods=["POST"]),
                Route("/aibot/media/{media_id}", self._serve_media, methods=["GET"]),
            ]
        )

    def response_url(self, question: Question) -> str:
        """Give a fresh URL that answers this question once within an hour."""
        code = secrets.token_urlsafe(24)
        self._tickets[code] = _Ticket(question)
        return f"{self._base}{RESPONSE_PATH}?response_code={code}"

    def add_media(self, content: bytes) -> str:
        """Give a URL that serves these bytes encrypted for five minutes."""
        return self._kept(self._envelope.encrypt_media(content))

    def add_own_media(self, content: bytes) -> dict[str, str]:
        """Give the URL and the key of its own under which these bytes are served."""
        key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        return {"url": self._kept(WecomEnvelope("", key).encrypt_media(content)), "aeskey": key}

    def _kept(self, ciphertext: bytes) -> str:
        media_id = secrets.token_urlsafe(16)
        self._media[media_id] = (self._clock(), ciphertext)
        return f"{self._base}/aibot/media/{media_id}"

    async def _respond(self, request: Request) -> Response:
        fault = await self._faults.strike("response_url")
        if fault and fault.refuse:
            return LostAnswer()
        body = _json_object(await request.body())
        if fault and fault.answers_error:
            status, answer = fault.http or 200, _fault_answer(fault)
        else:
            status, answer = 200, self._answer_once(request.query_params.get("response_code", ""), body)
        call = ApiCall("wecom", "response_url", RESPONSE_PATH, self._clock(), status, answer.get("errcode"), body or {})
        self._ledger.called(call)
        if fault and fault.drop:
            return LostAnswer()
        return JSONResponse(answer, status) if answer else PlainTextResponse("Bad Gateway", status)

    def _answer_once(self, code: str, body: dict[str, Any] | None) -> dict[str, Any]:
        ticket = self._tickets.get(code)
        if ticket is None:
            return _refusal("invalid response_code")
        if self._clock() - ticket.question.at > RESPONSE_LIFE_S:
            return _refusal("response_code expired")
        if ticket.used:
            return _refusal("response_code already used")
        if body is None or body.get("msgtype") not in ("markdown", "template_card"):
            return _refusal("msgtype must be markdown or template_card")
        question = ticket.question
        # In a group the answer quotes the message that triggered it: document/path/101138.
        reply_to = question.msgid if question.group and question.asked == "message" else None
        if body["msgtype"] == "template_card":
            ticket.used = self._answers.show_card(question, body.get("template_card"), reply_to)
            return _ok() if ticket.used else _refusal("invalid template_card")
        content = str(body.get("markdown", {}).get("content", ""))
        if not content or len(content.encode()) > CONTENT_LIMIT:
            self._ledger.violation(f"wecom response_url {question.msgid}: markdown of {len(content.encode())} bytes")
            return _refusal("markdown content is empty or over the limit")
        ticket.used = True
        feedback_id = body.get("markdown", {}).get("feedback", {}).get("id")
        self._answers.show(question, "text", content, reply_to, feedback_id=feedback_id)
        return _ok()

    async def _serve_media(self, request: Request) -> Response:
        fault = await self._faults.strike("media")
        if fault and (fault.refuse or fault.drop):
            return LostAnswer()
        if fault and fault.answers_error:
            return PlainTextResponse("Bad Gateway", fault.http or 502)
        stored = self._media.get(request.path_params["media_id"])
        if stored is None or self._clock() - stored[0] > MEDIA_LIFE_S:
            return PlainTextResponse("expired", 404)
        return Response(stored[1], media_type="application/octet-stream")


def _ok() -> dict[str, Any]:
    return {"errcode": 0, "errmsg": "ok"}


def _refusal(why: str) -> dict[str, Any]:
    return {"errcode": INVALID, "errmsg": why}


def _fault_answer(fault: Fault) -> dict[str, Any]:
    if fault.rate_limited:
        return {"errcode": RATE_LIMITED, "errmsg": "api freq out of limit"}
    return {"errcode": fault.code, "errmsg": fault.msg} if fault.code is not None else {}


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
