"""One Feishu app as a channel: builds its parts, receives webhooks, sends messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import Response

from channels.channel import Capabilities, CardPresses, Intake, Receipt
from channels.feishu.access_token import InMemoryTokenStore, TenantAccessToken, TokenStore
from channels.feishu.attachments import Attachments
from channels.feishu.client import BotIdentity, FeishuClient
from channels.feishu.outbound import TEXT_LIMIT, as_text_call, to_call
from channels.feishu.people import People
from channels.feishu.presses import PressAnswers
from channels.feishu.recent import RecentMessages
from channels.feishu.settings import PLATFORM, FeishuSettings
from channels.feishu.webhook import FeishuWebhook
from conversation.errors import GiveUp, HuiyingError, RefusedInput
from conversation.identity import Person, Speaker
from conversation.messages import Attachment, OutgoingMessage
from tools.feishu_api import FeishuApi, FeishuFile
from tools.feishu_errors import CARD_REFUSED, FeishuRefused

logger = structlog.get_logger(__name__)

#: An event must be answered within 3 s; asking who the bot is may take this much of it.
BOT_ID_WITHIN_S = 2.0
#: The message that was to be answered is gone: withdrawn, or not found.
_PARENT_GONE = frozenset({230011, 230030})


class FeishuChannel:
    """A `Channel`. The HTTP client is the caller's: `close` leaves it open, for it may serve others too.

    `tokens` is the app's token provider, open to the helpdesk adapter; `token_store` may be shared by processes.
    """

    platform: str = PLATFORM
    capabilities = Capabilities(
        cards=True, max_text_bytes=TEXT_LIMIT, resend_is_safe=True, per_second=5.0, updates_cards=True
    )

    def __init__(
        self,
        settings: FeishuSettings,
        *,
        intake: Intake,
        presses: CardPresses,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        token_store: TokenStore | None = None,
    ) -> None:
        self.account = settings.account
        self.tokens = TenantAccessToken(settings, client, token_store or InMemoryTokenStore(), clock)
        hosts = frozenset(settings.extra_hosts) | {urlsplit(settings.domain).netloc}
        self._client = FeishuClient(FeishuApi(client, settings.domain, self.tokens), hosts)
        self._attachments = Attachments(self._client)
        self._recent = RecentMessages()
        self._people = People(self._client, settings.app_id, clock)
        self._presses = PressAnswers(presses, self._client, self._people)
        self._bot = Person(settings.bot_open_id, settings.bot_name, Speaker.BOT)
        self._asking_bot = asyncio.Lock()
        self._webhook = FeishuWebhook(
            settings,
            intake=intake,
            presses=self._presses,
            people=self._people,
            recent=self._recent,
            bot_open_id=self._bot_open_id,
            clock=clock,
        )

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. Files follow the words as messages of their own; the receipt names the first message."""
        message_id = ""
        if message.card or message.text.strip() or not message.attachments:
            message_id = await self._send_words(message, idempotency_key)
            words = message.card.as_text() if message.card else message.text
            self._recent.remember(message_id, message.room, self._bot, words)
        for number, attachment in enumerate(message.attachments):
            sent_id = await self._send_file(message, attachment, f"{idempotency_key}:file{number}", bool(message_id))
            message_id = message_id or sent_id
        return Receipt(message_id or message.updates)

    async def fetch(self, attachment: Attachment) -> FeishuFile:
        """The bytes of a received attachment, e.g. for a customer on another platform. Raises as `send` does."""
        return await self._attachments.fetch(attachment)

    async def bot_identity(self) -> BotIdentity:
        """Asks Feishu who the bot is; proves that app_id, app_secret and bot ability are right."""
        return await self._client.bot()

    async def name_of(self, open_id: str) -> str:
        """What a person is called; empty when Feishu does not tell within a second."""
        return (await self._people.named(Person(open_id))).name

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._presses.close()
        await self._people.close()
        await self.tokens.close()

    async def _send_words(self, message: OutgoingMessage, key: str) -> str:
        try:
            return await self._client.send(to_call(message, key))
        except FeishuRefused as refused:
            if message.card and refused.code in CARD_REFUSED:
                logger.warning("feishu.card_refused", key=key, reason=str(refused))
                return await self._client.send(as_text_call(message, key))
            if message.in_thread and refused.code in _PARENT_GONE:
                # What belongs into a thread whose root is gone still has to reach the people in the room.
                logger.warning("feishu.thread_gone", key=key, root=message.reply_to)
                return await self._client.send(to_call(replace(message, reply_to="", in_thread=False), f"{key}:room"))
            raise

    async def _send_file(self, message: OutgoingMessage, attachment: Attachment, key: str, after_words: bool) -> str:
        try:
            return await self._attachments.send(message, attachment, key)
        except GiveUp as failed:
            if after_words:
                raise GiveUp(f"the words went out, a file did not: {failed}") from failed
            raise

    async def _bot_open_id(self) -> str:
        if self._bot.person_id:
            return self._bot.person_id
        try:
            # The wait for another call's question counts too: whoever asks is answered in time.
            async with asyncio.timeout(BOT_ID_WITHIN_S), self._asking_bot:
                if not self._bot.person_id:
                    bot = await self.bot_identity()
                    self._bot = Person(bot.open_id, bot.name, Speaker.BOT)
        except (HuiyingError, TimeoutError) as failed:
            # Feishu repeats an event that was refused; guessing by name could make the bot answer for others.
            raise RefusedInput(f"cannot learn who the bot is: {failed}", 503) from failed
        return self._bot.person_id
