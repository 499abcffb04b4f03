"""Misbehaviour on request: a queue of faults that the doubles consult at each call they take or webhook they post."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypedDict, Unpack

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class FaultTerms(TypedDict, total=False):
    """Keyword arguments of `Faults.next`, `every` and `always`; see `Fault`."""

    http: int
    code: int
    msg: str
    headers: dict[str, str]
    drop: bool
    refuse: bool
    delay_s: float
    expired_token: bool
    rate_limited: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    `http`/`code`: the call has no effect and is answered with this status / platform code (`http` alone: no JSON).
    `drop`: the call takes effect, its answer is lost. `refuse`: the connection breaks before any effect.
    `delay_s`: the effect comes this many seconds late. `expired_token`: every token issued so far dies first.
    `rate_limited`: the platform's own rate-limit answer.
    """

    http: int | None = None
    code: int | None = None
    msg: str = "fault on request"
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    refuse: bool = False
    delay_s: float = 0.0
    expired_token: bool = False
    rate_limited: bool = False

    @property
    def answers_error(self) -> bool:
        """Whether the call is to be answered with an error instead of being done."""
        return self.http is not None or self.code is not None or self.rate_limited


@dataclass(slots=True)
class _Rule:
    call: str
    fault: Fault
    every: int = 1
    left: int | None = None
    seen: int = 0

    def strikes(self, call: str) -> bool:
        if not fnmatchcase(call, self.call) or self.left == 0:
            return False
        self.seen += 1
        return self.seen % self.every == 0


class Faults:
    """Faults by call name (fnmatch patterns: `"reply"`, `"ticket_*"`, `"*"`), shared by any number of doubles.

    Feishu calls: token, create, reply, patch, update, delete, get, react, unreact, bot_info, user, card_update,
    resource, image, file, reactions, chat, department, tenant, endpoint (of the long connection) and the helpdesk ones
    (start_service, ticket_get, …). WeCom calls: response_url, media; on the long connection: subscribe, ping, respond,
    welcome, update, send (`refuse` breaks the connection).
    Both post "webhook": there `drop` loses the service's answer, `refuse` or an error means that it never arrived.
    """

    def __init__(self) -> None:
        self.served: list[tuple[str, Fault]] = []
        self._rules: list[_Rule] = []

    def next(self, call: str, *, times: int = 1, **terms: Unpack[FaultTerms]) -> None:
        """Misbehave at the next `times` matching calls."""
        self._rules.append(_Rule(call, Fault(**terms), left=times))

    def every(self, n: int, call: str, **terms: Unpack[FaultTerms]) -> None:
        """Misbehave at each n-th matching call, until cleared."""
        if n < 1:
            raise ValueError("n counts calls from 1")
        self._rules.append(_Rule(call, Fault(**terms), every=n))

    def always(self, call: str, **terms: Unpack[FaultTerms]) -> None:
        """Misbehave at every matching call, until cleared."""
        self.every(1, call, **terms)

    def clear(self) -> None:
        """Behave again."""
        self._rules.clear()

    def take(self, call: str) -> Fault | None:
        """Give the fault for this call, earliest asked first, and use it up. For the doubles."""
        for rule in [rule for rule in self._rules if rule.strikes(call)][:1]:
            if rule.left is not None:
                rule.left -= 1
            self.served.append((call, rule.fault))
            return rule.fault
        return None

    async def strike(self, call: str) -> Fault | None:
        """Like `take`, after waiting out the fault's delay. For the doubles."""
        fault = self.take(call)
        if fault and fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        return fault


class LostAnswer(Response):
    """An answer that breaks off: a server closes the connection, an ASGI transport raises the same httpx error."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise httpx.RemoteProtocolError("connection dropped by a fault on request")
