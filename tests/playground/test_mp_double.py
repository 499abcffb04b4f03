"""The double of 公众号 and 小程序 is as strict as the platform: it repeats, refuses, counts and reads replies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from playground.mp_double import MpDouble
from playground.mp_wire import to_xml

SECRET, APP_ID = "MADE_UP_SECRET", "wx1111aaaa2222bbbb"
Answering = Callable[[Request], Awaitable[Response]]


@asynccontextmanager
async def double(answer: Answering, kind: Any = "official_account") -> AsyncIterator[MpDouble]:
    app = Starlette(routes=[Route("/callback", answer, methods=["GET", "POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        one = MpDouble(
            kind,
            app_id=APP_ID,
            secret=SECRET,
            token="t",
            encoding_aes_key="",
            callback_url="http://ours.test/callback",
            client=client,
            mode="plain",
            answer_s=0.05,
        )
        yield one
        await one.aclose()


async def success(_: Request) -> Response:
    return PlainTextResponse("success")


def replying(content: str, kind: str = "text") -> Answering:
    async def answer(_: Request) -> Response:
        fields = {"ToUserName": "alice", "FromUserName": "gh_9f8e7d6c5b4a", "CreateTime": 1, "MsgType": kind}
        return Response(to_xml({**fields, "Content": content}))

    return answer


async def called(one: MpDouble, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(one.app)) as client:
        params = {"access_token": token} if token else {}
        answer = await client.post(f"http://weixin.test/cgi-bin/{path}", json=body, params=params)
        found: dict[str, Any] = answer.json()
        return found


async def token_of(one: MpDouble) -> str:
    body = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    return str((await called(one, "stable_token", body))["access_token"])


async def test_what_is_refused_is_posted_three_times_and_then_the_customer_sees_it() -> None:
    async def refuse(_: Request) -> Response:
        return Response(status_code=500)

    async with double(refuse) as one:
        await one.say("alice", "在吗")
        assert [delivery.outcome for delivery in one.ledger.deliveries] == ["refused"] * 3
        assert [change["change"] for change in one.ledger._changes].count("out_of_order") == 1


async def test_a_passive_reply_is_shown() -> None:
    async with double(replying("您好")) as one:
        await one.say("alice", "在吗")
        assert one.shown("alice") == ["您好"]
        assert one.violations == []


@pytest.mark.parametrize(
    ("answer", "kind", "sender"),
    [
        (replying("您好"), "mini_program", "alice"),
        (replying("好" * 2000), "official_account", "alice"),
        (replying("", "hologram"), "official_account", "alice"),
        (replying("您好"), "official_account", "bob"),
    ],
    ids=["no text here", "too long", "no such type", "somebody else"],
)
async def test_a_reply_against_the_rules_is_a_violation(answer: Answering, kind: str, sender: str) -> None:
    async with double(answer, kind) as one:
        await one.say(sender, "在吗")
        assert len(one.violations) == 1


async def test_nonsense_instead_of_a_reply_is_a_violation() -> None:
    async def chat(_: Request) -> Response:
        return PlainTextResponse("ok, got it")

    async with double(chat) as one:
        await one.say("alice", "在吗")
        assert len(one.violations) == 1


async def test_the_window_counts_and_closes() -> None:
    async with double(success) as one:
        token, text = await token_of(one), {"touser": "alice", "msgtype": "text", "text": {"content": "您好"}}
        assert (await called(one, "message/custom/send", text, token))["errcode"] == 40003
        await one.say("alice", "在吗")
        codes = [(await called(one, "message/custom/send", text, token))["errcode"] for _ in range(6)]
        assert codes == [0] * 5 + [45047]
        one.windows.close("alice")
        assert (await called(one, "message/custom/send", text, token))["errcode"] == 45015


async def test_a_text_is_measured_in_bytes() -> None:
    async with double(success) as one:
        token = await token_of(one)
        await one.say("alice", "在吗")
        for content, code in (("好" * 682, 0), ("好" * 683, 45002), ("", 44004)):
            body = {"touser": "alice", "msgtype": "text", "text": {"content": content}}
            assert (await called(one, "message/custom/send", body, token))["errcode"] == code


async def test_tokens_are_kept_checked_and_killed() -> None:
    async with double(success) as one:
        one.follow("alice")
        assert await token_of(one) == await token_of(one)
        body = {"touser": "alice", "command": "Typing"}
        assert (await called(one, "message/custom/typing", body))["errcode"] == 41001
        token = await token_of(one)
        one.tokens.expire_all()
        assert (await called(one, "message/custom/typing", body, token))["errcode"] == 40001
        wrong = {"grant_type": "client_credential", "appid": APP_ID, "secret": "guess"}
        assert (await called(one, "stable_token", wrong))["errcode"] == 40125
