"""The gate in front of every API call of a 公众号 or 小程序: faults, tokens, error answers, the record of calls.

Codes: https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html
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
#: With more life left than this, stable_token gives the same token again.
TOKEN_KEEP_S = 300.0


class ApiRefusal(Exception):
    """The platform refuses a call. The HTTP status is 200 all the same."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.body = {"errcode": code, "errmsg": f"{msg} rid: {secrets.token_hex(4)}"}


@dataclass(frozen=True, slots=True)
class Call:
    """One accepted call: query, JSON body (empty for uploads and for GET), the raw request."""

    query: dict[str, str]
    body: dict[str, Any]
    request: Request = field(repr=False)


Answer = dict[str, Any] | Response
Endpoint = Callable[[Call], Awaitable[Answer]]


class StableTokens:
    """Issues and checks access tokens; they die two hours later by the clock."""

    def __init__(self, app_id: str, secret: str, clock: Callable[[], float]) -> None:
        self._app = (app_id, secret)
        self._clock = clock
        self._alive: dict[str, float] = {}
        self.issued = 0

    def issue(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a stable_token call; wrong credentials are refused."""
        if body.get("appid") != self._app[0]:
            raise ApiRefusal(40013, "invalid appid")
        if body.get("secret") != self._app[1]:
            raise ApiRefusal(40125, "invalid appsecret")
        if body.get("grant_type") != "client_credential":
            raise ApiRefusal(40002, "invalid grant_type")
        now = self._clock()
        for token, dies in self._alive.items():
            if dies - now > TOKEN_KEEP_S and not body.get("force_refresh"):
                return {"access_token": token, "expires_in": int(dies - now)}
        token = secrets.token_hex(32)
        self._alive[token] = now + TOKEN_LIFE_S
        self.issued += 1
        return {"access_token": token, "expires_in": int(TOKEN_LIFE_S)}

    def expire_all(self) -> None:
        """Kill every token issued so far."""
        self._alive.clear()

    def check(self, token: str) -> None:
        """Refuse a token that is missing, wrong or dead."""
        if not token:
            raise ApiRefusal(41001, "access_token missing")
        dies = self._alive.get(token)
        if dies is None:
            raise ApiRefusal(40001, "invalid credential, access_token is invalid or not latest")
        if dies <= self._clock():
            raise ApiRefusal(42001, "access_token expired")


class MpGateway:
    """Makes routes of endpoints; each call goes through faults and the token check first."""

    def __init__(
        self, platform: str, tokens: StableTokens, ledger: DoubleLedger, faults: Faults, clock: Callable[[], float]
    ) -> None:
        self.tokens = tokens
        self._platform = platform
        self._ledger = ledger
        self._faults = faults
        self._clock = clock

    def route(self, call: str, method: str, path: str, endpoint: Endpoint, *, free: bool = False) -> Route:
        """Give the route of a call; `call` names it for faults and in the record. `free`: it needs no token."""

        async def answer(request: Request) -> Response:
            fault = await self._faults.strike(call)
            if fault and fault.refuse:
                return LostAnswer()
            if fault and fault.expired_token:
                self.tokens.expire_all()
            body = await _body(request)
            if fault and fault.answers_error:
                response, code = _fault_answer(fault)
            else:
                response, code = await self._done(request, endpoint, body, free=free)
            where = request.url.path
            shown = {name: value for name, value in body.items() if name != "secret"}
            self._ledger.called(ApiCall(self._platform, call, where, self._clock(), response.status_code, code, shown))
            return LostAnswer() if fault and fault.drop else response

        return Route(path, answer, methods=[method])

    def unknown(self) -> Route:
        """Give the last route: whatever the double does not know is a 404, on the record."""

        async def answer(request: Request) -> Response:
            self._ledger.violation(f"{self._platform} has no call {request.method} {request.url.path}")
            return PlainTextResponse("404 page not found", 404)

        return Route("/{path:path}", answer, methods=["GET", "POST"])

    async def _done(
        self, request: Request, endpoint: Endpoint, body: dict[str, Any], *, free: bool
    ) -> tuple[Response, int | None]:
        query = dict(request.query_params)
        try:
            if not free:
                self.tokens.check(query.get("access_token", ""))
            answer = await endpoint(Call(query, body, request))
        except ApiRefusal as refusal:
            return JSONResponse(refusal.body), refusal.code
        if isinstance(answer, Response):
            return answer, None
        return JSONResponse(answer), 0


async def _body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("multipart/"):
        return {}
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _fault_answer(fault: Fault) -> tuple[Response, int | None]:
    code = 45009 if fault.rate_limited else fault.code
    if code is None:
        return PlainTextResponse("Bad Gateway", fault.http or 502, fault.headers), None
    return JSONResponse({"errcode": code, "errmsg": fault.msg}, fault.http or 200, fault.headers), code
