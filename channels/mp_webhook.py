"""One callback of a 公众号 or 小程序: opened, translated, kept, and answered within the platform's five seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from channels.channel import Intake
from channels.mp_callback import Callback, MpCallbacks
from channels.mp_held import HeldReplies
from channels.mp_messages import Terms, Unsupported, translate
from channels.mp_outbound import TEXT_LIMIT, passive, text_body, transfer
from channels.mp_sender import MpSender
from channels.request_body import read_body
from channels.text_parts import split_text
from conversation.identity import dedup_key
from conversation.messages import IncomingMessage, RoomEvent

logger = structlog.get_logger(__name__)

#: An answer that comes sooner needs no sign that it is being written.
TYPING_AFTER_S = 0.8


@dataclass(frozen=True, slots=True)
class Manners:
    """How an account answers callbacks by itself.

    `menu` says what a click on a menu key asks, `transfer_words` are texts that hand the customer to WeChat's own
    客服 tool (to `kf_account`, where one is named). `greeting` is said to who comes by one of the events `greets_on`,
    in the HTTP response where `passive_texts`, else by a call.
    """

    greeting: str = ""
    greets_on: frozenset[str] = frozenset()
    passive_texts: bool = False
    typing: bool = True
    menu: Mapping[str, str] = field(default_factory=dict)
    transfer_words: tuple[str, ...] = ()
    kf_account: str = ""


class MpWebhook:
    """The callback URL of one account. `held` keeps webhooks open for their answer; None answers them at once."""

    def __init__(
        self,
        platform: str,
        account: str,
        callbacks: MpCallbacks,
        manners: Manners,
        *,
        intake: Intake,
        sender: MpSender,
        held: HeldReplies | None,
        clock: Callable[[], float],
    ) -> None:
        self._platform = platform
        self._account = account
        self._callbacks = callbacks
        self._manners = manners
        self._intake = intake
        self._sender = sender
        self._held = held
        self._clock = clock

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when the message cannot be kept now."""
        query = request.query_params
        if request.method == "GET":
            return self._callbacks.echo(query)
        callback = self._callbacks.read(query, await read_body(request))
        said = translate(callback.fields, Terms(self._platform, self._account, self._clock(), self._manners.menu))
        if isinstance(said, IncomingMessage):
            return await self._asked(said, callback)
        if isinstance(said, RoomEvent):
            return await self._noted(said, callback)
        self._unsupported(said)
        return _success()

    async def _asked(self, message: IncomingMessage, callback: Callback) -> Response:
        if message.text and message.text in self._manners.transfer_words:
            logger.info(f"{self._platform}.transferred", dedup_key=message.key)
            return self._callbacks.reply(transfer(callback.fields, self._clock(), self._manners.kf_account), callback)
        handle = self._held.handle(message.message_id) if self._held else {}
        kept = replace(message, reply_handle=handle, awaits=self._manners.typing)
        fresh = (await self._intake.put([kept]))[0]
        openid, typing = message.sender.person_id, None
        if fresh and self._manners.typing:
            typing = self._sender.type_soon(openid, TYPING_AFTER_S if handle else 0.0)
        text = await self._held.answer(handle, repeated=not fresh) if self._held else None
        if text is None:
            return _success()
        if typing:
            typing.cancel()
        return self._callbacks.reply(passive(callback.fields, self._clock(), "text", Content=text), callback)

    async def _noted(self, event: RoomEvent, callback: Callback) -> Response:
        await self._intake.put([event])
        greeting, manners = self._manners.greeting, self._manners
        if not greeting or event.detail.get("event") not in manners.greets_on:
            return _success()
        words = split_text(greeting, TEXT_LIMIT)[0]
        if manners.passive_texts:
            return self._callbacks.reply(passive(callback.fields, self._clock(), "text", Content=words), callback)
        self._sender.greet(event.sender.person_id, text_body(words), event.key)
        return _success()

    def _unsupported(self, said: Unsupported) -> None:
        key = dedup_key(self._platform, self._account, said.message_id) if said.message_id else ""
        logger.info(f"{self._platform}.unsupported", account=self._account, what=said.what, dedup_key=key)


def _success() -> Response:
    # Anything but this, or nothing, shows the customer that the account is out of order.
    return PlainTextResponse("success")
