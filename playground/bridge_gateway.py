"""The command side of the gateway double: takes commands by post or by polling, does each once, sends receipts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.bridge_wire import BridgeWire, json_object, packed
from playground.courier import Courier
from playground.faults import Faults, LostAnswer
from playground.ledger import ApiCall, DoubleLedger

Json = dict[str, Any]
#: Bytes that this gateway takes in one text; the service's default for a bridge account is the same.
TEXT_LIMIT = 4096


class BridgeGateway:
    """Commands of one chat account. `send_receipts` False makes it a gateway that never says what became of one."""

    def __init__(
        self,
        callback_url: str,
        client: httpx.AsyncClient,
        wire: BridgeWire,
        courier: Courier,
        ledger: DoubleLedger,
        faults: Faults,
        *,
        bot: tuple[str, str],
        clock: Callable[[], float],
    ) -> None:
        self.send_receipts = True
        self.offers: dict[str, Json] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self._callback_url = callback_url
        self._client = client
        self._wire = wire
        self._courier = courier
        self._ledger = ledger
        self._faults = faults
        self._bot_id, self._bot_name = bot
        self._clock = clock
        self._done: dict[str, Json] = {}
        self._failures: list[Json] = []
        self._posting: set[asyncio.Task[None]] = set()
        self._numbers: Iterator[int] = itertools.count(1)
        self.app = Starlette(
            routes=[
                Route("/commands", self._take, methods=["POST"]),
                Route("/files/{name}", self._serve, methods=["GET"]),
            ]
        )

    def fail_next(self, code: str, retry_after_s: float | None = None) -> None:
        """The next command cannot be done; its receipt says so."""
        self._failures.append({"code": code, "retry_after_s": retry_after_s, "message": "on request"})

    async def pull(self, *, wait: int = 0, acknowledge: bool = True, act: bool = True) -> list[Json]:
        """Asks for commands once, takes them and does them; gives them as they came."""
        answer = await self._client.get(
            self._callback_url, params={"wait": str(wait)}, headers=self._wire.headers(b""), timeout=wait + 10.0
        )
        if answer.status_code != 200:
            return []
        if problem := self._wire.problem(answer.headers, answer.content):
            self._ledger.violation(f"bridge: an unproven list of commands: {problem}")
            return []
        commands: list[Json] = answer.json()["commands"]
        ids = [command["command_id"] for command in commands]
        if acknowledge and ids:
            await self.post({"schema": "bridge.ack.v1", "command_ids": ids}, key=ids[0], kind="ack")
        for command in commands if act else ():
            self._do(command)
        return commands

    async def tap(self, command_id: str) -> str:
        """A person sends the offered draft; gives the message's id. KeyError when nothing was offered under it."""
        offer = self.offers.pop(command_id)
        message_id = self._show(offer, sender=("staff-1", "客服小李"), role="staff")
        await self._receipt(command_id, {"status": "delivered", "gateway_message_id": message_id, "error": None})
        return message_id

    async def post(self, payload: Json, *, key: str, kind: str) -> httpx.Response | None:
        """One signed post to the service; None when it came too late or not at all."""
        body = packed(payload)
        return await self._courier.post(self._callback_url, key, kind, content=body, headers=self._wire.headers(body))

    async def settled(self) -> None:
        """Waits until every receipt is posted."""
        while self._posting:
            await asyncio.wait(set(self._posting))

    async def aclose(self) -> None:
        """Stops posting."""
        for task in list(self._posting):
            task.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)

    async def _take(self, request: Request) -> Response:
        fault = await self._faults.strike("command")
        if fault and fault.refuse:
            return LostAnswer()
        raw = await request.body()
        command = json_object(raw)
        if fault and fault.answers_error:
            status = 429 if fault.rate_limited else fault.http or 503
            answer: Response = PlainTextResponse("fault on request", status, fault.headers)
        elif problem := self._wire.problem(request.headers, raw):
            self._ledger.violation(f"bridge: an unproven command: {problem}")
            answer = PlainTextResponse(problem, 401)
        elif command is None or command.get("schema") != "bridge.command.v1":
            answer = PlainTextResponse("no command", 400)
        else:
            answer = JSONResponse({"accepted": True, "duplicate": self._do(command)}, 202)
        called = ApiCall("bridge", "command", "/commands", self._clock(), answer.status_code, None, command or {})
        self._ledger.called(called)
        return LostAnswer() if fault and fault.drop else answer

    def _do(self, command: Json) -> bool:
        """Does a command unless it was done, and posts its receipt; True for one that was done before."""
        command_id = command["command_id"]
        known = self._done.get(command_id)
        # What failed may be asked for again; what was delivered is only said again.
        repeated = known is not None and known["status"] == "delivered"
        told = known if repeated else self._outcome(command)
        if told is not None:
            self._done[command_id] = told
            self._start(self._receipt(command_id, told))
        return repeated

    def _outcome(self, command: Json) -> Json | None:
        """What becomes of a command; None where nothing has yet."""
        message = command["message"]
        if len(str(message.get("text", "")).encode()) > TEXT_LIMIT:
            self._ledger.violation(f"bridge: command {command['command_id']} is longer than {TEXT_LIMIT} bytes")
            return _failed({"code": "too_long", "retry_after_s": None})
        if self._failures:
            return _failed(self._failures.pop(0))
        if datetime.fromisoformat(command["expires_at"]).timestamp() < self._clock():
            return _failed({"code": "expired", "retry_after_s": None})
        if command["command"] == "message.offer":
            self.offers[command["command_id"]] = command
            return None
        if command["command"] != "message.send":
            return _failed({"code": "unsupported", "retry_after_s": None})
        message_id = self._show(command, sender=(self._bot_id, self._bot_name), role="bot")
        return {"status": "delivered", "gateway_message_id": message_id, "error": None}

    def _show(self, command: Json, *, sender: tuple[str, str], role: Any) -> str:
        message, message_id = command["message"], f"wxmsg-ours-{next(self._numbers)}"
        mentions = "".join(f"@{one['display_name']}\u2005" for one in message.get("mentions", ()))
        self._ledger.add(
            platform="bridge",
            chat_id=command["conversation_id"],
            message_id=message_id,
            sender=sender[0],
            sender_name=sender[1],
            sender_role=role,
            kind=message["type"],
            text=mentions + str(message.get("text") or message.get("url", "")),
            at=self._clock(),
            reply_to=command.get("reply_to"),
        )
        return message_id

    async def _receipt(self, command_id: str, told: Json) -> None:
        if self.send_receipts:
            receipt = {"schema": "bridge.receipt.v1", "command_id": command_id, **told}
            await self.post(receipt, key=command_id, kind="receipt")

    def _start(self, posting: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(posting)
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _serve(self, request: Request) -> Response:
        found = self.files.get(request.path_params["name"])
        return Response(found[1], media_type=found[0]) if found else PlainTextResponse("gone", 404)


def _failed(error: Json) -> Json:
    return {"status": "failed", "gateway_message_id": None, "error": error}
