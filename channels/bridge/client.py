"""Calls to a gateway: commands posted to it, files fetched from it.

Protocol: docs/channels/bridge.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from channels.bridge.account import BridgeSettings
from channels.bridge.envelope import BridgeEnvelope
from channels.wechat_api import Reply, WechatFile, exchange
from conversation.errors import FateUnknown, GiveUp, RetryLater

FILE_LIMIT = 20 * 1024 * 1024
_ANSWER_LIMIT = 64 * 1024
_TIMEOUT = httpx.Timeout(6.0, connect=3.0)
_FILE_TIMEOUT = httpx.Timeout(20.0, connect=5.0)


class BridgeClient:
    """One gateway's address and the hosts that its files may come from."""

    def __init__(self, http: httpx.AsyncClient, settings: BridgeSettings, envelope: BridgeEnvelope) -> None:
        self._http = http
        self._envelope = envelope
        self._commands = f"{settings.api_base.rstrip('/')}/commands"
        own = {_named(httpx.URL(settings.api_base))} if settings.api_base else set()
        self._hosts = own | {host.lower() for host in settings.extra_hosts}

    async def post(self, body: bytes) -> Mapping[str, Any]:
        """Posts a command; gives the gateway's answer, which says that it has it.

        Raises `RetryLater` (nothing was taken), `FateUnknown` (the answer was lost) or `GiveUp` (refused).
        """
        headers = self._envelope.headers(body)
        request = self._http.build_request("POST", self._commands, content=body, headers=headers, timeout=_TIMEOUT)
        return _judged(await exchange(self._http, request, repeatable=False, limit=_ANSWER_LIMIT))

    async def file(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference; its SHA-256 must be the one that came with the message.

        Raises `RetryLater` when it cannot be had now, `GiveUp` when it is gone, foreign, too large or changed.
        """
        address, _, proof = reference.partition("#")
        request = self._http.build_request("GET", self._allowed(address), timeout=_FILE_TIMEOUT)
        reply = await exchange(self._http, request, repeatable=True, limit=FILE_LIMIT)
        if reply.status in (408, 429) or reply.status >= 500:
            raise RetryLater(f"the file cannot be had now: the gateway answers {reply.status}")
        if reply.status != 200:
            raise GiveUp(f"the file is not there any more ({reply.status})")
        digest = proof.removeprefix("sha256=")
        if digest and hashlib.sha256(reply.content).hexdigest() != digest:
            raise GiveUp("the file is not the one that was sent: its SHA-256 differs")
        return WechatFile(reply.content, reply.headers.get("content-type", "application/octet-stream"))

    def _allowed(self, address: str) -> httpx.URL:
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            raise GiveUp("the file's address is none") from None
        if url.scheme not in ("http", "https") or url.userinfo or not {url.host, _named(url)} & self._hosts:
            raise GiveUp(f"{url.host or 'this address'} is no host of the gateway: name it in extra_hosts to trust it")
        return url


def _judged(reply: Reply) -> Mapping[str, Any]:
    if reply.status in (408, 425, 429, 503):
        raise RetryLater(f"the gateway answers {reply.status}", _pause(reply.headers.get("retry-after", "")))
    if reply.status >= 500:
        raise FateUnknown(f"the gateway answers {reply.status}: it may have the command or not")
    if reply.status in (401, 403):
        raise GiveUp(f"the gateway answers {reply.status}: check the secret and the clocks on both sides")
    if reply.status >= 300:
        raise GiveUp(f"the gateway refuses the command with {reply.status}")
    said = _object(reply.content)
    if said is None or not isinstance(said.get("accepted"), bool):
        raise FateUnknown('the gateway\'s answer does not say "accepted"')
    return said


def _object(content: bytes) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _pause(after: str) -> float | None:
    return float(after) if after.isascii() and after.isdigit() and len(after) < 6 else None


def _named(url: httpx.URL) -> str:
    return f"{url.host}:{url.port}" if url.port else url.host
