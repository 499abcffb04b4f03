"""One WeCom 自建应用 as a channel: builds its parts, receives callbacks, sends messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import Response

from channels.access_token import InMemoryTokenStore, TokenStore
from channels.channel import Capabilities, CardPresses, Intake, Receipt
from channels.sent_parts import SentParts
from channels.wechat_api import WechatApi, WechatFile, WechatRefused
from channels.wechat_token import corp_token
from channels.wecom_app.account import PLATFORM, WecomAppSettings
from channels.wecom_app.client import WecomAppClient
from channels.wecom_app.member_limits import PER_MINUTE, MemberLimits
from channels.wecom_app.outbound import TEXT_LIMIT, Json, Part, to_parts, to_request
from channels.wecom_app.presses import PressAnswers
from channels.wecom_app.webhook import WecomAppWebhook
from conversation.identity import Room, RoomKind
from conversation.messages import Attachment, ContentKind, OutgoingMessage
from store.database import Database

logger = structlog.get_logger(__name__)


class WecomAppChannel:
    """A `Channel`. The HTTP client is the caller's to close; `token_store` may be shared by processes.

    A room of kind GROUP is a group that the app made (`create_group`): it hears what we send, and nothing comes back.
    """

    platform: str = PLATFORM
    capabilities = Capabilities(cards=True, max_text_bytes=TEXT_LIMIT, resend_is_safe=False, per_minute=PER_MINUTE)

    def __init__(
        self,
        settings: WecomAppSettings,
        *,
        intake: Intake,
        presses: CardPresses,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        token_store: TokenStore | None = None,
    ) -> None:
        self.account = settings.account
        self._settings = settings
        self._token = corp_token(
            client,
            api_base=settings.api_base,
            corp_id=settings.corp_id,
            secret=settings.secret,
            store=token_store or InMemoryTokenStore(),
            clock=clock,
        )
        api = WechatApi(client, api_base=settings.api_base, token=self._token, extra_hosts=settings.extra_hosts)
        self._client = WecomAppClient(api, settings.agent_id)
        self._sent = SentParts(database, PLATFORM, settings.account, clock)
        self._limits = MemberLimits(clock)
        self._presses = PressAnswers(presses, self._client, settings.app_name)
        self._webhook = WecomAppWebhook(settings, intake=intake, presses=self._presses, clock=clock)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when what came cannot be kept now."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. Long texts and files leave as messages of their own; the receipt names the first."""
        if not (message.card or message.text.strip() or message.attachments):
            return Receipt()
        parts = to_parts(message, idempotency_key, self._settings)

        async def send(part: Part) -> str:
            return await self._send_part(part, message, idempotency_key)

        return Receipt(await self._sent.send(parts, idempotency_key, send))

    async def media(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference, which lives three days. Raises `RetryLater` or `GiveUp`."""
        return await self._client.download(reference)

    async def upload(self, kind: ContentKind, file: WechatFile) -> Attachment:
        """Puts a file at the platform's, to be sent within three days. Raises `RetryLater` or `GiveUp`."""
        return Attachment(kind, await self._client.upload(kind, file), file.name)

    async def create_group(self, name: str, owner: str, members: Sequence[str], chat_id: str) -> Room:
        """Makes a group chat of 2 to 2000 members of the company, e.g. around a ticket; once per `chat_id` (≤ 32
        letters and digits). Raises as `send` does.
        """
        made = await self._client.create_group(name, owner, members, chat_id)
        return Room(PLATFORM, self.account, made, RoomKind.GROUP, name)

    async def recall(self, message_id: str) -> None:
        """Takes a message of ours back, within 24 hours. Raises as `send` does."""
        await self._client.recall(message_id)

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._presses.close()
        await self._token.close()

    async def _send_part(self, part: Part, message: OutgoingMessage, key: str) -> str:
        body = part.body
        if part.upload is not None:
            body = {**body, body["msgtype"]: {"media_id": await self._media_id(part.upload)}}
        try:
            return await self._call(body, message)
        except WechatRefused as refused:
            if not part.fallback:
                raise
            logger.warning("wecom_app.card_refused", account=self.account, code=refused.code)

        async def send(words: Part) -> str:
            return await self._call(words.body, message)

        return await self._sent.send(part.fallback, f"{key}:words", send)

    async def _call(self, body: Json, message: OutgoingMessage) -> str:
        if message.room.kind is RoomKind.DIRECT:
            self._limits.take(message.room.chat_id)
        return await self._client.send(*to_request(body, message, self._settings.agent_id))

    async def _media_id(self, attachment: Attachment) -> str:
        """The media id to send: a received one is the company's for three days, a URL's file is put there first."""
        if not attachment.reference.startswith(("http://", "https://")):
            return attachment.reference
        file = await self._client.download(attachment.reference)
        named = replace(file, name=attachment.name or file.name)
        return await self._client.upload(attachment.kind, named)
