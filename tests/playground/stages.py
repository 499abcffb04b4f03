"""A clock that tests move, and scripted services behind an in-process transport."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy.crypto import _get_signature
from wechatpy.work.crypto import PrpCrypto, WeChatCrypto

from playground import FeishuDouble, WecomDouble
from playground.feishu_envelope import decrypt, signature

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
TOKEN, AES_KEY = "Tkb2d83889b00fc1", "nRNjmkXPURyNOUPvRz4suZ394LfhwWNHn6iSDVfo1i7"
ENCRYPT_KEY, VERIFICATION = "made-up-encrypt-key-2025", "MadeUpVerificationToken01"
HELPDESK = ("6626260912531570952", "ht-made-up-token")


@dataclass
class Clock:
    now: float = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class WecomBot:
    """A bot that opens webhooks with wechatpy and answers what `answer` says (None: an empty body)."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], dict[str, Any] | Response | None] = lambda body: None

    async def __call__(self, request: Request) -> Response:
        query = request.query_params
        sign = (query["msg_signature"], query["timestamp"], query["nonce"])
        crypto = WeChatCrypto(TOKEN, AES_KEY, "")
        if request.method == "GET":
            return PlainTextResponse(crypto.check_signature(*sign, query["echostr"]))
        sealed = await request.json()
        body = json.loads(crypto.decrypt_message({"Encrypt": sealed["encrypt"]}, *sign))
        self.heard.append(body)
        answer = self.answer(body)
        if answer is None or isinstance(answer, Response):
            return answer or Response()
        return Response(json.dumps(sealed_reply(answer, query["timestamp"], query["nonce"])))


def sealed_reply(answer: dict[str, Any], timestamp: str, nonce: str) -> dict[str, Any]:
    text = json.dumps(answer, ensure_ascii=False)
    encrypt = PrpCrypto(base64.b64decode(AES_KEY + "=")).encrypt(text, "").decode()
    sign = _get_signature(TOKEN, timestamp, nonce, encrypt)
    return {"encrypt": encrypt, "msgsignature": sign, "timestamp": int(timestamp), "nonce": nonce}


@dataclass
class FeishuBot:
    """A bot that checks and opens events; `answer` gives the response, None means 200 {}."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], Any] = lambda body: None
    hold: asyncio.Event | None = None

    async def __call__(self, request: Request) -> Response:
        raw = await request.body()
        sign = [request.headers[f"x-lark-{name}"] for name in ("request-timestamp", "request-nonce", "signature")]
        assert signature(ENCRYPT_KEY, sign[0], sign[1], raw) == sign[2]
        body = json.loads(decrypt(ENCRYPT_KEY, json.loads(raw)["encrypt"]))
        self.heard.append(body)
        if self.hold is not None:
            await self.hold.wait()
        if body.get("type") == "url_verification":
            return Response(json.dumps({"challenge": body["challenge"]}))
        answer = self.answer(body)
        return answer if isinstance(answer, Response) else Response(json.dumps(answer or {}))


def service(endpoint: Callable[[Request], Any]) -> Starlette:
    async def hook(request: Request) -> Response:
        response: Response = await endpoint(request)
        return response

    return Starlette(routes=[Route("/hook", hook, methods=["GET", "POST"])])


def caller(app: Any) -> httpx.AsyncClient:
    """Give a client that calls a double in process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://platform.test")


@dataclass
class WecomStage:
    double: WecomDouble
    bot: WecomBot
    api: httpx.AsyncClient


@dataclass
class FeishuStage:
    double: FeishuDouble
    bot: FeishuBot
    api: httpx.AsyncClient
    clock: Clock

    async def login(self) -> dict[str, str]:
        secret = {"app_id": "cli_a", "app_secret": "s3cret"}
        answer = await self.api.post("/open-apis/auth/v3/tenant_access_token/internal", json=secret)
        return {"Authorization": f"Bearer {answer.json()['tenant_access_token']}"}

    async def send(self, text: str, chat_id: str = "oc_room", **more: Any) -> httpx.Response:
        body = {"receive_id": chat_id, "msg_type": "text", "content": json.dumps({"text": text}), **more}
        query = {"receive_id_type": "chat_id"}
        return await self.api.post("/open-apis/im/v1/messages", params=query, json=body, headers=await self.login())

    async def send_card(self, card: dict[str, Any], chat_id: str = "oc_staff") -> str:
        answer = await self.send("", chat_id, msg_type="interactive", content=json.dumps(card))
        return str(answer.json()["data"]["message_id"])


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """Serve an app on a free loopback port; gives its origin."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        probe.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[probe]))
        try:
            yield f"http://127.0.0.1:{probe.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
