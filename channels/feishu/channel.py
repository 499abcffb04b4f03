"""One Feishu app as a channel: builds its parts, receives webhooks, sends messages."""

from __future__ import annotations

import asyncio
import random
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
from channels.feishu.long_connection import FeishuConnection
from channels.feishu.outbound import TEXT_LIMIT, as_text_call, to_call
from channels.feishu.patience import Patience
from channels.feishu.people import People
from channels.feishu.places import Places
from channels.feishu.presses import PressAnswers
from channels.feishu.profiles import Profile, Profiles
from channels.feishu.recent import RecentMessages
from channels.feishu.reception import Reception
from channels.feishu.settings import PLATFORM, FeishuSettings
from channels.feishu.topics import root_of, without_thread
from channels.feishu.webhook import FeishuWebhook
from channels.feishu.working import WorkingSign
from channels.reconnecting import Pauses
from conversation.errors import GiveUp, HuiyingError, RefusedInput
from conversation.identity import Person, Speaker
from conversation.messages import Attachment, OutgoingMessage
from tools.feishu_api import FeishuApi, FeishuFile
from tools.feishu_errors import CARD_REFUSED, FeishuRefused

logger = structlog.get_logger(__name__)

#: An event must be answered within 3 s; asking who the bot is may take this much of it.
BOT_ID_WITHIN_S = 2.0
#: Until Feishu names its own, with the first connection.
LONGEST_PAUSE_S = 120.0
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
        chance: Callable[[], float] = random.random,
        first_pause_s: float = 1.0,
    ) -> None:
        self.account = settings.account
        self.tokens = TenantAccessToken(settings, client, token_store or InMemoryTokenStore(), clock)
        hosts = frozenset(settings.extra_hosts) | {urlsplit(settings.domain).netloc}
        self._client = FeishuClient(FeishuApi(client, settings.domain, self.tokens), hosts)
        self._attachments = Attachments(self._client)
        self._recent = RecentMessages()
        patience = Patience(clock)
        self._people = People(self._client, patience, settings.app_id, clock)
        self._profiles = Profiles(self._client, self._people, patience, clock)
        self._presses = PressAnswers(presses, self._client, self._people)
        self._working = WorkingSign(self._client, settings.working_emoji, settings.app_id)
        self._bot = Person(settings.bot_open_id, settings.bot_name, Speaker.BOT)
        self._asking_bot = asyncio.Lock()
        places = Places(settings, self._client, patience, self._recent, clock)
        reception = self._reception(settings, intake, places, clock)
        # Without its keys a webhook could prove nothing: in the other mode there is none.
        self._webhook = FeishuWebhook(settings, reception, clock) if settings.mode == "webhook" else None
        self._line = FeishuConnection(
            settings, reception, client, pauses=Pauses(chance, first_pause_s, LONGEST_PAUSE_S), clock=clock
        )

    @property
    def problem(self) -> str:
        """Why the long connection is down, in words for an operator; empty when it is up, or not asked for."""
        return "" if self._webhook is not None else self._line.problem

    async def start(self) -> None:
        """See `Connects.start`. Any number of processes may hold a connection of one app, up to fifty."""
        if self._webhook is None:
            self._line.start()

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RefusedInput` 404 where events come over the long connection."""
        if self._webhook is None:
            raise RefusedInput("this app is set to the long connection, but somebody posts to its request URL", 404)
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. Files follow the words as messages of their own; the receipt names the first message.

        A message without anything ends the waiting of those it answers.
        """
        said_nothing = not (message.card or message.text.strip() or message.attachments)
        if said_nothing and message.handles:
            self._working.take_off(message.handles)
            return Receipt()
        message_id = ""
        if message.card or message.text.strip() or not message.attachments:
            message_id = await self._send_words(message, idempotency_key)
            words = message.card.as_text() if message.card else message.text
            self._recent.remember(message_id, message.room, self._bot, words)
        for number, attachment in enumerate(message.attachments):
            sent_id = await self._send_file(message, attachment, f"{idempotency_key}:file{number}", bool(message_id))
            message_id = message_id or sent_id
        self._working.take_off(message.handles)
        return Receipt(message_id or message.updates)

    async def withdraw(self, message_id: str) -> None:
        """Takes a message of the bot back, for everybody who sees it. Raises as `send` does."""
        await self._client.withdraw(message_id)

    async def profile_of(self, open_id: str) -> Profile:
        """Who a person is: name, departments, enterprise, as far as the app may see; never raises, cached."""
        return await self._profiles.of(open_id)

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
        await self._line.close()
        await self._working.close()
        await self._presses.close()
        await self._people.close()
        await self.tokens.close()

    def _reception(
        self, settings: FeishuSettings, intake: Intake, places: Places, clock: Callable[[], float]
    ) -> Reception:
        return Reception(
            settings,
            intake=intake,
            presses=self._presses,
            people=self._people,
            places=places,
            profiles=self._profiles,
            recent=self._recent,
            working=self._working,
            bot_open_id=self._bot_open_id,
            clock=clock,
        )

    async def _send_words(self, message: OutgoingMessage, key: str) -> str:
        ways = _ways(message, key)
        for number, (one, its_key) in enumerate(ways, start=1):
            try:
                return await self._send_one(one, its_key)
            except FeishuRefused as refused:
                if refused.code not in _PARENT_GONE or number == len(ways):
                    raise
                # What belongs into a thread whose root is gone still has to reach the people in the room.
                logger.warning("feishu.thread_gone", key=key, root=one.reply_to)
        raise GiveUp("no way to send")

    async def _send_one(self, message: OutgoingMessage, key: str) -> str:
        try:
            return await self._client.send(to_call(message, key))
        except FeishuRefused as refused:
            if not (message.card and refused.code in CARD_REFUSED):
                raise
            logger.warning("feishu.card_refused", key=key, reason=str(refused))
            return await self._client.send(as_text_call(message, key))

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


def _ways(message: OutgoingMessage, key: str) -> list[tuple[OutgoingMessage, str]]:
    """Where a message may go, best first, each with its key: another place under the same key would be refused."""
    ways = [(message, key)]
    root_id = root_of(message)
    if root_id and message.reply_to not in ("", root_id):
        ways.append((replace(message, reply_to=""), f"{key}:root"))
    if root_id or message.in_thread:
        ways.append((without_thread(message), f"{key}:room"))
    return ways
