"""Keeps the console and the API to this machine: they have no login yet. Webhooks, health and metrics stay reachable.

Wraps the whole application; what is not named public here is guarded, so that a new page cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PUBLIC = ("/channels/", "/widget/", "/healthz", "/readyz", "/metrics")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: What a proxy in front of us adds: with it, the address we see is the proxy's and says nothing.
FORWARDED = ("x-forwarded-for", "x-real-ip")

NOT_LOCAL = (
    "控制台和接口还没有登录，只对本机开放。请在本机打开 http://127.0.0.1，或在 huiying.yaml 里写 console_open: true"
    "（请先用有登录的反向代理保护好它）。\n"
    "The console and the API have no login yet and are open to this machine only; set console_open: true to change it."
)
CROSS_SITE = "这个请求来自别的网站，没有执行。\nThis request came from another site and was not carried out."


class LocalOnly:
    """Answers 403, with a sentence that says why, to whoever is not on this machine, unless `open_to_all`.

    A request that changes something must also come from our own pages: another site's form in the same browser is
    refused even when the console is open to all.
    """

    def __init__(self, app: ASGIApp, *, open_to_all: bool = False) -> None:
        self._app = app
        self._open = open_to_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        refusal = None if scope["type"] == "lifespan" or is_public(scope["path"]) else self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(refusal, 403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if not self._open and not is_local(scope, headers):
            return NOT_LOCAL
        changes = scope.get("method", "GET") not in SAFE_METHODS
        return CROSS_SITE if changes and is_cross_site(headers) else None


def is_public(path: str) -> bool:
    """Whether a path is meant for platforms and monitors."""
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in PUBLIC)


def is_local(scope: Scope, headers: Headers) -> bool:
    """Whether a request began on this machine: by its address, its Host, and what proxies say.

    The Host counts because a hostile page can point a name of its own at 127.0.0.1.
    """
    client = scope.get("client")
    if client is None or not _loopback(client[0]):
        return False
    if "forwarded" in headers or not _loopback(host_name(headers.get("host", ""))):
        return False
    return all(_loopback(hop) for hop in _hops(headers))


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that a request was made by another site's page. Programs say nothing and may pass."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def host_name(host: str) -> str:
    """The name or address in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _hops(headers: Headers) -> Iterable[str]:
    return (hop.strip() for name in FORWARDED for value in headers.getlist(name) for hop in value.split(","))


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
