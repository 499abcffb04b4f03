"""Feishu's long connection: events and pressed cards come over a websocket that we open, instead of webhooks.

Written against the protocol of the vendor's SDK, which blocks a thread of its own and passes cards over. Protocol:
https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from channels.feishu.envelope import Event
from channels.feishu.frames import CONTROL, EVENT_LIMIT, BrokenFrame, Frame, Parts, ping, read_frame, write_frame
from channels.feishu.reception import Reception
from channels.feishu.settings import FeishuSettings
from channels.reconnecting import Pauses, Reconnecting
from conversation.errors import HuiyingError, RefusedInput, RetryLater
from tools.feishu_values import as_dict, as_number, as_text, moment

logger = structlog.get_logger(__name__)

_OPEN_WITHIN_S = 10.0
_CLOSE_WITHIN_S = 2.0
_PING_EVERY_S = 120.0
#: Codes that no repetition heals: wrong credentials, an app that may not connect, too many connections of it.
_REFUSED = frozenset({403, 514, 1000040343, 1000040344, 1000040350})
_REFUSED_PAUSE_S = 60.0
_DRAIN_S = 3.0


class FeishuConnection:
    """One of an app's connections; there may be fifty, and each event comes over one of them."""

    def __init__(
        self,
        settings: FeishuSettings,
        reception: Reception,
        client: httpx.AsyncClient,
        *,
        pauses: Pauses,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._reception = reception
        self._client = client
        self._clock = clock
        self._pauses = pauses
        self._ping_every_s = _PING_EVERY_S
        self._taking: set[asyncio.Task[None]] = set()
        self._kept = Reconnecting(f"feishu:{settings.account}", self._session, pauses)

    @property
    def problem(self) -> str:
        """Why there is no connection now, in words; empty when there is one."""
        return self._kept.problem

    def start(self) -> None:
        """Begins to connect."""
        self._kept.start()

    async def close(self) -> None:
        """Closes the connection for good. An event whose answer did not get out is delivered again, by Feishu."""
        if self._taking:
            await asyncio.wait(set(self._taking), timeout=_DRAIN_S)
        await self._kept.close()
        for task in self._taking:
            task.cancel()
        await asyncio.gather(*self._taking, return_exceptions=True)

    async def _session(self) -> None:
        """One connection from its opening to its end; always ends by raising."""
        url = await self._endpoint()
        service = as_number(parse_qs(urlsplit(url).query).get("service_id", [""])[0])
        try:
            async with connect(
                url, open_timeout=_OPEN_WITHIN_S, close_timeout=_CLOSE_WITHIN_S, max_size=2 * EVENT_LIMIT
            ) as socket:
                self._kept.is_up()
                await self._spent(socket, service)
        except InvalidStatus as refused:
            said = refused.response.headers.get("handshake-msg", "")
            raise RetryLater(f"Feishu refuses the connection: {said or refused.response.status_code}") from None
        # `from None`: the address in the chain holds a ticket.
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI, ConnectionClosed) as lost:
            raise RetryLater(f"Feishu cannot be reached: {type(lost).__name__}") from None

    async def _endpoint(self) -> str:
        """Asks where to connect to; the address holds a ticket and is a secret."""
        domain, body = self._settings.domain.rstrip("/"), {"AppID": self._settings.app_id}
        body["AppSecret"] = self._settings.app_secret
        try:
            url, headers = f"{domain}/callback/ws/endpoint", {"locale": "zh"}
            answer = await self._client.post(url, json=body, headers=headers, timeout=_OPEN_WITHIN_S)
            said = as_dict(orjson.loads(answer.content))
        except httpx.HTTPError as lost:
            raise RetryLater(f"Feishu cannot be reached: {type(lost).__name__}") from None
        except orjson.JSONDecodeError:
            raise RetryLater(f"Feishu answers {answer.status_code} without JSON") from None
        code, found = as_number(said.get("code")), as_dict(said.get("data"))
        where = as_text(found.get("URL"))
        if answer.status_code != 200 or code != 0 or not where:
            cure = "check app_id, app_secret, and that 订阅方式 is 长连接; an app has at most 50 connections"
            reason = f"Feishu gives no address to connect to: {answer.status_code}, code {code}: {said.get('msg')}"
            raise RetryLater(f"{reason} ({cure})", _REFUSED_PAUSE_S if code in _REFUSED else None)
        if not where.startswith("wss://" if domain.startswith("https://") else ("ws://", "wss://")):
            raise RetryLater("Feishu names an address without TLS", _REFUSED_PAUSE_S)
        self._configure(as_dict(found.get("ClientConfig")))
        return where

    def _configure(self, config: dict[str, Any]) -> None:
        self._ping_every_s = as_number(config.get("PingInterval")) or self._ping_every_s
        self._pauses.longest_s = float(as_number(config.get("ReconnectInterval")) or self._pauses.longest_s)

    async def _spent(self, socket: ClientConnection, service: int) -> None:
        pinging = asyncio.create_task(self._ping(socket, service))
        parts = Parts()
        try:
            async for raw in socket:
                try:
                    self._heard(socket, read_frame(raw if isinstance(raw, bytes) else raw.encode()), parts)
                except BrokenFrame as broken:
                    logger.warning("feishu.no_frame", account=self._settings.account, reason=str(broken))
        finally:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)
        raise RetryLater("Feishu closed the connection")

    async def _ping(self, socket: ClientConnection, service: int) -> None:
        while True:
            await socket.send(write_frame(ping(service)))
            await asyncio.sleep(self._ping_every_s)

    def _heard(self, socket: ClientConnection, frame: Frame, parts: Parts) -> None:
        kind = frame.header("type")
        if frame.method == CONTROL:
            if kind == "pong" and frame.payload:
                self._configure(as_dict(_json(frame.payload)))
            return
        payload = parts.whole(frame, asyncio.get_running_loop().time())
        if payload is None:
            return
        if kind not in ("event", "card"):
            logger.info("feishu.unsupported_frame", account=self._settings.account, kind=kind)
            return
        task = asyncio.create_task(self._answer(socket, frame, payload))
        self._taking.add(task)
        task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Task[None]) -> None:
        self._taking.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            # No answer went out: Feishu delivers the event again.
            logger.error("feishu.fault", account=self._settings.account, error=repr(fault))

    async def _answer(self, socket: ClientConnection, frame: Frame, payload: bytes) -> None:
        began = self._clock()
        try:
            body = await self._reception.take(self._event(payload))
            said: dict[str, Any] = {"code": 200}
            if body:
                said["data"] = base64.b64encode(orjson.dumps(body)).decode()
        except HuiyingError as failed:
            # Anything but 200 makes Feishu deliver again: better late than acknowledged and lost.
            logger.warning("feishu.not_taken", account=self._settings.account, reason=str(failed))
            said = {"code": 500}
        answer = frame.answered(orjson.dumps(said), max(0, round((self._clock() - began) * 1000)))
        try:
            await socket.send(write_frame(answer))
        except ConnectionClosed:
            logger.info("feishu.answer_not_sent", account=self._settings.account)

    def _event(self, payload: bytes) -> Event:
        """The event in a payload, which is neither signed nor encrypted: TLS to Feishu is its proof."""
        value = as_dict(_json(payload))
        if not value:
            raise RefusedInput("the payload is no JSON object")
        header, body = as_dict(value.get("header")), as_dict(value.get("event"))
        app_id = as_text(header.get("app_id"))
        if app_id and app_id != self._settings.app_id:
            raise RefusedInput("the event is meant for another app", 403)
        return Event(
            type=as_text(header.get("event_type")) or as_text(body.get("type")),
            event_id=as_text(header.get("event_id")) or as_text(value.get("uuid")),
            created_at=moment(header.get("create_time")),
            body=body,
        )


def _json(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
