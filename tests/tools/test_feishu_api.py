"""The shared plumbing: tokens, lost answers, files, and the values Feishu writes in many ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from channels.feishu.access_token import InMemoryTokenStore, KeptToken, TenantAccessToken
from conversation.errors import FateUnknown, GiveUp, RetryLater
from tests.channels.feishu.stage import SETTINGS, Clock
from tools.feishu_api import FeishuApi, FeishuCall
from tools.feishu_errors import FeishuRefused
from tools.feishu_values import as_number, as_text, moment


@dataclass
class Tokens:
    """Counts up: t-1, and after a refusal t-2."""

    number: int = 1
    refusals: list[str] = field(default_factory=list)

    async def token(self) -> str:
        return f"t-{self.number}"

    async def refused(self, token: str) -> None:
        self.refusals.append(token)
        self.number += 1


@dataclass
class Platform:
    """Answers as a test says and remembers who asked."""

    answer: Callable[[Request], Awaitable[Response]]
    bearers: list[str] = field(default_factory=list)

    def client(self) -> httpx.AsyncClient:
        async def take(request: Request) -> Response:
            self.bearers.append(request.headers.get("authorization", ""))
            return await self.answer(request)

        app = Starlette(routes=[Route("/{path:path}", take, methods=["GET", "POST", "PUT"])])
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=app))


def platform(answer: Response | Exception) -> Platform:
    async def give(request: Request) -> Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Platform(give)


def api_of(one: Platform, tokens: Tokens | None = None) -> FeishuApi:
    return FeishuApi(one.client(), "https://open.feishu.cn", tokens or Tokens())


GET, POST = FeishuCall("GET", "x"), FeishuCall("POST", "x", body={"a": 1})


async def test_the_data_of_a_good_answer_is_given_or_the_whole_where_it_has_none() -> None:
    assert await api_of(platform(JSONResponse({"code": 0, "data": {"a": 1}}))).call(GET) == {"a": 1}
    assert await api_of(platform(JSONResponse({"code": 0, "data": None}))).call(GET) == {}
    assert (await api_of(platform(JSONResponse({"code": 0, "bot": {}}))).call(GET))["bot"] == {}


async def test_a_refused_tenant_token_is_renewed_once_and_a_users_never() -> None:
    tokens, one = Tokens(), platform(JSONResponse({"code": 99991663, "msg": "Invalid"}, 400))
    with pytest.raises(RetryLater):
        await api_of(one, tokens).call(POST)
    assert (one.bearers, tokens.refusals) == (["Bearer t-1", "Bearer t-2"], ["t-1"])
    user = platform(JSONResponse({"code": 99991668, "msg": "Invalid"}, 400))
    with pytest.raises(FeishuRefused, match="log in again"):
        await api_of(user, tokens).call(POST, user_token="u-1")
    assert user.bearers == ["Bearer u-1"]


@pytest.mark.parametrize(
    "lost", [httpx.ReadTimeout(""), httpx.RemoteProtocolError(""), httpx.ReadError(""), httpx.WriteError("")]
)
async def test_a_lost_answer_leaves_the_fate_unknown_unless_asking_again_is_harmless(lost: Exception) -> None:
    with pytest.raises(FateUnknown):
        await api_of(platform(lost)).call(POST)
    with pytest.raises(RetryLater):
        await api_of(platform(lost)).call(GET)
    with pytest.raises(RetryLater):
        await api_of(platform(lost)).call(FeishuCall("POST", "x", body={}, repeatable=True))


@pytest.mark.parametrize("unsent", [httpx.ConnectError(""), httpx.ConnectTimeout(""), httpx.PoolTimeout("")])
async def test_what_was_never_sent_is_tried_later(unsent: Exception) -> None:
    with pytest.raises(RetryLater):
        await api_of(platform(unsent)).call(POST)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"msg": "x"}', b'{"code": "0"}', b""])
async def test_an_answer_in_no_form_leaves_the_fate_unknown(body: bytes) -> None:
    with pytest.raises(FateUnknown):
        await api_of(platform(Response(body, media_type="application/json"))).call(POST)


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with pytest.raises(GiveUp, match="longer than"):
        await api_of(platform(Response(b"x" * 3_000))).download(GET, limit=2_999)
    file = await api_of(platform(Response(b"x" * 3_000, media_type="image/png"))).download(GET, limit=3_000)
    assert (len(file.content), file.media_type) == (3_000, "image/png")


async def test_a_file_that_is_json_is_a_file_and_an_error_is_an_error() -> None:
    mine = json.dumps({"orders": [1]}).encode()
    file = await api_of(platform(Response(mine, media_type="application/json"))).download(GET, limit=100)
    assert file.content == mine
    for status in (200, 400):
        with pytest.raises(FeishuRefused) as refused:
            answer = JSONResponse({"code": 234003, "msg": "File not in msg."}, status)
            await api_of(platform(answer)).download(GET, limit=1_000)
        assert refused.value.code == 234003


@pytest.mark.parametrize(
    ("to", "bearer"),
    [
        ("https://cdn.feishu.example/f?sign=1", ""),
        ("https://open.feishu.cn/open-apis/y", "Bearer t-1"),
        ("/y", "Bearer t-1"),
    ],
)
async def test_a_redirected_file_is_fetched_from_known_hosts_and_no_token_leaves_home(to: str, bearer: str) -> None:
    async def answer(request: Request) -> Response:
        if request.url.path.endswith("/x"):
            return RedirectResponse(to)
        return Response(b"file", media_type="image/png")

    one = Platform(answer)
    file = await api_of(one).download(GET, limit=100, hosts=frozenset({"cdn.feishu.example"}))
    assert file.content == b"file"
    assert one.bearers == ["Bearer t-1", bearer]


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/f",
        "http://cdn.feishu.example/f",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "//evil.example",
    ],
)
async def test_a_file_elsewhere_is_not_fetched(to: str) -> None:
    one = platform(RedirectResponse(to))
    with pytest.raises(GiveUp, match="extra_hosts"):
        await api_of(one).download(GET, limit=100, hosts=frozenset({"cdn.feishu.example"}))
    assert len(one.bearers) == 1


async def test_redirects_in_a_circle_end() -> None:
    one = platform(RedirectResponse("https://open.feishu.cn/open-apis/x"))
    with pytest.raises(GiveUp):
        await api_of(one).download(GET, limit=100)
    assert len(one.bearers) == 4


def keeper(one: Platform, clock: Clock, store: InMemoryTokenStore | None = None) -> TenantAccessToken:
    return TenantAccessToken(SETTINGS, one.client(), store or InMemoryTokenStore(), clock)


async def test_many_who_wait_for_a_token_share_one_fetch_and_one_failure() -> None:
    gate = asyncio.Event()

    async def slow(request: Request) -> Response:
        await gate.wait()
        return JSONResponse({"code": 10014, "msg": "app secret invalid"})

    one = Platform(slow)
    tokens = keeper(one, Clock())
    waiting = [asyncio.create_task(tokens.token()) for _ in range(10)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(result, FeishuRefused) for result in results[1:])
    assert len(one.bearers) == 1


@pytest.mark.parametrize(("expire", "fresh_for"), [(7200, 6900.0), ("7200", 6900.0), (400, 200.0)])
async def test_a_token_is_kept_until_five_minutes_before_its_end(expire: object, fresh_for: float) -> None:
    clock = Clock()
    one = platform(JSONResponse({"code": 0, "tenant_access_token": "t-x", "expire": expire}))
    tokens = keeper(one, clock)
    assert await tokens.token() == "t-x"
    clock.now += fresh_for - 1
    await tokens.token()
    assert len(one.bearers) == 1
    clock.now += 1
    await tokens.token()
    assert len(one.bearers) == 2


async def test_a_refused_token_is_forgotten_but_not_the_one_another_process_got_since() -> None:
    store = InMemoryTokenStore()
    tokens = keeper(platform(JSONResponse({"code": 0, "tenant_access_token": "t-new", "expire": 7200})), Clock(), store)
    assert await tokens.token() == "t-new"
    await tokens.refused("t-old")
    assert list(store._tokens.values()) == [KeptToken("t-new", Clock().now + 6900)]
    await tokens.refused("t-new")
    assert store._tokens == {}


@pytest.mark.parametrize(
    "answer",
    [
        {"code": 0},
        {"code": 0, "tenant_access_token": "", "expire": 7200},
        {"code": 0, "tenant_access_token": "t", "expire": 0},
    ],
)
async def test_an_answer_without_a_token_is_tried_later(answer: dict[str, object]) -> None:
    with pytest.raises(RetryLater):
        await keeper(platform(JSONResponse(answer)), Clock()).token()


async def test_a_lost_answer_to_a_token_request_is_tried_later() -> None:
    with pytest.raises(RetryLater):
        await keeper(platform(httpx.ReadTimeout("")), Clock()).token()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1760000001000", 1_760_000_001.0),
        (1_760_000_001_000, 1_760_000_001.0),
        (1_760_000_001, 1_760_000_001.0),
        ("1760000001000000", 1_760_000_001.0),
        ("1760000000.5", 1_760_000_000.5),
        ("-1", None),
        (-1, None),
        ("", None),
        (None, None),
        ("soon", None),
        (True, None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_moments_are_read_in_seconds_milliseconds_and_microseconds(value: object, seconds: float | None) -> None:
    assert moment(value) == seconds


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2))
def test_no_value_whatever_breaks_the_reading(value: object) -> None:
    assert isinstance(as_number(value), int)
    assert "\x00" not in as_text(value)
    found = moment(value)
    assert found is None or 0 < found < float("inf")
