"""Who may see the console: this machine, and nobody's forged form."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from console.local_only import LocalOnly, host_name, is_local


async def _served(_: Request) -> PlainTextResponse:
    return PlainTextResponse("served")


def application(*, open_to_all: bool = False) -> LocalOnly:
    return LocalOnly(
        Starlette(routes=[Route("/{rest:path}", _served, methods=["GET", "POST"])]), open_to_all=open_to_all
    )


async def status(
    path: str = "/console/",
    *,
    client: tuple[str, int] = ("127.0.0.1", 5),
    host: str = "127.0.0.1:8000",
    method: str = "GET",
    open_to_all: bool = False,
    **headers: str,
) -> int:
    transport = httpx.ASGITransport(application(open_to_all=open_to_all), client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as caller:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await caller.request(method, path, headers={"Host": host, **named})).status_code


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_let_in(address: str) -> None:
    assert await status(client=(address, 5)) == 200


@pytest.mark.parametrize(
    "address", ["192.168.1.9", "8.8.8.8", "::ffff:8.8.8.8", "fe80::1", "0.0.0.0", "", "testclient"]
)
@pytest.mark.parametrize("path", ["/console/", "/api/v1/conversations", "/api/docs", "/", "/open-apis/im/v1/messages"])
async def test_others_are_not(address: str, path: str) -> None:
    assert await status(path, client=(address, 5)) == 403


async def test_the_refusal_says_why_and_what_to_do() -> None:
    transport = httpx.ASGITransport(application(), client=("10.0.0.1", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as caller:
        answer = await caller.get("/console/")
    assert "只对本机开放" in answer.text
    assert "console_open: true" in answer.text


@pytest.mark.parametrize("path", ["/channels/feishu/main", "/healthz", "/readyz", "/metrics"])
async def test_platforms_and_monitors_are_let_in_from_anywhere(path: str) -> None:
    assert (
        await status(path, client=("8.8.8.8", 5), host="shop.example", method="POST", Origin="https://else.example")
        == 200
    )


@pytest.mark.parametrize("path", ["/healthz/../console/", "/channels", "/metricsx", "/healthz/x"])
async def test_a_path_that_only_looks_public_is_guarded(path: str) -> None:
    assert await status(path, client=("8.8.8.8", 5)) == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[", "2130706433"])
async def test_a_foreign_name_that_points_here_is_refused(host: str) -> None:
    assert await status(host=host) == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "app.localhost", "[::1]:8000", "127.0.0.1"])
async def test_our_own_names_are_known(host: str) -> None:
    assert await status(host=host) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "8.8.8.8"},
        {"X_Forwarded_For": "127.0.0.1, 8.8.8.8"},
        {"X_Forwarded_For": "unknown"},
        {"X_Real_IP": "8.8.8.8"},
        {"Forwarded": "for=8.8.8.8"},
    ],
)
async def test_a_proxy_on_this_machine_does_not_open_the_door(headers: dict[str, str]) -> None:
    assert await status(**headers) == 403


async def test_open_to_all_is_open_to_all() -> None:
    assert await status(client=("8.8.8.8", 5), host="shop.example", open_to_all=True) == 200


@pytest.mark.parametrize("open_to_all", [False, True])
async def test_forms_of_other_sites_are_refused(open_to_all: bool) -> None:
    async def posted(**headers: str) -> int:
        return await status("/console/playground/wecom", method="POST", open_to_all=open_to_all, **headers)

    assert await posted(Origin="http://127.0.0.1:8000") == 200
    assert await posted() == 200  # a program, not a browser
    assert await posted(Sec_Fetch_Site="same-origin", Origin="null") == 200
    assert await posted(Sec_Fetch_Site="none") == 200
    assert await posted(Origin="https://evil.example") == 403
    assert await posted(Origin="http://127.0.0.1:9000") == 403
    assert await posted(Origin="null") == 403
    assert await posted(Sec_Fetch_Site="cross-site") == 403
    assert await posted(Sec_Fetch_Site="same-site", Origin="http://127.0.0.1:9000") == 403


async def test_reading_from_another_site_is_left_to_the_browser() -> None:
    assert await status(Origin="https://evil.example", Sec_Fetch_Site="cross-site") == 200


ODD_HOSTS = [b"localhost", b"127.1.1.1:80", b"[::1]:x", b"user@localhost", b"[::1", b"evil.example#localhost"]


@given(st.binary(max_size=40) | st.sampled_from(ODD_HOSTS))
def test_no_host_header_breaks_it_or_talks_its_way_in(host: bytes) -> None:
    headers = Headers(raw=[(b"host", host)])
    if is_local({"type": "http", "client": ("127.0.0.1", 5)}, headers):
        name = host_name(headers["host"])
        assert name == "localhost" or name.endswith(".localhost") or name.startswith("127.") or ":" in name
