"""One call of a gateway: an event, a receipt, an acknowledgement, or the question for commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from channels.bridge import commands
from channels.bridge.account import BridgeSettings
from channels.bridge.commands import Known
from channels.bridge.envelope import BridgeEnvelope
from channels.bridge.inbound import Event, of_bot, translate
from channels.bridge.news import News, came
from channels.bridge.reading import Json, json_object, text
from channels.bridge.receipts import read_acks, read_receipt
from channels.channel import Intake
from channels.request_body import read_body
from conversation.errors import RefusedInput, RetryLater
from conversation.messages import IncomingMessage
from store.database import Database

logger = structlog.get_logger(__name__)

#: A gateway that fetched commands has this long to say so; then they are offered again.
LEASE_S = 30.0
WAIT_LIMIT_S, WAIT_S = 25.0, 20.0
OFFER_LIMIT, OFFER = 50, 10
#: How often a waiting poll looks for commands that another process wrote.
LOOK_EVERY_S = 0.5
_EVENTS = frozenset({"bridge.message.v1", "bridge.event.v1"})

Answer = dict[str, object]


class BridgeWebhook:
    """The address that one gateway posts to and polls."""

    def __init__(
        self,
        settings: BridgeSettings,
        *,
        intake: Intake,
        database: Database,
        clock: Callable[[], float],
        envelope: BridgeEnvelope,
        waiting: News,
        settled: News,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._database = database
        self._clock = clock
        self._envelope = envelope
        self._waiting = waiting
        self._settled = settled

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when what came cannot be kept now."""
        body = await read_body(request)
        nonce = self._envelope.check(request.headers, body)
        try:
            if request.method == "GET":
                return await self._polled(request)
            return JSONResponse(await self._answer(json_object(body)))
        except RetryLater:
            self._envelope.give_back(nonce)
            raise

    async def _answer(self, payload: Json) -> Answer:
        schema = text(payload, "schema")
        if schema in _EVENTS:
            return await self._happened(payload)
        if schema == "bridge.receipt.v1":
            return await self._receipted(payload)
        if schema == "bridge.ack.v1":
            ids = read_acks(payload)
            taken = await self._database.write(lambda connection: commands.take(connection, self._account, ids))
            logger.debug("bridge.taken", account=self._account, asked=len(ids), taken=taken)
            self._settled.tell()
            return {"accepted": True, "duplicate": taken == 0}
        raise RefusedInput("the body's schema is none of bridge.message.v1, event.v1, receipt.v1, ack.v1")

    async def _happened(self, payload: Json) -> Answer:
        """Keeps what an event brings, then enters its id in the ledger: losing the second step costs no duplicate."""
        now = self._clock()
        event = translate(payload, self._settings, now)
        known = await self._known(event)
        if known.event:
            logger.info("bridge.repeated", account=self._account, event_id=event.event_id)
            return {"accepted": True, "duplicate": True}
        if event.ignored or known.ours:
            self._remark(event)
            fresh = True
        else:
            items = [
                of_bot(one) if known.answers_ours and isinstance(one, IncomingMessage) else one for one in event.items
            ]
            fresh = any(await self._intake.put(items))
        remember = partial(commands.remember, account=self._account, event_id=event.event_id, now=now)
        await self._database.write(remember)
        return {"accepted": True, "duplicate": not fresh}

    async def _known(self, event: Event) -> Known:
        return await self._database.read(
            partial(
                commands.knows,
                account=self._account,
                event_id=event.event_id,
                message_id=event.message_id,
                quoted_id=event.quoted_id,
            )
        )

    def _remark(self, event: Event) -> None:
        reason = event.ignored or "our own words come back"
        logger.info("bridge.unsupported", account=self._account, event_id=event.event_id, reason=reason)

    async def _receipted(self, payload: Json) -> Answer:
        note, now = read_receipt(payload), self._clock()
        log = logger.bind(account=self._account, command_id=str(payload["command_id"]))
        if note is None:
            ids = [str(payload["command_id"])]
            news = await self._database.write(lambda connection: commands.take(connection, self._account, ids)) > 0
        else:
            news = await self._database.write(lambda connection: commands.settle(connection, self._account, note, now))
        if note is not None and not note.delivered and news:
            log.warning("bridge.command_failed", code=note.error_code)
        else:
            log.debug("bridge.receipt", news=news)
        self._settled.tell()
        return {"accepted": True, "duplicate": not news}

    async def _polled(self, request: Request) -> Response:
        """The commands that wait, signed; waits for one where there is none."""
        if not self._settings.pulls:
            raise RefusedInput("commands of this account are posted to its api_base, not fetched", 405)
        wait_s = _number(request, "wait", WAIT_S, WAIT_LIMIT_S)
        limit = int(_number(request, "limit", OFFER, OFFER_LIMIT))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            event = self._waiting.next()
            bodies = await self._offered(limit)
            left = deadline - loop.time()
            if bodies or left <= 0:
                break
            await came(event, min(left, LOOK_EVERY_S))
            if await request.is_disconnected():
                break
        content = b'{"commands":[' + b",".join(bodies) + b"]}"
        return Response(content, headers=self._envelope.headers(content))

    async def _offered(self, limit: int) -> list[bytes]:
        now = self._clock()
        return await self._database.write(
            partial(commands.offer, account=self._account, now=now, lease_s=LEASE_S, limit=limit)
        )

    @property
    def _account(self) -> str:
        return self._settings.account


def _number(request: Request, name: str, default: float, most: float) -> float:
    given = request.query_params.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 6):
        raise RefusedInput(f"{name} must be a whole number")
    return min(float(given), most)
