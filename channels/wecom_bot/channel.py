"""The WeCom 智能机器人 as a channel: the webhook comes in, answers leave by stream bubble or response_url."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import httpx
import structlog
from starlette.requests import Request
from starlette.responses import Response

from channels.channel import Capabilities, CardPresses, Intake, Receipt
from channels.wecom_bot import outbound, reply_ways, streams
from channels.wecom_bot.account import PLATFORM, BubbleWords, WecomBotSettings
from channels.wecom_bot.client import WecomBotClient
from channels.wecom_bot.reply_ways import Answer, ByUrl, InBubble, Rescue, RowsMissing, Way
from channels.wecom_bot.webhook import WecomBotWebhook
from conversation.errors import FateUnknown, GiveUp, RetryLater
from conversation.messages import OutgoingMessage
from store.database import Database

__all__ = ["BubbleWords", "WecomBotChannel", "WecomBotSettings"]

logger = structlog.get_logger(__name__)

#: How often a send looks for its rows while they are being written (seconds).
_ROW_WAIT_S = 0.2
_RESCUES_A_ROUND = 20


class WecomBotChannel:
    """One bot in webhook mode.

    It has no active send: an answer goes into the bubble of a message, or by the response_url that came with one.
    """

    platform = PLATFORM
    # The minute limit is the one published for the long connection; the webhook mode names none (path/101463).
    capabilities = Capabilities(cards=True, max_text_bytes=outbound.CONTENT_LIMIT, resend_is_safe=False, per_minute=30)

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
        self._webhook = WecomBotWebhook(
            settings, intake=intake, presses=presses, database=database, clock=clock, words=self._words
        )

    async def receive(self, request: Request) -> Response:
        """See `Channel.receive`. Raises `RetryLater` when what came cannot be kept now."""
        return await self._webhook.receive(request)

    async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
        """See `Channel.send`. The receipt's id is also the subject of a later thumb up or down."""
        answer = Answer(
            key=idempotency_key,
            content=outbound.content_of(message),
            card=outbound.card_json(message.card, idempotency_key, self._settings.bot_name),
            elsewhere=self._words.elsewhere,
        )
        refusal = "none of the answered messages has a bubble or a response_url"
        while True:
            way = await self._way(message, answer)
            if isinstance(way, InBubble):
                return Receipt(way.stream_id)
            if not isinstance(way, ByUrl):
                raise GiveUp(f"no way left ({refusal}): the platform gives no active send in webhook mode")
            try:
                return await self._by_url(way, answer.content, answer.card)
            except GiveUp as refused:
                refusal = str(refused)
                await self._database.write(partial(reply_ways.spend_url, stream_id=way.stream_id))

    async def unpicked(self, now: float) -> int:
        """Sends finished texts that the platform never asked for by response_url; gives how many left.

        For a timer, every half minute or so. Bubbles that nobody asks about any more are closed beside it.
        """
        late = self._words.late
        await self._database.write(lambda connection: streams.close_abandoned(connection, late=late, now=now))
        rescues = await self._database.write(
            lambda connection: reply_ways.take_rescues(connection, now, _RESCUES_A_ROUND)
        )
        return sum([await self._rescued(rescue) for rescue in rescues])

    async def hush(self, handles: Sequence[Mapping[str, str]]) -> int:
        """Closes the bubbles of messages that get no answer, on purpose; gives how many were open."""
        ids, words, now = [one.get("stream_id", "") for one in handles], self._words.hushed, self._clock()
        return await self._database.write(lambda connection: streams.hush(connection, ids, words=words, now=now))

    async def media(self, reference: str) -> bytes:
        """The file behind an attachment's reference, decrypted. See `WecomBotClient.media` for the errors."""
        return await self._client.media(reference)

    async def close(self) -> None:
        """See `Channel.close`."""
        await self._client.close()

    async def _way(self, message: OutgoingMessage, answer: Answer) -> Way:
        now = self._clock()
        way = await self._database.write(
            lambda connection: reply_ways.take_way(connection, message.handles, answer, now)
        )
        if isinstance(way, RowsMissing):
            raise RetryLater("the messages answered are being written this very moment", _ROW_WAIT_S)
        return way

    async def _by_url(self, way: ByUrl, content: str, card: str) -> Receipt:
        """Posts to a response_url that was taken; one whose answer was lost is asked once more.

        The platform takes only one answer per URL, so asking again cannot show the message twice: it either goes out
        now, or is refused and the fate of the first try stays unknown.
        """
        receipt = Receipt(f"{way.stream_id}-url")
        body = outbound.response(content, card, receipt.platform_message_id)
        uncertain = way.again
        for _ in range(2):
            try:
                await self._client.respond(way.url, body)
            except RetryLater:
                if not uncertain:
                    await self._database.write(lambda connection: reply_ways.release_url(connection, way.stream_id))
                raise
            except FateUnknown:
                uncertain = True
            except GiveUp as refused:
                if uncertain:
                    raise FateUnknown(f"an earlier try may have gone out; now: {refused}") from refused
                raise
            else:
                return receipt
        raise FateUnknown("the answer to a response_url call was lost twice")

    async def _rescued(self, rescue: Rescue) -> bool:
        log = logger.bind(account=self.account, stream_id=rescue.stream_id)
        if rescue.way is None:
            log.error("wecom_bot.reply_lost", reason="never picked up, and no response_url is left")
            return False
        try:
            await self._by_url(rescue.way, rescue.content, rescue.card)
        except RetryLater:
            await self._database.write(lambda connection: reply_ways.postpone_rescue(connection, rescue))
            return False
        except (GiveUp, FateUnknown) as error:
            log.error("wecom_bot.reply_lost", reason=str(error))
            return False
        log.info("wecom_bot.reply_rescued")
        return True
