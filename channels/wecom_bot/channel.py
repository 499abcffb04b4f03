"""The WeCom 智能机器人 as a channel: the webhook comes in, answers leave by stream bubble or response_url."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import httpx
import structlog
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from channels.channel import Capabilities, CardPresses, Intake, Receipt
from channels.wecom_bot import outbound, reply_ways, streams
from channels.wecom_bot.account import PLATFORM, BubbleWords, WecomBotSettings
from channels.wecom_bot.bubbles import Bubbles
from channels.wecom_bot.client import WecomBotClient
from channels.wecom_bot.reception import Reception
from channels.wecom_bot.reply_ways import ByUrl, Handle, InBubble, Rescue, Way, read_handle
from channels.wecom_bot.streams import LastText
from channels.wecom_bot.webhook import WecomBotWebhook
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.messages import OutgoingMessage
from store.database import Database

__all__ = ["BubbleWords", "WecomBotChannel", "WecomBotSettings"]

logger = structlog.get_logger(__name__)

_RESCUES_A_ROUND = 20


class WecomBotChannel:
    """One bot in webhook mode.

    It has no active send: an answer goes into the bubble of a message, or by the response_url that came with one.
    """

    platform = PLATFORM
    # A repeat finds the bubble that it ended, or the one response_url that it took.
    # The minute limit is the one published for the long connection; the webhook mode names none (path/101463).
    capabilities = Capabilities(
        cards=True, max_text_bytes=outbound.CONTENT_LIMIT, resend_is_safe=True, per_minute=30, scarce_sends=True
    )

    def __init__(
        self,
        settings: WecomBotSettings,
        *,
        intake: Intake,
        presses: CardPresses,
        database: Database,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
        words: BubbleWords | None = None,
    ) -> None:
        self.account = settings.account
        self._settings = settings
        self._database = database
        self._clock = clock
        self._words = words or BubbleWords()
        self._client = WecomBotClient(
            client,
            api_base=settings.api_base,
            extra_hosts=settings.extra_hosts,
            media_keys=(settings.encoding_aes_key, settings.previous_key),
        )
        self._bubbles = Bubbles()
        reception = Reception(
            settings, intake=intake, presses=presses, database=database, words=self._words, bubbles=self._bubbles
        )
        self._webhook = WecomBotWebhook(settings, reception=reception, clock=clock)

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when what came cannot be kept now."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. The receipt's id is also the subject of a later thumb up or down."""
        if not message.text and message.card is None:
            await self.hush(message.handles)
            return Receipt()
        card = outbound.card_json(message.card, idempotency_key, self._settings.bot_name)
        text = LastText(outbound.content_of(message), card, idempotency_key)
        handles = [read_handle(one) for one in message.handles]
        refusal = "none of the answered messages has a bubble or a response_url"
        while (way := await self._way(handles, text)) is not None:
            if isinstance(way, InBubble):
                for stream_id in way.closed:
                    self._bubbles.close(stream_id)
                return Receipt(way.stream_id)
            try:
                return await self._by_url(way, text.content, text.card)
            except GiveUp as refused:
                if way.again:
                    raise  # another way now could say it twice
                refusal = str(refused)
                await self._database.write(partial(reply_ways.spend_url, url=way.url))
        raise GiveUp(f"no way left ({refusal}): the platform gives no active send in webhook mode")

    async def unpicked(self, now: float) -> int:
        """Sends last texts that the platform never asked for by response_url; gives how many left.

        For a timer, every half minute or so.
        """
        take = partial(reply_ways.take_rescues, account=self.account, now=now, limit=_RESCUES_A_ROUND)
        return sum([await self._rescued(rescue) for rescue in await self._database.write(take)])

    async def hush(self, handles: Sequence[Mapping[str, str]]) -> int:
        """Closes the bubbles of messages that get no answer, on purpose; gives how many were open."""
        now, text = self._clock(), LastText(self._words.hushed, expected=False)
        offered = {one.stream_id: one.opened_at for one in map(read_handle, handles) if one.stream_id}

        def close(connection: Connection) -> int:
            return sum(
                streams.finish(connection, stream_id, text, account=self.account, opened_at=opened_at, now=now)
                for stream_id, opened_at in offered.items()
            )

        closed = await self._database.write(close)
        for stream_id in offered:
            self._bubbles.close(stream_id)
        return closed

    async def media(self, reference: str) -> bytes:
        """The file behind an attachment's reference, decrypted. See `WecomBotClient.media` for the errors."""
        return await self._client.media(reference)

    async def close(self) -> None:
        """See `Channel.close`. The HTTP client is its giver's to close."""

    async def _way(self, handles: Sequence[Handle], text: LastText) -> Way | None:
        now, elsewhere = self._clock(), self._words.elsewhere
        return await self._database.write(
            lambda connection: reply_ways.take_way(
                connection, handles, text, elsewhere=elsewhere, account=self.account, now=now
            )
        )

    async def _by_url(self, way: ByUrl, content: str, card: str) -> Receipt:
        """Posts to a response_url that was taken; one whose answer was lost is asked once more.

        The platform takes only one message per URL, so asking again cannot show it twice: it either goes out now, or
        is refused and the fate of the first try stays unknown.
        """
        receipt = Receipt(reply_ways.url_id(way.url))
        body = outbound.response(content, card, receipt.platform_message_id)
        uncertain = way.again
        for _ in range(2):
            try:
                await self._client.respond(way.url, body)
            except RetryLater:
                if not uncertain:
                    await self._database.write(partial(reply_ways.release_url, url=way.url))
                raise
            except FateUnknown:
                uncertain = True
            except GiveUp as refused:
                if way.again:
                    raise GiveUp(
                        f"it may have arrived: the answer of an earlier try was lost; now: {refused}"
                    ) from None
                if uncertain:
                    raise FateUnknown(f"the answer of the first try was lost; the second: {refused}") from None
                raise
            else:
                return receipt
        raise FateUnknown("the answer to a response_url call was lost twice")

    async def _rescued(self, rescue: Rescue) -> bool:
        log = logger.bind(account=self.account, stream_id=rescue.stream_id)
        if not rescue.url:
            log.error("wecom_bot.reply_lost", reason="never picked up, and no response_url is left")
            return False
        try:
            await self._by_url(ByUrl(rescue.url), rescue.content, rescue.card)
        except RetryLater:
            await self._database.write(partial(reply_ways.postpone_rescue, rescue=rescue))
            return False
        except (GiveUp, FateUnknown) as error:
            log.error("wecom_bot.reply_lost", reason=str(error))
            return False
        log.info("wecom_bot.reply_rescued")
        return True
