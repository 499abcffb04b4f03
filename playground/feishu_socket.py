"""The platform's end of Feishu's long connections: where to connect, events out, their answers in, pings.

Protocol: https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
and the vendor's SDK. Each event goes over one of the app's connections.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from playground.faults import Faults
from playground.feishu_frames import CONTROL, DATA, WireFrame, decoded
from playground.ledger import ApiCall, Delivery, DoubleLedger

CONNECTIONS_LIMIT = 50
SERVICE = 33554678
_NO_CREDENTIAL, _TOO_MANY = 1000040344, 1000040350


@dataclass(eq=False)
class _Line:
    socket: WebSocket
    waiting: dict[str, asyncio.Future[WireFrame]] = field(default_factory=dict)


class FeishuSockets:
    """All long connections of one app. `limit_s` is the platform's patience in real seconds.

    `piece_bytes` cuts events into several frames, as the platform does with long ones. Pings are counted in `pings`.
    """

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        ledger: DoubleLedger,
        faults: Faults,
        clock: Callable[[], float],
        limit_s: float,
    ) -> None:
        self.piece_bytes = 0
        self.ping_every_s = 120
        self.pings = 0
        self.connections = 0
        self._app = {"AppID": app_id, "AppSecret": app_secret}
        self._ledger = ledger
        self._faults = faults
        self._clock = clock
        self._limit_s = limit_s
        self._tickets: set[str] = set()
        self._lines: list[_Line] = []
        self._changed = asyncio.Event()

    @property
    def connected(self) -> int:
        """How many connections there are."""
        return len(self._lines)

    def routes(self) -> list[BaseRoute]:
        """Give the routes of both steps."""
        return [
            Route("/callback/ws/endpoint", self._endpoint, methods=["POST"]),
            WebSocketRoute("/callback/ws/connect", self._serve),
        ]

    async def until_connected(self, timeout_s: float = 5.0) -> None:
        """Wait for a connection. TimeoutError if none comes."""
        async with asyncio.timeout(timeout_s):
            while not self._lines:
                await self._changed.wait()

    async def post(self, payload: dict[str, Any], key: str, kind: str) -> httpx.Response | None:
        """Send an event over one connection; give the answer as a webhook's, None if it was late or never sent."""
        fault = await self._faults.strike("webhook")
        if not self._lines or (fault and (fault.refuse or fault.answers_error)):
            self._record(key, kind, "withheld" if fault else "unreachable", None)
            return None
        line, message_id = secrets.choice(self._lines), secrets.token_hex(8)
        answer = line.waiting[message_id] = asyncio.get_running_loop().create_future()
        await self._send(line, json.dumps(payload, ensure_ascii=False).encode(), message_id)
        try:
            frame = await asyncio.wait_for(answer, self._limit_s)
        except (TimeoutError, ConnectionError):
            self._record(key, kind, "late", None)
            return None
        finally:
            line.waiting.pop(message_id, None)
        response = self._read_answer(frame)
        if fault and fault.drop:
            self._record(key, kind, "late", response.status_code)
            return None
        self._record(key, kind, "answered" if response.is_success else "refused", response.status_code)
        return response

    async def cut(self) -> None:
        """Break every connection, as networks do."""
        for line in list(self._lines):
            self._lines.remove(line)
            await line.socket.close(1011)

    async def _endpoint(self, request: Request) -> Response:
        fault = await self._faults.strike("endpoint")
        body = await request.json()
        code = 0 if body == self._app else _NO_CREDENTIAL
        if fault and fault.answers_error:
            code = fault.code or 1
        elif len(self._lines) >= CONNECTIONS_LIMIT:
            code = _TOO_MANY
        self._ledger.called(ApiCall("feishu", "endpoint", request.url.path, self._clock(), 200, code, {}))
        if code:
            return JSONResponse({"code": code, "msg": "refused", "data": {}})
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        where = request.url.replace(scheme="ws", path="/callback/ws/connect")
        url = f"{where}?device_id={secrets.randbelow(10**9)}&service_id={SERVICE}&ticket={ticket}"
        config = {"ReconnectCount": -1, "ReconnectInterval": 120, "ReconnectNonce": 30}
        config["PingInterval"] = self.ping_every_s
        return JSONResponse({"code": 0, "msg": "", "data": {"URL": url, "ClientConfig": config}})

    async def _serve(self, socket: WebSocket) -> None:
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(1008)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        line = _Line(socket)
        self._lines.append(line)
        self.connections += 1
        self._tell()
        try:
            while True:
                await self._heard(line, await socket.receive_bytes())
        except (WebSocketDisconnect, RuntimeError):
            return  # RuntimeError: the socket was closed under the loop
        finally:
            if line in self._lines:
                self._lines.remove(line)
            for answer in line.waiting.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError())

    async def _heard(self, line: _Line, raw: bytes) -> None:
        frame = decoded(raw)
        if frame.missing or frame.service != SERVICE:
            self._ledger.violation(f"feishu frame without {frame.missing}, service {frame.service}")
        if frame.method == CONTROL:
            self.pings += frame.headers.get("type") == "ping"
            self._tell()
            config = json.dumps({"PingInterval": self.ping_every_s}).encode()
            await line.socket.send_bytes(WireFrame(CONTROL, {"type": "pong"}, config, service=SERVICE).encoded())
            return
        waiting = line.waiting.get(frame.headers.get("message_id", ""))
        if "biz_rt" not in frame.headers:
            self._ledger.violation("feishu answer frame without biz_rt")
        if waiting is not None and not waiting.done():
            waiting.set_result(frame)

    async def _send(self, line: _Line, payload: bytes, message_id: str) -> None:
        size = self.piece_bytes or len(payload)
        pieces = [payload[start : start + size] for start in range(0, len(payload), size)]
        for seq, piece in enumerate(pieces):
            headers = {"type": "event", "message_id": message_id, "trace_id": secrets.token_hex(8)}
            headers |= {"sum": str(len(pieces)), "seq": str(seq)}
            frame = WireFrame(DATA, headers, piece, seq_id=seq + 1, log_id=7, service=SERVICE)
            await line.socket.send_bytes(frame.encoded())

    def _read_answer(self, frame: WireFrame) -> httpx.Response:
        try:
            said = json.loads(frame.payload)
            return httpx.Response(said["code"], content=base64.b64decode(said.get("data", "")))
        except (ValueError, KeyError, TypeError) as broken:
            self._ledger.violation(f"feishu answer frame cannot be read: {broken!r}")
            return httpx.Response(500)

    def _record(self, key: str, kind: str, outcome: Any, status: int | None) -> None:
        self._ledger.delivered(Delivery("feishu", key, kind, self._clock(), outcome, status))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
