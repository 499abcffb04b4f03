"""The website widget as a channel: pages post what visitors write, answers wait in a mailbox until a page has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from channels.channel import Capabilities, Intake, Receipt
from channels.web_widget import mailbox, pictures
from channels.web_widget.account import PLATFORM, WebWidgetSettings
from channels.web_widget.bell import Bell
from channels.web_widget.events import Events
from channels.web_widget.outbound import TEXT_LIMIT, line_id_of, lines_of
from channels.web_widget.pictures import Picture
from channels.web_widget.webhook import WebWidgetWebhook
from conversation.errors import GiveUp
from conversation.messages import OutgoingMessage
from store.database import Database

__all__ = ["WebWidgetChannel", "WebWidgetSettings"]


class WebWidgetChannel:
    """One widget. Sending is writing into the visitor's mailbox: it cannot fail half, and a repeat finds its line."""

    platform = PLATFORM
    capabilities = Capabilities(cards=True, max_text_bytes=TEXT_LIMIT, resend_is_safe=True)

    def __init__(
        self,
        settings: WebWidgetSettings,
        *,
        intake: Intake,
        database: Database,
        clock: Callable[[], float],
        leaving: asyncio.Event | None = None,
    ) -> None:
        """`leaving` is set when the process is asked to stop: open streams end at once instead of holding it up."""
        self.account = settings.account
        self._keep_s = settings.keep_days * 86400.0
        self._database = database
        self._clock = clock
        self._bell = Bell(database, leaving or asyncio.Event())
        self._webhook = WebWidgetWebhook(
            settings,
            intake=intake,
            database=database,
            events=Events(database, self._bell),
            ring=self._bell.ring,
            clock=clock,
        )

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`; GET gives the script, POST with `?do=` is a call of a visitor's page."""
        return await self._webhook.receive(request)

    def script(self, request: Request) -> Response:
        """The script that a website includes."""
        return self._webhook.script(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`."""
        visitor_id, now = message.room.chat_id, self._clock()

        def deliver(connection: Connection) -> None:
            speaker = mailbox.speaker_of(connection, idempotency_key)
            for line in lines_of(message, idempotency_key, speaker, now):
                mailbox.put(connection, self.account, visitor_id, line)

        await self._database.write(deliver)
        self._bell.ring(visitor_id)
        return Receipt(line_id_of(idempotency_key))

    async def media(self, reference: str) -> Picture:
        """The picture behind an attachment's reference. Raises `GiveUp` when it is gone."""
        found = await self._database.read(lambda connection: pictures.find(connection, reference))
        if found is None:
            raise GiveUp("the picture is no longer kept")
        return found

    async def forget(self, now: float) -> int:
        """Forgets what is older than `keep_days`; gives how many visitors went. For a timer, every hour or so."""
        before, account = now - self._keep_s, self.account

        def clear(connection: Connection) -> int:
            pictures.forget(connection, account, before=before)
            return mailbox.forget(connection, account, before=before)

        return await self._database.write(clear)

    async def erase(self, visitor_id: str) -> None:
        """Forgets one visitor altogether."""

        def clear(connection: Connection) -> None:
            pictures.erase(connection, visitor_id)
            mailbox.erase(connection, visitor_id)

        await self._database.write(clear)

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._bell.close()
