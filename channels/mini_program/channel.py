"""One 小程序's customer service as a channel: callbacks come in, answers leave by message/custom/send."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from starlette.requests import Request
from starlette.responses import Response

from channels.access_token import InMemoryTokenStore, TokenStore
from channels.channel import Capabilities, Intake, Receipt
from channels.mini_program.account import PLATFORM, MiniProgramSettings
from channels.mini_program.outbound import to_bodies
from channels.mp_api import MpApi
from channels.mp_callback import MpCallbacks
from channels.mp_notice import NoticeKind
from channels.mp_outbound import TEXT_LIMIT
from channels.mp_sender import MpSender
from channels.mp_webhook import Manners, MpWebhook
from channels.wechat_api import WechatApi, WechatFile
from channels.wechat_token import app_token
from conversation.errors import BadSettings, GiveUp
from conversation.messages import ContentKind, OutgoingMessage
from store.database import Database

_NOTICE_PATH = "message/subscribe/send"
_ENTERED = "user_enter_tempsession"


class MiniProgramChannel:
    """A `Channel`. The HTTP client is the caller's: `close` leaves it open. `token_store` may be shared by processes.

    The platform knows no passive text here: every answer is a call. Raises `BadSettings` for a template message, which
    a 小程序 has not.
    """

    platform: str = PLATFORM
    # A repeat is recognised by our own claim, but one whose first try was lost stays unknown: the platform has no key.
    capabilities = Capabilities(cards=False, max_text_bytes=TEXT_LIMIT, resend_is_safe=False, scarce_sends=True)

    def __init__(
        self,
        settings: MiniProgramSettings,
        *,
        intake: Intake,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        token_store: TokenStore | None = None,
    ) -> None:
        self.account = settings.account
        self._settings = settings
        owner, notice = f"{PLATFORM}:{settings.account}", settings.notice
        if notice is not None and notice.kind is not NoticeKind.SUBSCRIPTION:
            raise BadSettings("a 小程序 has subscription messages only: set the notice's kind to subscription")
        self._token = app_token(
            client,
            api_base=settings.api_base,
            app_id=settings.app_id,
            secret=settings.secret,
            store=token_store or InMemoryTokenStore(),
            clock=clock,
        )
        self._api = MpApi(
            WechatApi(client, api_base=settings.api_base, token=self._token, extra_hosts=settings.extra_hosts)
        )
        self._sender = MpSender(self._api, database, owner=owner, notice=notice, notice_path=_NOTICE_PATH, clock=clock)
        self._webhook = self._listening(intake, clock)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when the message cannot be kept now."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. Raises `WindowClosed` when the customer must write first."""
        bodies, openid = to_bodies(message, self._settings), message.room.chat_id
        if not bodies.calls:
            if bodies.unsendable:
                raise GiveUp(f"a 小程序 cannot send {', '.join(bodies.unsendable)}")
            if self._settings.typing:
                self._sender.stop_typing(openid)
            return Receipt()
        await self._sender.send(openid, bodies.calls, bodies.words, idempotency_key)
        if bodies.unsendable:
            raise GiveUp(f"the words went out, {', '.join(bodies.unsendable)} did not: a 小程序 cannot send that")
        return Receipt()

    async def media(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference. Raises `RetryLater`, or `GiveUp` when it is gone (three days)."""
        return await self._api.media(reference)

    async def upload(self, name: str, content: bytes, media_type: str) -> str:
        """Uploads a picture; gives the reference of an attachment that `send` can send. Raises as `media`."""
        return await self._api.upload(ContentKind.IMAGE, name, content, media_type)

    async def tidy(self, now: float) -> int:
        """Forgets old claims; for a timer, every ten minutes or so. Gives how many."""
        return await self._sender.tidy(now)

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._sender.close()
        await self._token.close()

    def _listening(self, intake: Intake, clock: Callable[[], float]) -> MpWebhook:
        settings = self._settings
        callbacks = MpCallbacks(
            settings.token, settings.encoding_aes_key, settings.app_id, settings.previous_key, clock=clock
        )
        manners = Manners(
            greeting=settings.greeting,
            greets_on=frozenset({_ENTERED}),
            typing=settings.typing,
            transfer_words=settings.transfer_words,
        )
        return MpWebhook(
            PLATFORM,
            settings.account,
            callbacks,
            manners,
            intake=intake,
            sender=self._sender,
            held=None,
            clock=clock,
        )
