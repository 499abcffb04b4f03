"""The gate in front of every WeCom API call of a 微信客服 app: faults, the token, error answers, the record of calls.

Codes: https://developer.work.weixin.qq.com/document/path/90313
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.faults import Fault, Faults, LostAnswer
from playground.ledger import ApiCall, DoubleLedger

TOKEN_LIFE_S = 7200.0
RATE_LIMITED = 45009


class KfRefusal(Exception):
    """The platform refuses a call: its code and words, in an answer of HTTP status 200."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        hint = secrets.randbelow(10**19)
        self.body = {"errcode": code, "errmsg": f"{msg}, hint: [{hint}], from ip: 127.0.0.1"}


@dataclass(frozen=True, slots=True)
class KfCall:
    """One accepted call: query, JSON body (empty for uploads and for GET), the raw request."""

    query: dict[str, str]
    body: dict[str, Any]
    request: Request = field(repr=False)

    def text(self, name: str) -> str:
        """A text of the body; an empty one where it is missing or something else."""
        found = self.body.get(name)
        return found if isinstance(found, str) else ""


KfEndpoint = Callable[[KfCall], Awaitable[dict[str, Any] | Response]]


class KfTokens:
    """Issues and checks the app's access_token: alive for two hours by the clock, and given again while it lives."""

    def __init__(self, corp_id: str, secret: str, clock: Callable[[], float]) -> None:
        self._app = (corp_id, secret)
        self._clock = clock
        self.token, self._dies = "", 0.0
        self.issued = 0

    async def give(self, call: KfCall) -> dict[str, Any]:
        """Answer gettoken; wrong credentials are refused."""
        if call.query.get("corpid") != self._app[0]:
            raise KfRefusal(40013, "invalid corpid")
        if call.query.get("corpsecret") != self._app[1]:
            raise KfRefusal(40001, "invalid credential")
        if self._dies <= self._clock():
            self.token, self._dies = secrets.token_hex(32), self._clock() + TOKEN_LIFE_S
            self.issued += 1
        return {"access_token": self.token, "expires_in": int(self._dies - self._clock())}

    def expire(self) -> None:
        """Revoke the token that was issued."""
        self.token, self._dies = "", 0.0

    def check(self, token: str) -> None:
        """Refuse a token that is missing, wrong or dead."""
        if not token:
            raise KfRefusal(41001, "access_token missing")
        if token != self.token:
            raise KfRefusal(40014, "invalid access_token")
        if self._dies <= self._clock():
            raise KfRefusal(42001, "access_token expired")


class KfGateway:
    """Makes routes of endpoints; each call goes through faults and the token check first."""

    def __init__(self, tokens: KfTokens, ledger: DoubleLedger, faults: Faults, clock: Callable[[], float]) -> None:
        self._tokens = tokens
        self._ledger = ledger
        self._faults = faults
        self._clock = clock

    def route(self, call: str, method: str, path: str, endpoint: KfEndpoint, *, free: bool = False) -> Route:
        """Give the route; `call` names it for faults and in the record, `path` is under /cgi-bin/."""

        async def answer(request: Request) -> Response:
            fault = await self._faults.strike(call)
            if fault and fault.refuse:
                return LostAnswer()
            if fault and fault.expired_token:
                self._tokens.expire()
            body = await _body(request)
            if fault and fault.answers_error:
                response, code = _fault_answer(fault)
            else:
                response, code = await self._done(request, endpoint, body, free)
            path = request.url.path
            self._ledger.called(ApiCall("wecom_kf", call, path, self._clock(), response.status_code, code, body))
            return LostAnswer() if fault and fault.drop else response

        return Route(f"/cgi-bin/{path}", answer, methods=[method])

    def unknown(self) -> Route:
        """Give the last route: whatever the double does not know is a 404, on the record."""

        async def answer(request: Request) -> Response:
            self._ledger.violation(f"wecom_kf has no call {request.method} {request.url.path}")
            return PlainTextResponse("404 page not found", 404)

        return Route("/cgi-bin/{path:path}", answer, methods=["GET", "POST"])

    async def _done(
        self, request: Request, endpoint: KfEndpoint, body: dict[str, Any], free: bool
    ) -> tuple[Response, int | None]:
        query = dict(request.query_params)
        try:
            if not free:
                self._tokens.check(query.get("access_token", ""))
            answer = await endpoint(KfCall(query, body, request))
        except KfRefusal as refusal:
            return JSONResponse(refusal.body), refusal.code
        if isinstance(answer, Response):
            return answer, None
        return JSONResponse({"errcode": 0, "errmsg": "ok"} | answer), 0


async def _body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("multipart/"):
        return {}
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _fault_answer(fault: Fault) -> tuple[Response, int | None]:
    code = RATE_LIMITED if fault.rate_limited else fault.code
    if code is None:
        return PlainTextResponse("Bad Gateway", fault.http or 502, fault.headers), None
    return JSONResponse({"errcode": code, "errmsg": fault.msg}, fault.http or 200, fault.headers), code
