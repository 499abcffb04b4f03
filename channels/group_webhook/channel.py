"""A WeCom 群机器人 as a channel: notices go out to one internal group, nothing comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.channel import Capabilities, Receipt
from channels.group_webhook import outbound
from channels.group_webhook.account import PLATFORM, GroupWebhookSettings
from channels.group_webhook.client import GroupWebhookClient
from channels.group_webhook.outbound import LIMITS, Json
from channels.group_webhook.window import PER_MINUTE, SendWindow
from channels.sent_parts import SentParts
from channels.wechat_api import WechatFile, WechatRefused
from conversation.errors import RetryLater
from conversation.messages import Attachment, ContentKind, OutgoingMessage
from store.database import Database

__all__ = ["GroupWebhookChannel", "GroupWebhookSettings"]

logger = structlog.get_logger(__name__)

#: Refusals that are about the robot and not about what it was to show; words would be refused as a card was.
_ROBOT_GONE = frozenset({93000, 93004, 93008})
_LONG_NAME = "notice.txt"
_VOICE_LIMIT = 2 * 1024 * 1024
_NOTHING_COMES_IN = "A group robot only sends: there is nothing to deliver here.\n"


@dataclass(frozen=True, slots=True)
class _Part:
    """One notice: ready as it is, or a file that must be fetched or uploaded first."""

    notice: Json | None = None
    attachment: Attachment | None = None
    content: bytes = b""


class GroupWebhookChannel:
    """A `Channel` that only sends. The HTTP client is its giver's to close."""

    platform = PLATFORM

    def __init__(
        self,
        settings: GroupWebhookSettings,
        *,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
    ) -> None:
        self.account = settings.account
        # The platform recognises no repeat, so a notice whose fate is unknown is left to a person.
        self.capabilities = Capabilities(
            cards=bool(settings.card_url),
            max_text_bytes=LIMITS[settings.style],
            resend_is_safe=False,
            per_minute=PER_MINUTE,
        )
        self._settings = settings
        self._client = GroupWebhookClient(client, settings)
        self._window = SendWindow(clock)
        self._sent = SentParts(database, PLATFORM, settings.account, clock)

    async def receive(self, request: Request) -> Response:
        """Says that nothing can come in here."""
        return PlainTextResponse(_NOTHING_COMES_IN, 405, {"Allow": ""})

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. What does not fit into one notice goes on in the next; files follow the words.

        Raises `RetryLater` with the right pause where the minute has no room for all parts.
        """
        card, words, files = self._card(message), self._words(message), self._files(message)
        if pause_s := self._window.pause_s(len([card] if card else words) + len(files)):
            raise RetryLater(f"this robot may say {PER_MINUTE} notices a minute", pause_s)
        if card is None or not await self._showed_card(card, idempotency_key):
            await self._sent.send(words, f"{idempotency_key}:words", self._show)
        await self._sent.send(files, f"{idempotency_key}:files", self._show)
        return Receipt()

    async def media(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference. See `GroupWebhookClient.file` for the errors."""
        return await self._client.file(reference, "")

    async def close(self) -> None:
        """See `Channel.close`."""

    def _card(self, message: OutgoingMessage) -> _Part | None:
        card_url = self._settings.card_url
        return _Part(outbound.card(message.card, card_url)) if message.card and card_url else None

    async def _showed_card(self, card: _Part, key: str) -> bool:
        """Whether the group sees the card; False where the platform refuses this one."""
        try:
            await self._sent.send([card], key, self._show)
        except WechatRefused as refused:
            if refused.code in _ROBOT_GONE:
                raise
            logger.warning("group_webhook.card_refused", account=self.account, reason=str(refused))
            return False
        return True

    def _words(self, message: OutgoingMessage) -> list[_Part]:
        words = outbound.in_words(message, self._settings)
        if len(words) <= PER_MINUTE:
            return [_Part(one) for one in words]
        # More than a minute may hold would arrive in pieces over minutes: a file keeps it together.
        return [_Part(content=outbound.words_of(message).encode("utf-8", "replace"))]

    def _files(self, message: OutgoingMessage) -> list[_Part]:
        others = [one for one in message.attachments if one.kind is not ContentKind.LINK]
        return [
            *(_Part(one) for one in outbound.news(message.attachments)),
            *(_Part(attachment=one) for one in others),
        ]

    async def _show(self, part: _Part) -> str:
        await self._post(part.notice or await self._of_file(part))
        return ""

    async def _of_file(self, part: _Part) -> Json:
        one = part.attachment
        if one is None:
            return outbound.file(
                "file", await self._client.upload("file", WechatFile(part.content, "text/plain", _LONG_NAME))
            )
        found = await self._client.file(one.reference, one.name)
        if one.kind is ContentKind.IMAGE and (picture := outbound.picture(found.content)):
            return picture
        is_voice = (
            one.kind is ContentKind.VOICE and found.content.startswith(b"#!AMR") and len(found.content) <= _VOICE_LIMIT
        )
        kind = "voice" if is_voice else "file"
        return outbound.file(kind, await self._client.upload(kind, found))

    async def _post(self, notice: Json) -> None:
        if pause_s := self._window.pause_s():
            raise RetryLater(f"this robot may say {PER_MINUTE} notices a minute", pause_s)
        self._window.count()
        try:
            await self._client.post(notice)
        except RetryLater as later:
            if later.after_s:
                self._window.close(later.after_s)
            raise
