"""Calls to the platform: only to its own hosts, and every failure says what the caller can do."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from channels.wecom_bot import client as clients
from channels.wecom_bot.client import WecomBotClient
from conversation.errors import FateUnknown, GiveUp, RetryLater
from playground.wecom_envelope import WecomEnvelope
from tests.channels.wecom_bot.stage import MEDIA, SETTINGS

URL = "https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=SECRET"
PHOTO = "https://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a/1?sign=SECRET"
Answering = Callable[[httpx.Request], httpx.Response]


def made(answer: Answering, *, api_base: str = "https://qyapi.weixin.qq.com/cgi-bin/", **extra: Any) -> WecomBotClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    keys = extra.get("media_keys", (MEDIA["encoding_aes_key"], ""))
    return WecomBotClient(http, api_base=api_base, extra_hosts=extra.get("extra_hosts", ()), media_keys=keys)


def saying(status: int = 200, **options: Any) -> Answering:
    return lambda request: httpx.Response(status, **options)


def failing(error: Exception) -> Answering:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    return fail


async def test_a_taken_answer_is_a_success() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"errcode": 0, "errmsg": "ok"})

    await made(answer).respond(URL, {"msgtype": "markdown"})
    assert str(asked[0].url) == URL
    assert asked[0].method == "POST"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (failing(httpx.ConnectError("no")), RetryLater),
        (failing(httpx.ConnectTimeout("no")), RetryLater),
        (failing(httpx.PoolTimeout("no")), RetryLater),
        (failing(httpx.ReadTimeout("no")), FateUnknown),
        (failing(httpx.ReadError("no")), FateUnknown),
        (failing(httpx.WriteError("no")), FateUnknown),
        (failing(httpx.RemoteProtocolError("no")), FateUnknown),
        (saying(500), FateUnknown),
        (saying(502, text="Bad Gateway"), FateUnknown),
        (saying(200, text="<html>"), FateUnknown),
        (saying(429), RetryLater),
        (saying(503, headers={"retry-after": "7"}), RetryLater),
        (saying(json={"errcode": -1, "errmsg": "busy"}), RetryLater),
        (saying(json={"errcode": 45009, "errmsg": "freq"}), RetryLater),
        (saying(json={"errcode": 45033, "errmsg": "many"}), RetryLater),
        (saying(json={"errcode": 40058, "errmsg": "used"}), GiveUp),
        (saying(json=[]), GiveUp),
        (saying(404), GiveUp),
        (saying(302, headers={"location": "http://127.0.0.1/"}), GiveUp),
    ],
)
async def test_a_failure_says_what_can_be_done_and_never_the_url(answer: Answering, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        await made(answer).respond(URL, {})
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_the_platforms_pause_is_kept() -> None:
    with pytest.raises(RetryLater) as raised:
        await made(saying(503, headers={"retry-after": "7"})).respond(URL, {})
    assert raised.value.after_s == 7
    with pytest.raises(RetryLater) as raised:
        await made(saying(json={"errcode": 45009})).respond(URL, {})
    assert raised.value.after_s == 60


@pytest.mark.parametrize(
    "url",
    [
        "http://qyapi.weixin.qq.com/cgi-bin/x",
        "https://qyapi.weixin.qq.com:8443/x",
        "https://qyapi.weixin.qq.com.evil.example/x",
        "https://evil.example/qyapi.weixin.qq.com",
        "https://qyapi.weixin.qq.com@evil.example/x",
        "https://user@qyapi.weixin.qq.com/x",
        "https://127.0.0.1/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "ftp://qyapi.weixin.qq.com/x",
        "//qyapi.weixin.qq.com/x",
        "https://[::1",
        "",
        "nonsense",
    ],
)
async def test_a_foreign_url_is_never_called(url: str) -> None:
    def called(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"called {request.url}")

    with pytest.raises(GiveUp):
        await made(called).respond(url, {})
    with pytest.raises(GiveUp):
        await made(called).media(url)


async def test_the_host_of_api_base_and_extra_hosts_are_trusted() -> None:
    ok = saying(json={"errcode": 0})
    await made(ok, api_base="http://127.0.0.1:8123/cgi-bin/").respond("http://127.0.0.1:8123/x", {})
    await made(ok, extra_hosts=("proxy.example",)).respond("https://proxy.example/x", {})
    await made(ok, extra_hosts=("proxy.example:81",)).respond("http://proxy.example:81/x", {})
    with pytest.raises(GiveUp):
        await made(ok, api_base="http://127.0.0.1:8123/cgi-bin/").respond("http://127.0.0.1:8124/x", {})


async def test_a_media_file_is_fetched_and_decrypted() -> None:
    ciphertext = base64.b64decode(MEDIA["ciphertext_base64"])
    plain = base64.b64decode(MEDIA["plaintext_base64"])
    assert await made(saying(content=ciphertext)).media(PHOTO) == plain
    old = made(saying(content=ciphertext), media_keys=("A" * 43, MEDIA["encoding_aes_key"]))
    assert await old.media(PHOTO) == plain


@pytest.mark.parametrize(
    "url",
    [
        "https://ww-aibot-img-1.cos.ap-guangzhou.myqcloud.com.evil.example/x",
        "https://someone-1258476243.cos.ap-guangzhou.myqcloud.com/x",
        "http://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/x",
    ],
)
async def test_other_peoples_storage_is_not_fetched(url: str) -> None:
    with pytest.raises(GiveUp):
        await made(saying(content=b"x")).media(url)


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (saying(404), GiveUp),
        (saying(302, headers={"location": "http://127.0.0.1/"}), GiveUp),
        (saying(500), RetryLater),
        (saying(429), RetryLater),
        (failing(httpx.ReadTimeout("no")), RetryLater),
        (failing(httpx.ConnectError("no")), RetryLater),
        (saying(content=b""), GiveUp),
        (saying(content=b"no whole block"), GiveUp),
        (saying(content=b"x" * 64), GiveUp),
        (saying(content=WecomEnvelope("t", "A" * 43).encrypt_media(b"of another bot")), GiveUp),
    ],
)
async def test_a_media_file_that_cannot_be_had_says_so(answer: Answering, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        await made(answer).media(PHOTO)
    assert "SECRET" not in str(raised.value)


async def test_a_media_file_larger_than_the_limit_is_left() -> None:
    with pytest.raises(GiveUp, match="larger"):
        await made(lambda request: httpx.Response(200, content=endless())).media(PHOTO)


def test_limits_are_the_documented_ones() -> None:
    assert clients.MEDIA_LIMIT == 20 * 1024 * 1024
    assert SETTINGS.api_base != "https://qyapi.weixin.qq.com/cgi-bin/"
