"""Calls to the platform: one-shot answers by response_url, and media files, which come encrypted.

Protocol: https://developer.work.weixin.qq.com/document/path/101138 (response_url), /100719 (media).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx
from wechatpy.crypto.base import WeChatCipher

from channels.wecom_bot.envelope import aes_key, unpadded
from channels.wecom_bot.inbound import split_reference
from conversation.errors import BadSettings, FateUnknown, GiveUp, RetryLater

MEDIA_LIMIT = 20 * 1024 * 1024
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_PLATFORM_API = "qyapi.weixin.qq.com"
#: The platform's own storage; other buckets of the same cloud belong to anybody.
_PLATFORM_MEDIA = re.compile(r"ww-aibot-[a-z]+-\d+\.cos\.[a-z0-9-]+\.myqcloud\.com")

_BUSY = frozenset({-1, 45009, 45033, 10001})
_RATE_LIMIT_PAUSE_S = 60.0


class WecomBotClient:
    """One bot's calls. Response URLs are secrets: no error text holds one."""

    def __init__(
        self, http: httpx.AsyncClient, *, api_base: str, extra_hosts: Iterable[str], media_keys: Iterable[str]
    ) -> None:
        self._http = http
        self._hosts = {_named(httpx.URL(api_base)), *(host.lower() for host in extra_hosts)} - {_PLATFORM_API}
        self._media_ciphers = [WeChatCipher(aes_key(key)) for key in media_keys if key]

    async def respond(self, url: str, body: Mapping[str, Any]) -> None:
        """Posts the answer to a response_url, once.

        Raises `RetryLater` (nothing was sent, or the platform is busy), `FateUnknown` (the answer was lost) or
        `GiveUp` (refused: the URL is spent, old or foreign).
        """
        target = self._allowed(url, media=False)
        try:
            reply = await self._http.post(target, json=dict(body), timeout=_TIMEOUT, follow_redirects=False)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise RetryLater(f"WeCom cannot be reached: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            # `from None`: the request in the error's chain would carry the secret URL into a traceback.
            raise FateUnknown(f"the answer to a response_url call was lost: {type(error).__name__}") from None
        _judge(reply)

    async def media(self, reference: str) -> bytes:
        """The decrypted file behind a media reference of `inbound`; its URL lives five minutes.

        Raises `RetryLater` when the storage is busy, `GiveUp` when the file is gone, foreign, too large or broken.
        """
        url, own_key = split_reference(reference)
        target = self._allowed(url, media=True)
        try:
            async with self._http.stream("GET", target, timeout=_TIMEOUT, follow_redirects=False) as reply:
                if reply.status_code in (408, 429) or reply.status_code >= 500:
                    raise RetryLater(f"the media storage answers {reply.status_code}")
                if reply.status_code != 200:
                    raise GiveUp(f"the media file is not there any more ({reply.status_code})")
                ciphertext = await _bounded(reply)
        except httpx.HTTPError as error:
            raise RetryLater(f"the media file cannot be fetched: {type(error).__name__}") from None
        return _decrypted(ciphertext, [_cipher_of(own_key)] if own_key else self._media_ciphers)

    def _allowed(self, url: str, *, media: bool) -> httpx.URL:
        """`url` as httpx will really use it, if it leads to the platform or to a host named in the settings."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            raise GiveUp("the platform gave a URL that is none") from None
        theirs = target.host == _PLATFORM_API or (media and _PLATFORM_MEDIA.fullmatch(target.host) is not None)
        if target.userinfo or target.scheme not in ("http", "https"):
            raise GiveUp("the URL is not one that the platform would give")
        if theirs and target.scheme == "https" and target.port is None:
            return target
        if target.host in self._hosts or _named(target) in self._hosts:
            return target
        raise GiveUp(f"{target.scheme}://{target.host} is no host of the platform: name it in extra_hosts to trust it")


def _cipher_of(own_key: str) -> WeChatCipher:
    """The cipher of a URL's own key, which comes with or without its base64 padding."""
    try:
        return WeChatCipher(aes_key(own_key.rstrip("=")))
    except BadSettings:
        raise GiveUp("the key that came with the media file is none") from None


def _decrypted(ciphertext: bytes, ciphers: Sequence[WeChatCipher]) -> bytes:
    for cipher in ciphers:
        try:
            return unpadded(cipher.decrypt(ciphertext))
        except ValueError:
            continue
    raise GiveUp("the media file cannot be decrypted: is encoding_aes_key this bot's?")


def _named(url: httpx.URL) -> str:
    return f"{url.host}:{url.port}" if url.port else url.host


async def _bounded(reply: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in reply.aiter_bytes():
        size += len(part)
        if size > MEDIA_LIMIT:
            raise GiveUp(f"the media file is larger than {MEDIA_LIMIT} bytes")
        parts.append(part)
    return b"".join(parts)


def _judge(reply: httpx.Response) -> None:
    """Returns for a success, and raises by what a caller can do about anything else."""
    if reply.status_code in (429, 503):
        raise RetryLater(f"WeCom answers {reply.status_code}", _pause(reply))
    if reply.status_code >= 500:
        raise FateUnknown(f"WeCom answers {reply.status_code}: the message may be out or not")
    if reply.status_code >= 300:
        raise GiveUp(f"WeCom refuses the response_url call with {reply.status_code}")
    try:
        said = reply.json()
    except ValueError:
        raise FateUnknown("WeCom's answer to a response_url call is no JSON") from None
    code = said.get("errcode") if isinstance(said, dict) else None
    if code == 0:
        return
    if code in _BUSY:
        raise RetryLater(f"WeCom is busy: errcode {code}", _RATE_LIMIT_PAUSE_S if code == 45009 else None)
    raise GiveUp(
        f"WeCom refuses the message: errcode {code}, {str(said)[:200] if code is None else said.get('errmsg')}"
    )


def _pause(reply: httpx.Response) -> float | None:
    after = reply.headers.get("retry-after", "")
    return float(after) if after.isdigit() else None
