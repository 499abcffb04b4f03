"""Takes the parts of one send to the platform: in order, each once, going on where an earlier try stopped.

Protocol: https://developer.work.weixin.qq.com/document/path/94677 (send_msg), /95122 (send_msg_on_event)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from channels.wechat_api import HumanHolds, WechatRefused, WindowClosed
from channels.wecom_kf import outbound, part_sends
from channels.wecom_kf.account import Chat
from channels.wecom_kf.client import WecomKfClient
from channels.wecom_kf.outbound import Json
from channels.wecom_kf.part_sends import EXPLAINED, Progress
from conversation.errors import FateUnknown, RetryLater
from store.database import Database

logger = structlog.get_logger(__name__)


class PartSender:
    """One per channel."""

    def __init__(self, client: WecomKfClient, database: Database, clock: Callable[[], float]) -> None:
        self._client = client
        self._database = database
        self._clock = clock

    async def begin(self, key: str) -> Progress:
        """How far the send under `key` got before."""
        return await self._database.write(partial(part_sends.begin, key=key, now=self._clock()))

    async def send(self, chat: Chat, bodies: Sequence[Json], key: str, *, code: str = "") -> str:
        """Takes the bodies to the customer and gives the msgid of the first. `code` answers an event with it.

        Raises as `WecomKfClient.send` does; what went out before is not sent again under the same key.
        """
        before = await self.begin(key)
        for number, body in enumerate(bodies):
            if number < before.done:
                continue
            if number > before.done:
                await self._note(key, Progress(number, uncertain=True))
            doubtful = before.uncertain and number == before.done
            msgid = outbound.msgid_of(key, number)
            by_event = code if number == 0 else ""
            try:
                await self._send(chat, body, msgid, by_event)
            except FateUnknown:
                raise
            except RetryLater:
                await self._note(key, Progress(number, uncertain=doubtful))
                raise
            except WechatRefused as refused:
                if not doubtful or refused.code in EXPLAINED:
                    await self._note(key, Progress(number, uncertain=doubtful))
                    raise _told(refused, number, len(bodies), doubtful) from None
                logger.info("wecom_kf.repeat_refused", msgid=msgid, code=refused.code)
        return outbound.msgid_of(key, 0)

    async def _send(self, chat: Chat, body: Json, msgid: str, code: str) -> None:
        if code:
            await self._client.send_on_event(outbound.to_event(body, code, msgid))
        else:
            await self._client.send(outbound.to_chat(body, chat, msgid))

    async def _note(self, key: str, progress: Progress) -> None:
        await self._database.write(partial(part_sends.note, key=key, progress=progress))


def _told(refused: WechatRefused, number: int, parts: int, doubtful: bool) -> WechatRefused:
    """The same refusal with what is out already."""
    words = str(refused)
    if parts > 1:
        words = f"{words} ({number} of {parts} parts went out)"
    if doubtful:
        words = f"{words} (an earlier try may have arrived)"
    kind = next((one for one in (WindowClosed, HumanHolds) if isinstance(refused, one)), WechatRefused)
    return kind(words, refused.code)
