"""One gateway as a channel: signed events come in, signed commands go out by post or are fetched."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from starlette.requests import Request
from starlette.responses import Response

from channels.bridge.account import PLATFORM, BridgeSettings
from channels.bridge.client import BridgeClient
from channels.bridge.envelope import BridgeEnvelope
from channels.bridge.errands import Errands
from channels.bridge.news import News
from channels.bridge.outbound import to_commands
from channels.bridge.webhook import BridgeWebhook
from channels.channel import Capabilities, Intake, Receipt
from channels.wechat_api import WechatFile
from conversation.messages import OutgoingMessage
from store.database import Database

__all__ = ["BridgeChannel", "BridgeSettings"]


class BridgeChannel:
    """A `Channel`. The HTTP client is its giver's to close."""

    platform = PLATFORM

    def __init__(
        self,
        settings: BridgeSettings,
        *,
        intake: Intake,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
    ) -> None:
        self.account = settings.account
        # A command's id is the idempotency key: a gateway does each command once, however often it gets it.
        self.capabilities = Capabilities(cards=False, max_text_bytes=settings.max_text_bytes, resend_is_safe=True)
        self._settings = settings
        envelope = BridgeEnvelope(settings.secret, settings.previous_secret, bridge_id=settings.known_as, clock=clock)
        waiting, settled = News(), News()
        self._client = BridgeClient(client, settings, envelope)
        self._errands = Errands(
            settings, client=self._client, database=database, clock=clock, waiting=waiting, settled=settled
        )
        self._webhook = BridgeWebhook(
            settings,
            intake=intake,
            database=database,
            clock=clock,
            envelope=envelope,
            waiting=waiting,
            settled=settled,
        )

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when what came cannot be kept now."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. A long text leaves as several commands, each once the one before is delivered.

        The receipt names the first message. Nothing is sent where nothing is to be said.
        """
        ids = [await self._errands.run(command) for command in to_commands(message, idempotency_key, self._settings)]
        return Receipt(next((one for one in ids if one), ""))

    async def media(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference. See `BridgeClient.file` for the errors."""
        return await self._client.file(reference)

    async def close(self) -> None:
        """See `Channel.close`."""
