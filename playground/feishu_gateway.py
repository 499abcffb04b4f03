"""The gate in front of every Feishu API call: faults, tokens, rate limits, error answers, the record of calls.

Codes: https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
"""

from __future__ import annotations

import json
import math
import secrets
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.faults import Fault, Faults, LostAnswer
from playground.ledger import ApiCall, DoubleLedger

TOKEN_LIFE_S = 7200.0
TOKEN_KEEP_S = 1800.0  # with more life left than this, asking again gives the same token
RATE_WINDOW_S = 1.0

Credential = Literal["none", "tenant", "user"]


class ApiRefusal(Exception):
    """The platform refuses a call: platform code, words, HTTP status. Feishu answers most refusals with 400."""

    def __init__(self, code: int, msg: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.status = status
        self.body = {"code": code, "msg": msg, "error": {"log_id": secrets.token_hex(8)}}
        self.headers = headers


def invalid(ext: str, code: int = 230001) -> ApiRefusal:
    """Give the refusal of a bad parameter."""
    return ApiRefusal(code, f"Your request contains an invalid request parameter, ext={ext}")


def rate_limited(limit: int, reset_s: int) -> ApiRefusal:
    """Give the refusal of a caller who is too fast; `reset_s` is how long to wait."""
    headers = {"x-ogw-ratelimit-limit": str(limit), "x-ogw-ratelimit-reset": str(reset_s)}
    return ApiRefusal(99991400, "request trigger frequency limit", 429, headers)


@dataclass(frozen=True, slots=True)
class Call:
    """One accepted call: path parameters, query, JSON body (empty for uploads and for GET), the raw request."""

    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    request: Request = field(repr=False)


Answer = dict[str, Any] | Response
Endpoint = Callable[[Call], Awaitable[Answer]]
Guard = Callable[[Request], None]


class TenantTokens:
    """Issues and checks tenant_access_tokens; they die two hours later by the clock."""

    def __init__(self, app_id: str, app_secret: str, clock: Callable[[], float]) -> None:
        self._app = (app_id, app_secret)
        self._clock = clock
        self._alive: dict[str, float] = {}

    def issue(self, app_id: object, app_secret: object) -> tuple[str, int]:
        """Give (token, seconds left); wrong credentials are refused."""
        if (app_id, app_secret) != self._app:
            raise ApiRefusal(10014, "app secret invalid", 200)
        now = self._clock()
        for token, dies in self._alive.items():
            if dies - now > TOKEN_KEEP_S:
                return token, int(dies - now)
        token = f"t-{secrets.token_hex(16)}"
        self._alive[token] = now + TOKEN_LIFE_S
        return token, int(TOKEN_LIFE_S)

    def expire_all(self) -> None:
        """Kill every token issued so far."""
        self._alive.clear()

    def check(self, request: Request, wanted: Credential) -> None:
        """Refuse a request whose bearer token is missing, wrong or dead. Any `u-…` is a good user token."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise ApiRefusal(99991661, "Missing access token for authorization.")
        if wanted == "user":
            if not token.startswith("u-"):
                raise ApiRefusal(99991668, "Invalid access token for authorization: a user access token is needed.")
        elif self._alive.get(token, 0.0) <= self._clock():
            text = "Invalid access token for authorization. Please make a test attempt with the correct token."
            raise ApiRefusal(99991663, text)


class RateWindow:
    """At most `limit` calls a second for each key; None switches it off."""

    def __init__(self, limit: int | None, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def wait_s(self, key: str) -> int:
        """Count a call; give 0 if it is within the limit, else whole seconds to wait (the call is not counted)."""
        if self.limit is None:
            return 0
        now, recent = self._clock(), self._recent[key]
        while recent and now - recent[0] >= RATE_WINDOW_S:
            recent.popleft()
        if len(recent) >= self.limit:
            return max(1, math.ceil(recent[0] + RATE_WINDOW_S - now))
        recent.append(now)
        return 0


class FeishuGateway:
    """Makes routes of endpoints; each call goes through faults, the token check and `guard` first."""

    def __init__(self, tokens: TenantTokens, ledger: DoubleLedger, faults: Faults, clock: Callable[[], float]) -> None:
        self.tokens = tokens
        self._ledger = ledger
        self._faults = faults
        self._clock = clock

    def route(
        self,
        call: str,
        method: str,
        path: str,
        endpoint: Endpoint,
        credential: Credential = "tenant",
        guard: Guard | None = None,
    ) -> Route:
        """Give the route; `call` names it for faults and in the record, `path` is under /open-apis/."""

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
                response, code = await self._done(request, endpoint, body, credential, guard)
            path = request.url.path
            self._ledger.called(ApiCall("feishu", call, path, self._clock(), response.status_code, code, body))
            return LostAnswer() if fault and fault.drop else response

        return Route(f"/open-apis/{path}", answer, methods=[method])

    def unknown(self) -> Route:
        """Give the last route: whatever the double does not know is a 404, on the record."""

        async def answer(request: Request) -> Response:
            self._ledger.violation(f"feishu has no call {request.method} {request.url.path}")
            return PlainTextResponse("404 page not found", 404)

        return Route("/open-apis/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])

    async def _done(
        self, request: Request, endpoint: Endpoint, body: dict[str, Any], credential: Credential, guard: Guard | None
    ) -> tuple[Response, int | None]:
        try:
            if credential != "none":
                self.tokens.check(request, credential)
            if guard is not None:
                guard(request)
            call = Call(dict(request.path_params), dict(request.query_params), body, request)
            answer = await endpoint(call)
        except ApiRefusal as refusal:
            return JSONResponse(refusal.body, refusal.status, refusal.headers), refusal.code
        if isinstance(answer, Response):
            return answer, None
        return JSONResponse({"code": 0, "msg": "success"} | answer), 0


async def _body(request: Request) -> dict[str, Any]:
    # The vendor's own SDK asks for its token without a content type: everything but an upload is read as JSON.
    if request.headers.get("content-type", "").startswith("multipart/"):
        return {}
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _fault_answer(fault: Fault) -> tuple[Response, int | None]:
    if fault.rate_limited:
        refusal = rate_limited(5, 1)
        headers = {**(refusal.headers or {}), **fault.headers}
        return JSONResponse(refusal.body, refusal.status, headers), refusal.code
    if fault.code is None:
        return PlainTextResponse("Bad Gateway", fault.http or 502, fault.headers), None
    return JSONResponse({"code": fault.code, "msg": fault.msg}, fault.http or 400, fault.headers), fault.code
