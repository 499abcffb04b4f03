"""The WeCom 智能机器人 as a channel on its long connection: no public address, no encryption, answers at any time.

Protocol: https://developer.work.weixin.qq.com/document/path/101463. Inbound through `reception`, outbound through
`answers`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import Response

from channels.channel import Capabilities, CardPress, CardPresses, Intake, Receipt
from channels.reconnecting import Pauses
from channels.wecom_bot import outbound
from channels.wecom_bot.account import PLATFORM, BubbleWords, WecomBotSettings
from channels.wecom_bot.answers import Answers
from channels.wecom_bot.bubbles import Bubbles
from channels.wecom_bot.client import WecomBotClient
from channels.wecom_bot.connection import ANSWER_WITHIN_S, PING_EVERY_S, BotConnection
from channels.wecom_bot.frames import RESPOND, UPDATE, WELCOME, Frame
from channels.wecom_bot.inbound import Translated, translate
from channels.wecom_bot.lanes import Lanes
from channels.wecom_bot.reception import Reception
from conversation.errors import BadSettings, HuiyingError, RefusedInput, RetryLater
from conversation.messages import IncomingMessage, OutgoingMessage, RoomEvent
from store.database import Database

logger = structlog.get_logger(__name__)

#: Bubbles are looked over this often; half a minute lies between our limit and the platform's.
LATE_EVERY_S = 5.0
#: How long a stop waits for what came in and is not kept yet.
_DRAIN_S = 5.0
_KEEP_PAUSE_S = 10.0


class LongConnectionChannel:
    """One bot on its long connection. Only one process may hold it, and answers leave by that process alone."""

    platform = PLATFORM
    # An active send whose answer was lost cannot be repeated without showing it twice; 30 a minute: path/101463.
    capabilities = Capabilities(cards=True, max_text_bytes=outbound.CONTENT_LIMIT, resend_is_safe=False, per_minute=30)

    def __init__(
        self,
        settings: WecomBotSettings,
        *,
        intake: Intake,
        presses: CardPresses,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        words: BubbleWords | None = None,
        chance: Callable[[], float] = random.random,
        first_pause_s: float = 1.0,
        ping_every_s: float = PING_EVERY_S,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        if settings.mode != "long_connection":
            raise BadSettings(f"wecom_bot account {settings.account!r} is set to webhooks")
        self.account = settings.account
        self._settings = settings
        self._clock = clock
        self._chance, self._first_pause_s = chance, first_pause_s
        words, bubbles = words or BubbleWords(), Bubbles()
        self._line = BotConnection(
            settings,
            self._heard,
            pauses=Pauses(chance, first_pause_s),
            ping_every_s=ping_every_s,
            answer_within_s=answer_within_s,
        )
        self._reception = Reception(
            settings, intake=intake, presses=presses, database=database, words=words, bubbles=bubbles
        )
        self._answers = Answers(settings, self._line, database=database, clock=clock, words=words, bubbles=bubbles)
        self._files = WecomBotClient(
            client, api_base=settings.api_base, extra_hosts=settings.extra_hosts, media_keys=()
        )
        self._lanes = Lanes()
        self._watch: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        """Why there is no connection now, in words for an operator; empty when there is one."""
        return self._line.problem

    async def start(self) -> None:
        """See `Connects.start`."""
        self._line.start()
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_bubbles())

    async def receive(self, request: Request) -> Response:
        """No webhook may come: raises `RefusedInput` 404."""
        raise RefusedInput("this bot is set to the long connection, but somebody posts to its callback URL", 404)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. The receipt of an answer in a bubble is also the subject of a later thumb."""
        return await self._answers.send(message, idempotency_key)

    async def late(self, now: float) -> int:
        """Ends bubbles that wait too long, as the watch does by itself; gives how many."""
        return await self._answers.late(now)

    async def media(self, reference: str) -> bytes:
        """The file behind an attachment's reference, decrypted. See `WecomBotClient.media` for the errors."""
        return await self._files.media(reference)

    async def close(self) -> None:
        """See `Connects.close`. The HTTP client is its giver's to close."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._line.close()
        if lost := await self._lanes.drain(_DRAIN_S):
            logger.error("wecom_bot.lost_at_stop", account=self.account, messages=lost)

    def _heard(self, frame: Frame) -> None:
        """Takes a message or event in; everything that may take time happens beside the reading."""
        settings = self._settings
        said = translate(
            frame.body, account=settings.account, bot_name=settings.bot_name, now=self._clock(), req_id=frame.req_id
        )
        # A press is answered within seconds, whatever else its lane waits for.
        lane = said.lane if isinstance(said, IncomingMessage | RoomEvent) else ""
        if not self._lanes.add(lane, self._taken_in(said, frame.req_id)):
            logger.error("wecom_bot.not_kept", account=self.account, message_id=str(frame.body.get("msgid", "")))

    async def _taken_in(self, said: Translated, req_id: str) -> None:
        """Keeps what came in, however long that takes (the platform says it only once), and answers."""
        pauses = Pauses(self._chance, self._first_pause_s, _KEEP_PAUSE_S)
        while True:
            try:
                answer = await self._reception.answer(said, self._clock())
                break
            except HuiyingError as failed:
                logger.error("wecom_bot.not_kept_yet", account=self.account, reason=str(failed))
                if isinstance(said, CardPress) or not isinstance(failed, RetryLater):
                    return
            await asyncio.sleep(pauses.next_s())
        if answer is not None:
            await self._answered(said, answer, req_id)

    async def _answered(self, said: Translated, answer: outbound.Json, req_id: str) -> None:
        cmd = UPDATE if isinstance(said, CardPress) else WELCOME if isinstance(said, RoomEvent) else RESPOND
        try:
            await self._line.call(cmd, answer, req_id)
        except HuiyingError as failed:
            # What is missing here is a courtesy: the answer itself opens the bubble too.
            logger.info("wecom_bot.not_shown", account=self.account, cmd=cmd, reason=str(failed))

    async def _watch_bubbles(self) -> None:
        while True:
            await asyncio.sleep(LATE_EVERY_S)
            try:
                await self._answers.late(self._clock())
            except HuiyingError as failed:
                logger.warning("wecom_bot.bubbles_not_looked_over", account=self.account, reason=str(failed))
