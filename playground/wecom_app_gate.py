"""The gate in front of every call of a WeCom self-built app: faults, tokens, refusals, the record of calls.

Protocol: https://developer.work.weixin.qq.com/document/path/91039 (token), /90313 (codes).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.faults import Fault, Faults, LostAnswer
from playground.ledger import ApiCall, DoubleLedger

TOKEN_LIFE_S = 7200.0

Json = dict[str, Any]
Endpoint = Callable[[Request, Json], Awaitable[Json | Response]]


class Refusal(Exception):
    """The platform refuses a call; WeCom answers refusals with 200."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.body = {"errcode": code, "errmsg": f"{msg}, hint: [made-up], from ip: 203.0.113.7"}


class WecomAppGate:
    """Issues and checks the tokens of one company's app; makes routes of endpoints."""

    def __init__(
        self, corp_id: str, secret: str, ledger: DoubleLedger, faults: Faults, clock: Callable[[], float]
    ) -> None:
        self._corp = (corp_id, secret)
        self._ledger = ledger
        self._faults = faults
        self._clock = clock
        self._tokens: dict[str, float] = {}

    def token_route(self) -> Route:
        """Give the route of gettoken."""
        return self.route("token", "GET", "gettoken", self._token)

    def expire_tokens(self) -> None:
        """Kill every token issued so far."""
        self._tokens.clear()

    def route(self, call: str, method: str, path: str, endpoint: Endpoint) -> Route:
        """Give the route; `call` names it for faults and in the record, `path` is under /cgi-bin/."""

        async def answer(request: Request) -> Response:
            fault = await self._faults.strike(call)
            if fault and fault.refuse:
                return LostAnswer()
            if fault and fault.expired_token:
                self.expire_tokens()
            body = await _body(request)
            response, code = await self._done(call, request, body, endpoint, fault)
            self._ledger.called(
                ApiCall("wecom_app", call, request.url.path, self._clock(), response.status_code, code, body)
            )
            return LostAnswer() if fault and fault.drop else response

        return Route(f"/cgi-bin/{path}", answer, methods=[method])

    async def _done(
        self,
        call: str,
        request: Request,
        body: Json,
        endpoint: Endpoint,
        fault: Fault | None,
    ) -> tuple[Response, int | None]:
        if fault and fault.answers_error:
            return _fault_answer(fault)
        try:
            if call != "token":
                self._check_token(request.query_params.get("access_token", ""))
            answer = await endpoint(request, body)
        except Refusal as refusal:
            return JSONResponse(refusal.body), refusal.code
        if isinstance(answer, Response):
            return answer, None
        return JSONResponse({"errcode": 0, "errmsg": "ok", **answer}), 0

    def _check_token(self, token: str) -> None:
        if not token:
            raise Refusal(41001, "access_token missing")
        if token not in self._tokens:
            raise Refusal(40014, "invalid access_token")
        if self._tokens[token] <= self._clock():
            raise Refusal(42001, "access_token expired")

    async def _token(self, request: Request, body: Json) -> Json:
        asked = (request.query_params.get("corpid", ""), request.query_params.get("corpsecret", ""))
        if asked[0] != self._corp[0]:
            raise Refusal(40013, "invalid corpid")
        if asked[1] != self._corp[1]:
            raise Refusal(40001, "invalid credential")
        now = self._clock()
        for token, dies in self._tokens.items():
            if dies > now:
                return {"access_token": token, "expires_in": int(dies - now)}
        token = secrets.token_urlsafe(48)
        self._tokens[token] = now + TOKEN_LIFE_S
        return {"access_token": token, "expires_in": int(TOKEN_LIFE_S)}


async def _body(request: Request) -> Json:
    if request.headers.get("content-type", "").startswith("multipart/"):
        return {}
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _fault_answer(fault: Fault) -> tuple[Response, int | None]:
    if fault.rate_limited:
        return JSONResponse({"errcode": 45009, "errmsg": "api freq out of limit"}), 45009
    if fault.code is None:
        return PlainTextResponse("Bad Gateway", fault.http or 502, fault.headers), None
    return JSONResponse({"errcode": fault.code, "errmsg": fault.msg}, fault.http or 200, fault.headers), fault.code
