"""Calls to one robot's address. The key is in every URL: no error text holds one.

Protocol: https://developer.work.weixin.qq.com/document/path/99110
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from channels.group_webhook.account import GroupWebhookSettings
from channels.wechat_api import WechatFile, exchange, said
from conversation.errors import GiveUp, RetryLater

FILE_LEAST, FILE_LIMIT = 5, 20 * 1024 * 1024
_ANSWER_LIMIT = 64 * 1024
_TIMEOUT = httpx.Timeout(6.0, connect=3.0)
_FILE_TIMEOUT = httpx.Timeout(12.0, connect=3.0)


class GroupWebhookClient:
    """One robot."""

    def __init__(self, http: httpx.AsyncClient, settings: GroupWebhookSettings) -> None:
        self._http = http
        self._key = settings.key
        self._base = settings.api_base.rstrip("/")
        self._hosts = {host.lower() for host in settings.extra_hosts}

    async def post(self, notice: Mapping[str, Any]) -> None:
        """Shows one notice in the group.

        Raises `RetryLater` (busy, over the limit, not sent), `FateUnknown` (the answer was lost) or `WechatRefused`.
        """
        content, headers = orjson.dumps(dict(notice)), {"Content-Type": "application/json; charset=utf-8"}
        address, params = f"{self._base}/webhook/send", {"key": self._key}
        request = self._http.build_request(
            "POST", address, params=params, content=content, headers=headers, timeout=_TIMEOUT
        )
        said(await exchange(self._http, request, repeatable=False, limit=_ANSWER_LIMIT), repeatable=False)

    async def upload(self, kind: str, file: WechatFile) -> str:
        """The media id of a file (`kind` file or voice), good for three days. Raises as `post`, never `FateUnknown`."""
        if not FILE_LEAST <= len(file.content) <= FILE_LIMIT:
            raise GiveUp(f"a robot takes files of {FILE_LEAST} bytes to 20 MB; this one has {len(file.content)} bytes")
        address, params = f"{self._base}/webhook/upload_media", {"key": self._key, "type": kind}
        files = {"media": (file.name, file.content, file.media_type)}
        request = self._http.build_request("POST", address, params=params, files=files, timeout=_FILE_TIMEOUT)
        answer = said(await exchange(self._http, request, repeatable=True, limit=_ANSWER_LIMIT), repeatable=True)
        media_id = answer.get("media_id")
        if not isinstance(media_id, str) or not media_id:
            raise RetryLater("the platform took the file and gave it no media_id")
        return media_id

    async def file(self, reference: str, name: str) -> WechatFile:
        """What is behind an attachment's reference: a `data:` address, or one on a host of `extra_hosts`.

        Raises `RetryLater` when it cannot be had now, `GiveUp` when it is gone, foreign or too large.
        """
        if reference.startswith("data:"):
            return _from_data(reference, name)
        request = self._http.build_request("GET", self._allowed(reference), timeout=_FILE_TIMEOUT)
        reply = await exchange(self._http, request, repeatable=True, limit=FILE_LIMIT)
        if reply.status in (408, 429) or reply.status >= 500:
            raise RetryLater(f"the file cannot be had now: {reply.status}")
        if reply.status != 200:
            raise GiveUp(f"the file is not there ({reply.status})")
        media_type = reply.headers.get("content-type", "application/octet-stream")
        return WechatFile(reply.content, media_type, name or "file")

    def _allowed(self, reference: str) -> httpx.URL:
        try:
            url = httpx.URL(reference)
        except httpx.InvalidURL:
            raise GiveUp("the file's address is none") from None
        named = f"{url.host}:{url.port}" if url.port else url.host
        if url.scheme not in ("http", "https") or url.userinfo or not {url.host, named} & self._hosts:
            raise GiveUp(f"{url.host or 'this address'} is no host for files: name it in extra_hosts to trust it")
        return url


def _from_data(reference: str, name: str) -> WechatFile:
    head, _, content = reference.removeprefix("data:").partition(",")
    media_type, _, coding = head.partition(";")
    try:
        if coding != "base64":
            raise ValueError("not base64")
        return WechatFile(base64.b64decode(content, validate=True), media_type, name or "file")
    except (ValueError, binascii.Error):
        raise GiveUp("the file's data: address cannot be read; it must be base64") from None
