"""The HTTP client that platform calls are made with: httpx to whoever uses it, aiohttp on the wire.

httpx's own transport costs about 0.8 ms of CPU a call (its pool looks at every idle socket, its parser is Python), the
one here 0.1 ms. What comes out of it, errors included, is httpx's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

#: Idle connections are closed before the platforms' own gateways close them.
IDLE_S = 15.0
_SET_BY_HTTPX = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


def lean_client(timeout: httpx.Timeout) -> httpx.AsyncClient:
    """A client with connections of its own. Where the environment names a proxy, httpx itself does the work."""
    if getproxies():
        return httpx.AsyncClient(timeout=timeout)
    return httpx.AsyncClient(timeout=timeout, transport=AiohttpTransport())


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through one aiohttp session; neither follows redirects nor decodes.

    Raises what httpx's own transport raises: `ConnectError`, `ConnectTimeout` and `PoolTimeout` when nothing was sent,
    another `RequestError` when the answer got lost.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; the answer's body is read by who gets it."""
        try:
            answer = await self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                data=_body(request),
                headers=[(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw],
                timeout=_limits(request.extensions.get("timeout", {})),
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _as_httpx(error, request) from error
        return httpx.Response(answer.status, headers=list(answer.raw_headers), stream=_Answer(answer, request))

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        # A session belongs to the loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=IDLE_S, ssl=httpx.create_ssl_context()),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_SET_BY_HTTPX,
                auto_decompress=False,
            )
        return self._session


class _Answer(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        # An answer that was read to its end has given its connection back; any other would be read by the next call.
        self._answer.close()


def _body(request: httpx.Request) -> bytes | AsyncIterator[bytes] | None:
    if isinstance(request.stream, httpx.ByteStream):
        return b"".join(request.stream) or None
    assert isinstance(request.stream, httpx.AsyncByteStream)
    return aiter(request.stream)


def _limits(asked: dict[str, Any]) -> aiohttp.ClientTimeout:
    connect, pool = asked.get("connect"), asked.get("pool")
    whole = None if connect is None or pool is None else connect + pool
    return aiohttp.ClientTimeout(total=None, connect=whole, sock_connect=connect, sock_read=asked.get("read"))


def _as_httpx(error: Exception, request: httpx.Request) -> httpx.RequestError:
    words = repr(error)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return httpx.ConnectTimeout(words, request=request)
    if isinstance(error, TimeoutError):
        return httpx.ReadTimeout(words, request=request)
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(words, request=request)
    if isinstance(error, aiohttp.InvalidURL):
        return httpx.UnsupportedProtocol(words, request=request)
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError(words, request=request)
    return httpx.ReadError(words, request=request)
