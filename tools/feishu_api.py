"""Feishu's REST API over httpx: one call, its token, and errors named by what the caller can do.

Shared by the Feishu channel and the helpdesk adapter. The SDK is not used here: importing it costs 170 MB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from conversation.errors import FateUnknown, GiveUp, HuiyingError, RetryLater
from tools.feishu_errors import TOKEN_REFUSED, refusal
from tools.feishu_values import as_dict, as_text

ANSWER_LIMIT = 8 * 1024 * 1024
REDIRECTS = 3
#: A token and a call after each other stay under the time that the mail gives one send.
CALL_LIMIT_S = 6.0
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class TokenProvider(Protocol):
    """Who keeps the app's tenant_access_token."""

    async def token(self) -> str:
        """A token that is good for some minutes. Raises `RetryLater` or `GiveUp` when none can be had."""
        ...

    async def refused(self, token: str) -> None:
        """Called when Feishu did not take `token`: forget it, so that the next one is fresh."""
        ...


@dataclass(frozen=True, slots=True)
class FeishuCall:
    """One call. `path` is under `/open-apis/`; `repeatable`: it may be made twice without harm, as every GET may."""

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    files: dict[str, Any] | None = None
    repeatable: bool = False

    @property
    def harmless(self) -> bool:
        """Whether a lost answer may be met by simply asking again."""
        return self.repeatable or self.method == "GET"


@dataclass(frozen=True, slots=True)
class FeishuFile:
    """A downloaded file and the media type that Feishu claims for it."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `payload` is the JSON object; empty, with code -1, when the answer was no JSON object."""

    status: int
    code: int
    payload: dict[str, Any]
    content: bytes
    headers: httpx.Headers

    @property
    def good(self) -> bool:
        """Whether Feishu did what was asked."""
        return self.code == 0 and self.status < 400

    def error(self, call: FeishuCall) -> HuiyingError:
        """The error to raise for an answer that is not good."""
        message = as_text(self.payload.get("msg")) or "no JSON answer"
        wait_s = _seconds(self.headers.get("x-ogw-ratelimit-reset", ""))
        return refusal(self.status, self.code, message, wait_s=wait_s, repeatable=call.harmless)


async def exchange(
    client: httpx.AsyncClient,
    url: str,
    call: FeishuCall,
    headers: dict[str, str],
    *,
    timeout_s: float,
    limit: int = ANSWER_LIMIT,
) -> Answer:
    """Sends the call to `url` and reads at most `limit` bytes of the answer.

    Raises `RetryLater` when nothing was sent (or the call is harmless), `FateUnknown` when the answer got lost, and
    `GiveUp` when the answer is longer than `limit`.
    """
    body = None
    if call.body is not None:
        headers = {**headers, "Content-Type": "application/json; charset=utf-8"}
        body = orjson.dumps(call.body)
    stream = client.stream(
        call.method,
        url,
        params=call.params or None,
        content=body,
        files=call.files,
        headers=headers,
        timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
        follow_redirects=False,
    )
    try:
        async with stream as response:
            return _answer(response, await _read(response, limit))
    except _NEVER_SENT as unreachable:
        raise RetryLater(f"Feishu cannot be reached: {unreachable!r}") from unreachable
    except httpx.RequestError as lost:
        if call.harmless:
            raise RetryLater(f"Feishu's answer got lost: {lost!r}") from lost
        raise FateUnknown(f"Feishu's answer got lost: {lost!r}") from lost


class FeishuApi:
    """Calls on behalf of one app. `domain` is an origin such as https://open.feishu.cn."""

    def __init__(
        self, client: httpx.AsyncClient, domain: str, tokens: TokenProvider, *, timeout_s: float = CALL_LIMIT_S
    ) -> None:
        self._client = client
        self._domain = domain.rstrip("/")
        self._tokens = tokens
        self._timeout_s = timeout_s

    async def call(
        self, call: FeishuCall, *, headers: dict[str, str] | None = None, user_token: str = ""
    ) -> dict[str, Any]:
        """The answer's `data` (the whole answer where it has none).

        A refused tenant token is renewed and the call made once more; `user_token` replaces the tenant token and is
        never renewed. Raises `RetryLater`, `FateUnknown`, or `FeishuRefused` with Feishu's code.
        """
        answer = await self._ask(call, headers or {}, user_token, ANSWER_LIMIT)
        if not answer.good:
            raise answer.error(call)
        return as_dict(answer.payload["data"]) if "data" in answer.payload else answer.payload

    async def download(self, call: FeishuCall, *, limit: int, hosts: frozenset[str] = frozenset()) -> FeishuFile:
        """The bytes of a file, at most `limit`; a redirect is followed only to our own domain or to `hosts`.

        Raises as `call` does, and `GiveUp` for a file over the limit or a redirect elsewhere.
        """
        answer, url = await self._ask(call, {}, "", limit), self._url(call)
        for _ in range(REDIRECTS):
            if answer.status not in (301, 302, 303, 307, 308):
                break
            url = urljoin(url, answer.headers.get("location", ""))
            answer = await self._follow(url, limit, hosts)
        if answer.status != 200 or answer.code > 0:
            raise answer.error(call)
        return FeishuFile(answer.content, answer.headers.get("content-type", "application/octet-stream"))

    async def _follow(self, url: str, limit: int, hosts: frozenset[str]) -> Answer:
        there, ours = urlsplit(url), urlsplit(self._domain)
        if there.scheme not in ("https", ours.scheme) or there.netloc not in hosts | {ours.netloc}:
            raise GiveUp(
                f"Feishu sends us to {there.netloc or 'nowhere'} for a file: add it to extra_hosts if it is right"
            )
        # A token never travels to a host that is not Feishu's own.
        at_home = there.netloc == ours.netloc
        headers = {"Authorization": f"Bearer {await self._tokens.token()}"} if at_home else {}
        plain = FeishuCall("GET", there.path)
        return await exchange(self._client, url, plain, headers, timeout_s=self._timeout_s, limit=limit)

    async def _ask(self, call: FeishuCall, headers: dict[str, str], user_token: str, limit: int) -> Answer:
        token = user_token or await self._tokens.token()
        answer = await self._exchange(call, headers, token, limit)
        if answer.code in TOKEN_REFUSED and not user_token:
            await self._tokens.refused(token)
            answer = await self._exchange(call, headers, await self._tokens.token(), limit)
        return answer

    async def _exchange(self, call: FeishuCall, headers: dict[str, str], token: str, limit: int) -> Answer:
        bearer = {**headers, "Authorization": f"Bearer {token}"}
        return await exchange(self._client, self._url(call), call, bearer, timeout_s=self._timeout_s, limit=limit)

    def _url(self, call: FeishuCall) -> str:
        return f"{self._domain}/open-apis/{call.path}"


async def _read(response: httpx.Response, limit: int) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise GiveUp(f"Feishu's answer is longer than {limit} bytes")
    return bytes(content)


def _answer(response: httpx.Response, content: bytes) -> Answer:
    payload: dict[str, Any] = {}
    if "json" in response.headers.get("content-type", ""):
        try:
            payload = as_dict(orjson.loads(content))
        except orjson.JSONDecodeError:
            payload = {}
    code = payload.get("code", -1)
    return Answer(response.status_code, code if isinstance(code, int) else -1, payload, content, response.headers)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86400 else None
