"""Sees one command through: written down, handed to the gateway, and waited for until a receipt comes.

The outbox calls again while there is none; a command is the same command then, so a gateway does it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from channels.bridge import commands
from channels.bridge.account import BridgeSettings
from channels.bridge.client import BridgeClient
from channels.bridge.commands import FAILED, TAKEN, CommandRow
from channels.bridge.news import News, came
from channels.bridge.outbound import Command
from channels.bridge.receipts import read_receipt
from conversation.errors import FateUnknown, GiveUp, RefusedInput, RetryLater
from store.database import Database

logger = structlog.get_logger(__name__)

#: So many sends may wait for a receipt at once: a gateway that sleeps must not keep other platforms' sends waiting.
WAITERS = 8
#: How often a waiting send looks for a receipt that another process took.
LOOK_EVERY_S = 0.5


class Errands:
    """The commands of one account on their way."""

    def __init__(
        self,
        settings: BridgeSettings,
        *,
        client: BridgeClient,
        database: Database,
        clock: Callable[[], float],
        waiting: News,
        settled: News,
    ) -> None:
        self._settings = settings
        self._client = client
        self._database = database
        self._clock = clock
        self._waiting = waiting
        self._settled = settled
        self._waiters = asyncio.Semaphore(WAITERS)

    async def run(self, command: Command) -> str:
        """The gateway's id of the message once it is delivered; empty where the gateway names none.

        Raises `RetryLater` (surely not delivered yet), `FateUnknown` (no word from the gateway) or `GiveUp`.
        """
        row = await self._put(command)
        if self._enough(row):
            return self._verdict(row)
        if row.expires_at <= self._clock():
            fate = "it may have arrived" if row.offered else "it did not arrive"
            raise GiveUp(f"no word from the gateway until the message was too old to be shown: {fate}")
        if not self._settings.pulls:
            await self._hand_over(command, row)
        self._waiting.tell()
        return self._verdict(await self._news_of(command.command_id))

    async def _put(self, command: Command) -> CommandRow:
        settings, now = self._settings, self._clock()
        expires_s = settings.offer_expires_s if settings.tap else settings.expires_s
        return await self._database.write(
            lambda connection: commands.put(connection, command, account=settings.account, expires_s=expires_s, now=now)
        )

    async def _hand_over(self, command: Command, row: CommandRow) -> None:
        """Posts the command; a gateway that has it already says so again."""
        try:
            answer = await self._client.post(row.body)
        except RetryLater as later:
            if row.offered:
                raise FateUnknown(f"an earlier try may have arrived; now: {later}") from None
            raise
        except FateUnknown:
            now = self._clock()
            await self._database.write(lambda connection: commands.doubt(connection, command.command_id, now))
            raise
        if answer["accepted"] is not True:
            await self._settle(command, {"status": "failed", "error": answer.get("error")})
        elif isinstance(answer.get("receipt"), dict):
            await self._settle(command, answer["receipt"])
        else:
            await self._take(command)

    async def _take(self, command: Command) -> None:
        account = self._settings.account
        await self._database.write(lambda connection: commands.take(connection, account, [command.command_id]))

    async def _settle(self, command: Command, told: dict[str, object]) -> None:
        """Keeps a receipt that came with the answer; one that cannot be read is taken for a mere acknowledgement."""
        try:
            note = read_receipt({**told, "command_id": command.command_id})
        except RefusedInput as odd:
            logger.warning("bridge.odd_receipt", command_id=command.command_id, reason=odd.reason)
            note = None
        if note is None:
            await self._take(command)
            return
        account, now = self._settings.account, self._clock()
        await self._database.write(lambda connection: commands.settle(connection, account, note, now))

    async def _news_of(self, command_id: str) -> CommandRow:
        """The row once it has what we wait for, or as it is when the time is over."""
        if self._waiters.locked():
            return await self._look(command_id)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.receipt_wait_s
        async with self._waiters:
            while True:
                event = self._settled.next()
                row = await self._look(command_id)
                left = deadline - loop.time()
                if self._enough(row) or left <= 0:
                    return row
                await came(event, min(left, LOOK_EVERY_S))

    async def _look(self, command_id: str) -> CommandRow:
        return await self._database.read(lambda connection: commands.find(connection, command_id))

    def _enough(self, row: CommandRow) -> bool:
        """Whether nothing more is to be waited for: a draft, or a gateway without receipts, need only take it."""
        taken_is_done = self._settings.tap or not self._settings.receipts
        return row.settled or (row.status == TAKEN and taken_is_done)

    def _verdict(self, row: CommandRow) -> str:
        if row.status == FAILED and row.retry_at is not None:
            pause_s = max(0.0, row.retry_at - self._clock())
            raise RetryLater(f"the gateway could not send it now: {row.error_code}", pause_s)
        if row.status == FAILED:
            raise GiveUp(f"the gateway could not send it: {row.error_code}")
        if self._enough(row):
            return row.gateway_message_id
        if row.status == TAKEN:
            raise FateUnknown("the gateway has the message and has not said yet what became of it")
        raise FateUnknown("the gateway has not fetched the message yet")
