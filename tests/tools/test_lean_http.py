"""The client on the wire of aiohttp: to its users it is httpx, errors included."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from tools.feishu_api import FeishuCall, exchange
from tools.lean_http import lean_client

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TIMEOUT = httpx.Timeout(5.0)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[str]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def heard(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0")
    return head + await reader.readexactly(int(length))


async def test_the_request_leaves_as_httpx_wrote_it() -> None:
    requests = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await heard(reader))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-One: a\r\nX-One: b\r\n\r\nok")

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        answer = await client.post(f"{url}/a%2Fb?x=%E4%B8%AD&y=1+2", content=b"{}", headers={"X-Own": "1"})
    head = requests[0].lower()
    assert head.startswith(b"post /a%2fb?x=%e4%b8%ad&y=1+2 http/1.1\r\n") and requests[0].endswith(b"\r\n\r\n{}")
    assert head.count(b"user-agent:") == head.count(b"host:") == head.count(b"content-length:") == 1
    assert b"x-own: 1" in head
    assert (answer.text, answer.headers.get_list("x-one")) == ("ok", ["a", "b"])


async def test_one_connection_serves_one_call_after_the_other_and_is_left_when_an_answer_is_not_read() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await heard(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(b"done")

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        for _ in range(3):
            assert (await client.get(url)).text == "done"
        assert connections == 1
        async with client.stream("GET", url) as unread:
            assert unread.status_code == 200
        assert (await client.get(url)).text == "done"


async def test_a_file_is_uploaded_and_a_compressed_answer_is_opened() -> None:
    bodies = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await heard(reader))
        packed = gzip.compress("好".encode())
        head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n"
        writer.write(head.encode() + packed)

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        answer = await client.post(url, files={"file": ("a.txt", b"words" * 1000, "text/plain")})
    assert answer.text == "好"
    assert b"multipart/form-data" in bodies[0] and b"words" * 1000 in bodies[0]


async def test_a_redirect_is_not_followed_by_itself() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        assert (await client.get(url)).status_code == 302


async def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with lean_client(TIMEOUT) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", b"nonsense\r\n\r\n"])
async def test_a_lost_answer_is_a_request_error_that_leaves_the_fate_open(said: bytes) -> None:
    times = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        times += 1
        await heard(reader)
        writer.write(said)
        writer.close()

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        with pytest.raises(httpx.RequestError) as lost:
            await client.post(url, content=b"{}")
    assert not isinstance(lost.value, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    assert times == 1


async def test_a_post_is_never_sent_twice_when_the_kept_connection_is_gone() -> None:
    times = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal times
        await heard(reader)
        times += 1
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await heard(reader)
        times += 1
        writer.close()

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        await client.post(url, content=b"{}")
        with pytest.raises(httpx.RequestError):
            await client.post(url, content=b"{}")
    assert times == 2


async def test_an_answer_that_takes_too_long_is_a_read_timeout() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        await reader.read()

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, timeout=httpx.Timeout(5.0, read=0.05))


async def test_feishu_calls_go_through_it() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        body = b'{"code": 0, "data": {}}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 23\r\n\r\n" + body)

    async with serving(talk) as url, lean_client(TIMEOUT) as client:
        answer = await exchange(client, url, FeishuCall("POST", "x", body={}), {}, timeout_s=2.0)
    assert answer.good


async def test_behind_a_proxy_httpx_itself_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with lean_client(TIMEOUT) as client:
        assert isinstance(client._transport, httpx.AsyncHTTPTransport)
