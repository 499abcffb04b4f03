"""微信客服 as a channel: a callback announces news, a pull brings them, answers leave by send_msg."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import httpx
import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from channels.access_token import AccessToken, InMemoryTokenStore, TokenStore
from channels.channel import Capabilities, CardPresses, Intake, Receipt
from channels.wechat_api import HumanHolds, WechatApi, WechatFile, WechatRefused, WindowClosed
from channels.wechat_token import corp_token
from channels.wecom_kf import outbound, part_sends, pulls
from channels.wecom_kf.account import PLATFORM, Chat, WecomKfSettings, chat_of
from channels.wecom_kf.arrivals import Arrivals, Learned
from channels.wecom_kf.client import Colleague, KfCustomer, WecomKfClient
from channels.wecom_kf.files import Fetch, Files
from channels.wecom_kf.people import People
from channels.wecom_kf.puller import PAUSES_S, Puller
from channels.wecom_kf.reception import Reception, ReceptionDesk
from channels.wecom_kf.sending import PartSender
from channels.wecom_kf.webhook import WecomKfWebhook
from conversation.errors import GiveUp
from conversation.identity import Room
from conversation.messages import OutgoingMessage
from store.database import Database

__all__ = ["WecomKfChannel", "WecomKfSettings", "forget_sends"]

logger = structlog.get_logger(__name__)

#: The platform's window is 48 hours: nothing is sent again after it.
SENDS_KEEP_S = 3 * 86_400.0


class WecomKfChannel:
    """One app with any number of 微信客服 accounts. The HTTP client is its giver's to close.

    `fetch` gets files that came from another platform; without it only files that the platform knows can go out.
    `learned` hears the unionid of each customer of whom the platform tells one.
    """

    platform = PLATFORM
    # Five messages for each of the customer's within 48 hours: document/path/94677. A msgid is taken once.
    capabilities = Capabilities(cards=True, max_text_bytes=outbound.TEXT_LIMIT, resend_is_safe=True, scarce_sends=True)

    def __init__(
        self,
        settings: WecomKfSettings,
        *,
        intake: Intake,
        presses: CardPresses | None = None,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        token_store: TokenStore | None = None,
        fetch: Fetch | None = None,
        learned: Learned | None = None,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self.account = settings.account
        self._settings = settings
        self._database = database
        self._clock = clock
        self._token = _token_of(settings, client, token_store or InMemoryTokenStore(), clock)
        api = WechatApi(client, api_base=settings.api_base, token=self._token, extra_hosts=settings.extra_hosts)
        self._client = WecomKfClient(api)
        self._reception = ReceptionDesk(self._client)
        self._people = People(self._client, clock)
        self._files = Files(self._client, clock, fetch)
        self._sender = PartSender(self._client, database, clock)
        arrivals = Arrivals(
            settings,
            intake=intake,
            presses=presses,
            people=self._people,
            sender=self._sender,
            clock=clock,
            learned=learned,
        )
        self._puller = Puller(
            settings.account, client=self._client, database=database, take=arrivals.take, clock=clock, pauses_s=pauses_s
        )
        self._webhook = WecomKfWebhook(settings, puller=self._puller, database=database, clock=clock)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. The words that a callback announces arrive a moment later, by a pull beside it."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. Files follow the words as messages of their own; the receipt names the first message.

        Raises `WindowClosed` (two days or five messages are over, or the customer must write first) and `HumanHolds`
        (a person on the platform's desk has the customer) among the `GiveUp`s. A message that was taken may still
        fail: then an `UNDELIVERED` event names the receipt's id.
        """
        chat, words = chat_of(message.room), message.card is not None or bool(message.text)
        first = await self._send_words(message, chat, idempotency_key) if words else ""
        for number, attachment in enumerate(message.attachments):
            try:
                body = await self._files.body(attachment)
                sent = await self._sender.send(chat, [body], f"{idempotency_key}:file{number}")
            except GiveUp as failed:
                if first and not isinstance(failed, WechatRefused):
                    raise GiveUp(f"the words went out, a file did not: {failed}") from failed
                raise
            first = first or sent
        return Receipt(first)

    async def catch_up(self, now: float) -> int:
        """Fetches what was missed: callbacks that came to nothing, and accounts that were silent for five minutes.

        For a chore, every quarter of a minute or so; it costs one question to the database while nothing is due.
        Gives how many accounts were read.
        """
        if self._settings.open_kfids:
            known = partial(pulls.know, account=self.account, open_kfids=self._settings.open_kfids)
            await self._database.write(known)
        return await self._puller.catch_up(now)

    async def settled(self) -> None:
        """Waits until no pull runs."""
        await self._puller.settled()

    async def reception(self, room: Room) -> Reception:
        """Who receives the customer of a room on the platform's own desk."""
        return await self._reception.state(chat_of(room))

    async def to_person(self, room: Room, userid: str = "", *, or_pool: bool = True) -> Reception:
        """Gives a customer to somebody at the platform's own desk; see `ReceptionDesk.to_person`."""
        return await self._reception.to_person(chat_of(room), userid, or_pool=or_pool)

    async def to_bot(self, room: Room) -> Reception:
        """Takes a customer back from the platform's own desk; see `ReceptionDesk.to_bot`."""
        return await self._reception.to_bot(chat_of(room))

    async def announce(self, room: Room, code: str, text: str, idempotency_key: str) -> Receipt:
        """Says a line by the code of a `Reception` or of an event, where send_msg is not allowed. Raises as `send`."""
        bodies = outbound.texts(text)[:1]
        if not bodies:
            raise GiveUp("there is nothing to announce")
        return Receipt(await self._sender.send(chat_of(room), bodies, idempotency_key, code=code))

    async def colleagues(self, open_kfid: str) -> list[Colleague]:
        """The people who receive the customers of one of the accounts, and whether they do now."""
        return await self._client.colleagues(open_kfid)

    async def customer(self, external_userid: str) -> KfCustomer:
        """Who a customer is; without a name where the platform does not tell within a second."""
        return (await self._people.known([external_userid]))[external_userid]

    async def accounts(self) -> dict[str, str]:
        """The 微信客服 accounts of the app by open_kfid; also the cheapest proof that corp_id and secret are right."""
        return await self._client.accounts()

    async def contact_link(self, open_kfid: str, scene: str = "") -> str:
        """A link that opens a chat with one of the accounts."""
        return await self._client.contact_link(open_kfid, scene)

    async def media(self, reference: str) -> WechatFile:
        """The file behind an attachment's reference; `GiveUp` when it is gone, foreign or too large."""
        return await self._client.media(reference)

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._puller.close()
        await self._token.close()

    async def _send_words(self, message: OutgoingMessage, chat: Chat, key: str) -> str:
        bodies = outbound.words_of(message)
        if not bodies:
            raise GiveUp("the message has neither text nor card")
        code = outbound.code_of(message.handles, self._clock())
        try:
            return await self._sender.send(chat, bodies, key, code=code)
        except (WindowClosed, HumanHolds):
            raise
        except WechatRefused as refused:
            if code:
                # The code was used or has run out; the window may be open all the same.
                logger.info("wecom_kf.code_refused", key=key, code=refused.code)
                return await self._sender.send(chat, bodies, key)
            if message.card is None or not message.card.buttons:
                raise
            logger.warning("wecom_kf.menu_refused", key=key, code=refused.code)
            if len(bodies) > 1:
                # The words went out before the menu; only its buttons are missing.
                return outbound.msgid_of(key, 0)
        return await self._sender.send(chat, outbound.as_texts(message), f"{key}:text")


def forget_sends(connection: Connection, now: float) -> int:
    """Forgets how far old sends got; for a chore. Gives how many."""
    return part_sends.forget(connection, before=now - SENDS_KEEP_S)


def _token_of(
    settings: WecomKfSettings, http: httpx.AsyncClient, store: TokenStore, clock: Callable[[], float]
) -> AccessToken:
    return corp_token(
        http,
        api_base=settings.api_base,
        corp_id=settings.corp_id,
        secret=settings.secret,
        store=store,
        clock=clock,
    )
