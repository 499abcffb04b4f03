"""REST calls to WeChat and WeCom on behalf of one app: its token, one renewal, errors named by what one can do.

Protocol: https://developer.work.weixin.qq.com/document/path/90487
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx
import orjson

from channels.access_token import AccessToken
from channels.wechat_errors import TOKEN_REFUSED, HumanHolds, WechatRefused, WindowClosed, refusal
from conversation.errors import FateUnknown, GiveUp, HuiyingError, RetryLater

__all__ = ["HumanHolds", "WechatApi", "WechatFile", "WechatRefused", "WindowClosed", "exchange", "said"]

ANSWER_LIMIT = 8 * 1024 * 1024
#: A token and a call after each other stay under the time that the mail gives one send.
CALL_LIMIT_S = 6.0
FILE_LIMIT_S = 20.0
_ERROR_LIMIT = 64 * 1024

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_FILE_NAME = re.compile(r"""filename\*=(?:UTF-8|utf-8)''([^;]+)|filename="?([^";]+)""")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WechatFile:
    """A downloaded file with the media type and the name that the platform claims for it."""

    content: bytes
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `payload` is the JSON object, None where the answer is none."""

    status: int
    payload: Json | None
    content: bytes
    headers: httpx.Headers

    @property
    def code(self) -> int:
        """The errcode; a success may leave it out."""
        code = (self.payload or {}).get("errcode", 0)
        return code if isinstance(code, int) else -1


async def exchange(http: httpx.AsyncClient, request: httpx.Request, *, repeatable: bool, limit: int) -> Reply:
    """Sends the request and reads at most `limit` bytes of the answer.

    Raises `RetryLater` when nothing was sent (or the call is repeatable), `FateUnknown` when the answer got lost, and
    `GiveUp` when it is longer than `limit`. No error holds the URL, for a token is in it.
    """
    try:
        reply = await http.send(request, stream=True, follow_redirects=False)
        try:
            content = await _read(reply, limit)
        finally:
            await reply.aclose()
    except _NEVER_SENT as error:
        raise RetryLater(f"the platform cannot be reached: {type(error).__name__}") from None
    except httpx.HTTPError as error:
        raise _lost(f"the platform's answer got lost: {type(error).__name__}", repeatable) from None
    return Reply(reply.status_code, _object(content, reply.headers), content, reply.headers)


def said(reply: Reply, *, repeatable: bool) -> Json:
    """The JSON object of a good answer. Raises as `WechatApi.post` does."""
    if reply.status in (429, 503):
        after = reply.headers.get("retry-after", "")
        raise RetryLater(f"the platform answers {reply.status}", float(after) if after.isdigit() else None)
    if reply.status >= 500:
        raise _lost(f"the platform answers {reply.status}", repeatable)
    if reply.status >= 300:
        raise WechatRefused(f"the platform refuses the call with {reply.status}")
    if reply.payload is None:
        raise _lost("the platform's answer is no JSON object", repeatable)
    if reply.code:
        raise refusal(reply.code, str(reply.payload.get("errmsg", "")))
    return reply.payload


class WechatApi:
    """One app's calls. `api_base` ends with `/cgi-bin/` or the like; paths are under it.

    `extra_hosts` (host or host:port) are those besides its own that a file's URL may point to.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, api_base: str, token: AccessToken, extra_hosts: Iterable[str] = ()
    ) -> None:
        self._http = http
        self._base = httpx.URL(api_base.rstrip("/") + "/")
        self._token = token
        self._hosts = {_named(self._base), *(host.lower() for host in extra_hosts)}

    async def post(self, path: str, body: Mapping[str, Any], *, repeatable: bool = False) -> Json:
        """The answer to a JSON call; a refused token is renewed and the call made once more.

        Raises `RetryLater` (nothing was done: busy, over a limit, no token), `FateUnknown` (the answer of a call that
        is not repeatable was lost), `WindowClosed`, `HumanHolds` or another `WechatRefused`.
        """
        content, headers = _dumped(body), {"Content-Type": "application/json; charset=utf-8"}
        reply = await self._ask("POST", path, {}, repeatable=repeatable, content=content, headers=headers)
        return said(reply, repeatable=repeatable)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """The answer to a question. Raises as `post` does, never `FateUnknown`."""
        return said(await self._ask("GET", path, params or {}, repeatable=True), repeatable=True)

    async def upload(
        self, path: str, name: str, content: bytes, media_type: str, *, params: Mapping[str, str] | None = None
    ) -> Json:
        """The answer to an uploaded file, e.g. `media/upload` with `params={"type": "image"}`. Raises as `get`."""
        files = {"media": (name, content, media_type)}
        reply = await self._ask("POST", path, params or {}, repeatable=True, limit_s=FILE_LIMIT_S, files=files)
        return said(reply, repeatable=True)

    async def download(self, path: str, params: Mapping[str, str] | None = None, *, limit: int) -> WechatFile:
        """The bytes of a file, at most `limit`. `path` may be a whole URL on our own host or one of `extra_hosts`.

        Raises as `get` does, and `GiveUp` for a file over the limit or a URL elsewhere.
        """
        # An error in the file's place may be longer than a small file may be.
        most = max(limit, _ERROR_LIMIT)
        reply = await self._ask("GET", path, params or {}, repeatable=True, limit_s=FILE_LIMIT_S, limit=most)
        if reply.status != 200 or (reply.payload is not None and "content-disposition" not in reply.headers):
            # Where a file is expected, JSON tells of an error, or of the place where a video lies.
            place = said(reply, repeatable=True).get("video_url")
            if not isinstance(place, str) or not place or "://" in path:
                raise GiveUp("the platform gave no file")
            return await self.download(place, limit=limit)
        if len(reply.content) > limit:
            raise GiveUp(f"the file is longer than {limit} bytes")
        media_type = reply.headers.get("content-type", "application/octet-stream")
        return WechatFile(reply.content, media_type, _file_name(reply.headers.get("content-disposition", "")))

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        *,
        repeatable: bool,
        limit: int = ANSWER_LIMIT,
        limit_s: float = CALL_LIMIT_S,
        **content: Any,
    ) -> Reply:
        url = self._url(path)
        timeout = httpx.Timeout(limit_s, connect=min(5.0, limit_s))

        async def once(token: str) -> Reply:
            # A token never travels to a host that is not the platform's own.
            sent = {**params, "access_token": token} if token else dict(params)
            request = self._http.build_request(
                method, url.copy_merge_params(sent) if sent else url, timeout=timeout, **content
            )
            return await exchange(self._http, request, repeatable=repeatable, limit=limit)

        if _named(url) != _named(self._base) or url.scheme != self._base.scheme:
            return await once("")
        token = await self._token.token()
        reply = await once(token)
        if reply.code in TOKEN_REFUSED:
            await self._token.refused(token)
            reply = await once(await self._token.token())
        return reply

    def _url(self, path: str) -> httpx.URL:
        try:
            url = self._base.join(path.lstrip("/"))
        except httpx.InvalidURL:
            raise GiveUp("the platform gave a URL that is none") from None
        if url.userinfo or url.scheme not in ("https", self._base.scheme) or _named(url) not in self._hosts:
            raise GiveUp(f"{url.scheme}://{url.host} is no host of the platform: name it in extra_hosts to trust it")
        return url


def _named(url: httpx.URL) -> str:
    return f"{url.host}:{url.port}" if url.port else url.host


def _lost(reason: str, repeatable: bool) -> HuiyingError:
    return RetryLater(reason) if repeatable else FateUnknown(reason)


async def _read(reply: httpx.Response, limit: int) -> bytes:
    content = bytearray()
    async for part in reply.aiter_bytes():
        content += part
        if len(content) > limit:
            raise GiveUp(f"the platform's answer is longer than {limit} bytes")
    return bytes(content)


def _object(content: bytes, headers: httpx.Headers) -> Json | None:
    # Some answers call their JSON text/plain; files are not parsed.
    kind = headers.get("content-type", "").lower()
    if not ("json" in kind or kind.startswith("text/") or not kind):
        return None
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _dumped(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(dict(body))
    except orjson.JSONEncodeError:
        # Half an emoji, as a cut text may end in: the escaped form lets the platform show a sign in its place.
        return json.dumps(body).encode()


def _file_name(disposition: str) -> str:
    found = _FILE_NAME.search(disposition)
    return "" if found is None else unquote(found[1] or found[2]).replace("\x00", "")
