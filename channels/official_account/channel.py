"""One 公众号 as a channel: callbacks come in, an answer leaves in the callback's response or by message/custom/send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from starlette.requests import Request
from starlette.responses import Response

from channels.access_token import InMemoryTokenStore, TokenStore
from channels.channel import Capabilities, Intake, Receipt
from channels.mp_api import MpApi
from channels.mp_callback import MpCallbacks, text_of
from channels.mp_held import HeldReplies
from channels.mp_notice import NoticeKind
from channels.mp_outbound import TEXT_LIMIT, with_persona
from channels.mp_sender import MpSender
from channels.mp_webhook import Manners, MpWebhook
from channels.official_account.account import PLATFORM, OfficialAccountSettings
from channels.official_account.outbound import to_bodies
from channels.wechat_api import WechatApi, WechatFile
from channels.wechat_token import app_token
from conversation.errors import GiveUp
from conversation.messages import ContentKind, OutgoingMessage
from store.database import Database

_NOTICE_PATHS = {
    NoticeKind.TEMPLATE: "message/template/send",
    NoticeKind.SUBSCRIPTION: "message/subscribe/bizsend",
}


@dataclass(frozen=True, slots=True)
class Follower:
    """What the account knows of somebody. `unionid` joins people across accounts of one 微信开放平台; often empty."""

    openid: str
    unionid: str = ""
    subscribed: bool = False
    scene: str = ""


class OfficialAccountChannel:
    """A `Channel`. The HTTP client is the caller's: `close` leaves it open.

    `token_store` may be shared by processes.
    """

    platform: str = PLATFORM
    # A repeat is recognised by our own claim, but one whose first try was lost stays unknown: the platform has no key.
    capabilities = Capabilities(cards=False, max_text_bytes=TEXT_LIMIT, resend_is_safe=False, scarce_sends=True)

    def __init__(
        self,
        settings: OfficialAccountSettings,
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
        self._held = HeldReplies(database, owner=owner, hold_s=settings.hold_s, clock=clock)
        path = _NOTICE_PATHS[notice.kind] if notice else ""
        self._sender = MpSender(self._api, database, owner=owner, notice=notice, notice_path=path, clock=clock)
        self._webhook = self._listening(intake, clock)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`; the response may take `hold_s` seconds. Raises `RetryLater` when nothing is kept."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. One short text leaves in the response of a held callback, anything else by calls.

        Raises `WindowClosed` when the customer must write first.
        """
        bodies, openid = to_bodies(message), message.room.chat_id
        if not bodies.calls:
            return self._unsaid(message, bodies.unsendable)
        if bodies.one_text and await self._held.offer(message.handles, bodies.words, idempotency_key):
            return Receipt()
        self._held.release(message.handles)
        calls = with_persona(bodies.calls, self._settings.kf_account)
        await self._sender.send(openid, calls, bodies.words, idempotency_key)
        if bodies.unsendable:
            raise GiveUp(f"the words went out, {', '.join(bodies.unsendable)} did not: a 公众号 cannot send that")
        return Receipt()

    async def media(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference. Raises `RetryLater`, or `GiveUp` when it is gone (three days)."""
        return await self._api.media(reference)

    async def upload(self, kind: ContentKind, name: str, content: bytes, media_type: str) -> str:
        """Uploads a file; gives the reference of an attachment that `send` can send. Raises as `media`."""
        return await self._api.upload(kind, name, content, media_type)

    async def follower(self, openid: str) -> Follower:
        """Asks who somebody is. Raises `RetryLater` or `GiveUp`."""
        said = await self._api.user(openid)
        subscribed = text_of(said, "subscribe") == "1"
        return Follower(openid, text_of(said, "unionid"), subscribed, text_of(said, "qr_scene_str"))

    async def hand_to_desk(self, openid: str, kf_account: str) -> None:
        """Gives a customer to a person of WeChat's own 客服 tool. Raises `RetryLater` or `GiveUp`."""
        await self._api.hand_to_desk(openid, kf_account)

    async def tidy(self, now: float) -> int:
        """Forgets old claims; for a timer, every ten minutes or so. Gives how many."""
        return await self._sender.tidy(now)

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._held.close()
        await self._sender.close()
        await self._token.close()

    def _listening(self, intake: Intake, clock: Callable[[], float]) -> MpWebhook:
        settings = self._settings
        callbacks = MpCallbacks(
            settings.token, settings.encoding_aes_key, settings.app_id, settings.previous_key, clock=clock
        )
        return MpWebhook(
            PLATFORM,
            settings.account,
            callbacks,
            _manners(settings),
            intake=intake,
            sender=self._sender,
            held=self._held,
            clock=clock,
        )

    def _unsaid(self, message: OutgoingMessage, unsendable: tuple[str, ...]) -> Receipt:
        """Nothing is said: whoever waits is let go. Raises `GiveUp` where something should have been."""
        self._held.release(message.handles)
        if unsendable:
            raise GiveUp(f"a 公众号 cannot send {', '.join(unsendable)}")
        if self._settings.typing:
            self._sender.stop_typing(message.room.chat_id)
        return Receipt()


def _manners(settings: OfficialAccountSettings) -> Manners:
    return Manners(
        greeting=settings.greeting,
        greets_on=frozenset({"subscribe"}),
        passive_texts=True,
        typing=settings.typing,
        menu=settings.menu,
        transfer_words=settings.transfer_words,
        kf_account=settings.kf_account,
    )
