"""Calls to WeChat and WeCom over real HTTP exchanges: tokens renewed unseen, codes judged, nothing secret told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.access_token import AccessToken, InMemoryTokenStore, KeptToken
from channels.wechat_api import HumanHolds, WechatApi, WechatRefused, WindowClosed
from channels.wechat_token import app_token, corp_token
from conversation.errors import FateUnknown, GiveUp, RetryLater

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
BASE = "http://wx.test/cgi-bin/"
SECRET = "made-up-secret"
Answer = httpx.Response | Exception


@dataclass
class Platform:
    """Answers calls in order, and remembers them; tokens are numbered."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    tokens: int = 0
    token_answer: Answer | None = None
    now: float = 1_760_000_000.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(("gettoken", "stable_token")):
            answer = self.token_answer or self._issued()
        else:
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else good()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _issued(self) -> httpx.Response:
        self.tokens += 1
        return good(access_token=f"TOKEN-{self.tokens}", expires_in=7200)

    @property
    def sent_tokens(self) -> list[str | None]:
        return [request.url.params.get("access_token") for request in self.requests]

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))

    def api(self, **more: Any) -> WechatApi:
        return WechatApi(self.client(), api_base=BASE, token=self.token(), **more)

    def token(self) -> AccessToken:
        return corp_token(
            self.client(),
            api_base=BASE,
            corp_id="ww1",
            secret=SECRET,
            store=InMemoryTokenStore(),
            clock=lambda: self.now,
        )


def good(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"errcode": 0, "errmsg": "ok", **fields})


def refused(code: int, errmsg: str = "no") -> httpx.Response:
    return httpx.Response(200, json={"errcode": code, "errmsg": errmsg})


async def test_one_token_serves_many_calls() -> None:
    platform = Platform([good(msgid="m1")])
    api = platform.api()
    answers = await asyncio.gather(*(api.post("message/send", {"text": "您好"}) for _ in range(10)))
    assert answers[0]["msgid"] == "m1"
    assert platform.sent_tokens == ["TOKEN-1"] * 10
    assert json.loads(platform.requests[0].content) == {"text": "您好"}


@pytest.mark.parametrize("code", [40001, 40014, 41001, 42001])
async def test_a_refused_token_is_renewed_once_and_the_call_made_again(code: int) -> None:
    platform = Platform([refused(code), good(done=1)])
    assert (await platform.api().post("message/send", {}))["done"] == 1
    assert platform.sent_tokens == ["TOKEN-1", "TOKEN-2"]


async def test_a_token_that_stays_refused_is_no_endless_loop() -> None:
    platform = Platform([refused(42001)] * 9)
    with pytest.raises(RetryLater):
        await platform.api().post("message/send", {})
    assert len(platform.requests) == 2


async def test_a_token_is_renewed_before_it_dies() -> None:
    platform = Platform()
    api = platform.api()
    await api.get("x")
    platform.now += 6899
    await api.get("x")
    platform.now += 2
    await api.get("x")
    assert platform.sent_tokens == ["TOKEN-1", "TOKEN-1", "TOKEN-2"]


@pytest.mark.parametrize(
    ("code", "error", "after_s"),
    [
        (-1, RetryLater, None),
        (45009, RetryLater, 60.0),
        (45011, RetryLater, 60.0),
        (45033, RetryLater, 5.0),
        (45015, WindowClosed, None),
        (45047, WindowClosed, None),
        (95001, WindowClosed, None),
        (95002, WindowClosed, None),
        (95013, WindowClosed, None),
        (95018, HumanHolds, None),
        (95016, WechatRefused, None),
        (60011, WechatRefused, None),
        (123456, WechatRefused, None),
    ],
)
async def test_a_code_is_judged_by_what_can_be_done(code: int, error: type[Exception], after_s: float | None) -> None:
    with pytest.raises(error) as raised:
        await Platform([refused(code)]).api().post("message/send", {})
    if isinstance(raised.value, RetryLater):
        assert raised.value.after_s == after_s
    else:
        assert isinstance(raised.value, WechatRefused)
        assert raised.value.code == code
        assert str(code) in str(raised.value)


SAMPLES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in PAYLOADS.glob("we*/*error_*.json")}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
async def test_every_error_sample_of_the_platform_is_judged(sample: dict[str, Any]) -> None:
    platform = Platform([httpx.Response(200, json=sample)] * 2)
    with pytest.raises((RetryLater, GiveUp)) as raised:
        await platform.api().post("message/send", {})
    assert "made-up" not in str(raised.value)


LOST: dict[str, Callable[[], Answer]] = {
    "the connection broke": lambda: httpx.ReadError("gone"),
    "no answer in time": lambda: httpx.ReadTimeout("late"),
    "a broken gateway": lambda: httpx.Response(502, text="Bad Gateway"),
    "no JSON": lambda: httpx.Response(200, text="<html>"),
    "a list": lambda: httpx.Response(200, json=[1]),
}


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST.keys())
async def test_a_lost_answer_leaves_the_fate_open_unless_the_call_may_be_repeated(answer: Callable[[], Answer]) -> None:
    with pytest.raises(FateUnknown):
        await Platform([answer()]).api().post("message/send", {})
    with pytest.raises(RetryLater):
        await Platform([answer()]).api().post("message/recall", {}, repeatable=True)
    with pytest.raises(RetryLater):
        await Platform([answer()]).api().get("kf/account/list")


@pytest.mark.parametrize("never_sent", [httpx.ConnectError("no"), httpx.ConnectTimeout("no"), httpx.PoolTimeout("no")])
async def test_what_was_never_sent_may_be_sent_later(never_sent: Exception) -> None:
    with pytest.raises(RetryLater):
        await Platform([never_sent]).api().post("message/send", {})


async def test_a_server_that_asks_to_wait_is_given_its_time() -> None:
    busy = httpx.Response(429, headers={"retry-after": "7"})
    with pytest.raises(RetryLater) as raised:
        await Platform([busy]).api().post("message/send", {})
    assert raised.value.after_s == 7.0


async def test_a_redirect_is_not_followed() -> None:
    platform = Platform([httpx.Response(302, headers={"location": "http://elsewhere.test/"})])
    with pytest.raises(WechatRefused):
        await platform.api().post("message/send", {})
    assert len(platform.requests) == 1


async def test_no_error_tells_a_token_a_secret_or_a_customers_words() -> None:
    words = "我的卡号6222000011112222"
    answers: list[Callable[[], Answer]] = [
        *LOST.values(),
        lambda: refused(40058, f"invalid content {words} hint [secret made-up-secret TOKEN-1]"),
        lambda: refused(60020, "not allow to access from your ip, from ip: 203.0.113.7, secret made-up-secret"),
        lambda: httpx.Response(403, text=words),
    ]
    for answer in answers:
        with pytest.raises((RetryLater, GiveUp, FateUnknown)) as raised:
            await Platform([answer()]).api().post("message/send", {"content": words})
        told = f"{raised.value!r} {raised.value.__cause__!r}"
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
        for secret in ("TOKEN-1", SECRET, "6222000011112222"):
            assert secret not in told


async def test_an_address_to_allow_is_told() -> None:
    with pytest.raises(WechatRefused, match=r"企业可信IP.*60020.*203\.0\.113\.7"):
        await Platform([refused(60020, "not allow, from ip: 203.0.113.7")]).api().get("x")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(40001, "invalid credential"), GiveUp),
        (refused(40013), GiveUp),
        (refused(60020), GiveUp),
        (refused(-1), RetryLater),
        (refused(45009), RetryLater),
        (httpx.Response(502), RetryLater),
        (httpx.ConnectError("no"), RetryLater),
        (httpx.ReadError("no"), RetryLater),
        (good(), RetryLater),
        (good(access_token="", expires_in=7200), RetryLater),
        (good(access_token="x", expires_in=0), RetryLater),
        (good(access_token="x", expires_in="soon"), RetryLater),
    ],
)
async def test_where_no_token_is_to_be_had_it_is_said_why(answer: Answer, error: type[Exception]) -> None:
    platform = Platform(token_answer=answer)
    with pytest.raises(error) as raised:
        await platform.api().post("message/send", {})
    assert platform.requests == []
    assert SECRET not in str(raised.value)


async def test_an_official_account_asks_for_a_stable_token() -> None:
    asked: list[httpx.Request] = []

    def platform(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"access_token": "T", "expires_in": 7200})

    async with httpx.AsyncClient(transport=httpx.MockTransport(platform)) as http:
        token = app_token(
            http, api_base=BASE, app_id="wx1", secret=SECRET, store=InMemoryTokenStore(), clock=lambda: 0.0
        )
        assert await token.token() == "T"
    sample = json.loads((PAYLOADS / "wechat_oa/stable_token_request.json").read_text(encoding="utf-8"))
    body = json.loads(asked[0].content)
    assert set(body) == set(sample) - {"force_refresh"}
    assert (asked[0].method, asked[0].url.path) == ("POST", "/cgi-bin/stable_token")


async def test_many_who_ask_at_once_wait_for_one_fetch_and_one_who_leaves_spoils_nothing() -> None:
    go, fetches = asyncio.Event(), []

    async def fetch() -> KeptToken:
        fetches.append(1)
        await go.wait()
        return KeptToken("T", 1000.0)

    token = AccessToken(fetch, InMemoryTokenStore(), "k", lambda: 0.0)
    waiting = [asyncio.create_task(token.token()) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    go.set()
    assert await asyncio.gather(*waiting[1:]) == ["T"] * 4
    assert len(fetches) == 1
    await token.refused("another")
    assert await token.token() == "T"
    assert len(fetches) == 1
    await token.close()


async def test_a_failed_fetch_is_tried_again_by_the_next() -> None:
    answers: list[Any] = [RetryLater("busy"), KeptToken("T", 1000.0)]

    async def fetch() -> KeptToken:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        kept: KeptToken = answer
        return kept

    token = AccessToken(fetch, InMemoryTokenStore(), "k", lambda: 0.0)
    with pytest.raises(RetryLater):
        await token.token()
    assert await token.token() == "T"


async def test_a_file_comes_with_its_type_and_name() -> None:
    named = {"content-disposition": "attachment; filename=\"a.png\"; filename*=UTF-8''%E5%9B%BE.png"}
    platform = Platform([httpx.Response(200, content=b"PNG", headers={"content-type": "image/png", **named})])
    file = await platform.api().download("media/get", {"media_id": "M/1&x=2"}, limit=10)
    assert (file.content, file.media_type) == (b"PNG", "image/png")
    assert file.name in ("a.png", "图.png")
    assert dict(platform.requests[0].url.params) == {"media_id": "M/1&x=2", "access_token": "TOKEN-1"}


async def test_a_file_over_the_limit_or_an_error_in_its_place_is_refused() -> None:
    big = httpx.Response(200, content=b"x" * 11, headers={"content-type": "image/png"})
    with pytest.raises(GiveUp, match="longer"):
        await Platform([big]).api().download("media/get", {}, limit=10)
    with pytest.raises(WechatRefused) as raised:
        await Platform([refused(40007)]).api().download("media/get", {}, limit=100)
    assert raised.value.code == 40007
    with pytest.raises(GiveUp, match="no file"):
        await Platform([good()]).api().download("media/get", {}, limit=100)


async def test_a_json_file_that_somebody_sent_is_a_file() -> None:
    sent = {"content-type": "application/json", "content-disposition": 'attachment; filename="a.json"'}
    platform = Platform([httpx.Response(200, content=b'{"errmsg": 1}', headers=sent)])
    assert (await platform.api().download("media/get", {}, limit=100)).content == b'{"errmsg": 1}'


async def test_an_old_token_is_renewed_for_a_download_too() -> None:
    file = httpx.Response(200, content=b"PNG", headers={"content-type": "image/png"})
    platform = Platform([refused(42001), file])
    assert (await platform.api().download("media/get", {}, limit=10)).content == b"PNG"


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test/x",
        "https://wx.test.evil.test/x",
        "http://wx.test@evil.test/x",
        "http://user:pass@wx.test/x",
        "ftp://wx.test/x",
        "file:///etc/passwd",
        "//evil.test/x",
        "http://wx.test:81/x",
        "http://[::1/x",
    ],
)
async def test_a_url_elsewhere_is_never_called(url: str) -> None:
    platform = Platform()
    if url.startswith("//"):
        # Under our own base this is a path like any other.
        await platform.api().get(url)
        assert {request.url.host for request in platform.requests} == {"wx.test"}
        return
    with pytest.raises(GiveUp):
        await platform.api().download(url, limit=10)
    assert platform.requests == []


async def test_a_trusted_host_gets_no_token() -> None:
    file = httpx.Response(200, content=b"PNG", headers={"content-type": "image/png"})
    platform = Platform([file])
    await platform.api(extra_hosts=["pics.test"]).download("https://pics.test/a?size=1", limit=10)
    assert str(platform.requests[0].url) == "https://pics.test/a?size=1"


async def test_a_video_lies_where_the_answer_says() -> None:
    place = httpx.Response(200, json={"video_url": "http://video.test/v"})
    file = httpx.Response(200, content=b"MP4", headers={"content-type": "video/mp4"})
    platform = Platform([place, file])
    assert (await platform.api(extra_hosts=["video.test"]).download("media/get", {}, limit=10)).content == b"MP4"
    with pytest.raises(GiveUp):
        await Platform([place]).api().download("media/get", {}, limit=10)


async def test_an_upload_carries_the_file_and_may_be_repeated() -> None:
    platform = Platform([good(media_id="M1"), httpx.ReadError("gone")])
    api = platform.api()
    answer = await api.upload("media/upload", "说明.png", b"PNGPNG", "image/png", params={"type": "image"})
    assert answer["media_id"] == "M1"
    sent = platform.requests[0]
    assert sent.url.params["type"] == "image"
    assert b'name="media"' in sent.content
    assert b"PNGPNG" in sent.content
    with pytest.raises(RetryLater):
        await api.upload("media/upload", "a.png", b"PNG", "image/png")


async def test_half_an_emoji_is_sent_as_a_mark() -> None:
    platform = Platform()
    await platform.api().post("message/send", {"content": "好\ud83d"})
    assert json.loads(platform.requests[0].content)["content"] == "好\ud83d"
