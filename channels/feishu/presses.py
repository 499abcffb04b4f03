"""Answers a pressed card button inside Feishu's 3 seconds; what takes longer is finished and shown later.

Protocol: https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-callback-communication
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import structlog

from channels.channel import CardAnswer, CardPress, CardPresses
from channels.feishu.cards import to_card
from channels.feishu.client import FeishuClient
from channels.feishu.inbound import PressedCard
from channels.feishu.people import People
from conversation.errors import HuiyingError

logger = structlog.get_logger(__name__)

#: Feishu shows an error after 3 s and never asks again.
ANSWER_WITHIN_S = 2.5
#: A card may be changed by token only once the press was answered; the answer needs a moment to arrive.
AFTER_ANSWER_S = 0.5

STILL_AT_IT = "处理中，请稍后刷新"
FAILED = "没有成功，请再试一次"


class PressAnswers:
    """Asks the desk what a press does and puts its answer into Feishu's form."""

    def __init__(self, presses: CardPresses, client: FeishuClient, people: People) -> None:
        self._presses = presses
        self._client = client
        self._people = people
        self._running: set[asyncio.Task[Any]] = set()

    async def answer(self, pressed: PressedCard) -> dict[str, Any]:
        """The body of the answer: a toast, and the card as it is now."""
        deciding = self._run(self._decide(pressed.press))
        done, _ = await asyncio.wait({deciding}, timeout=ANSWER_WITHIN_S)
        if not done:
            # Not cancelled: half a takeover would be worse than a late card.
            self._run(self._show_late(deciding, pressed.update_token))
            return {"toast": {"type": "info", "content": STILL_AT_IT}}
        return to_answer(deciding.result())

    async def close(self) -> None:
        """Gives up what is still under way."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _decide(self, press: CardPress) -> CardAnswer:
        named = replace(press, operator=await self._people.named(press.operator))
        try:
            return await self._presses.pressed(named)
        except HuiyingError as failed:
            logger.warning("feishu.press_failed", card=press.card_message_id, reason=str(failed))
            return CardAnswer(FAILED, good=False)

    async def _show_late(self, deciding: asyncio.Task[CardAnswer], update_token: str) -> None:
        answer = await deciding
        if answer.card is None or not update_token:
            return
        await asyncio.sleep(AFTER_ANSWER_S)
        try:
            await self._client.update_pressed(update_token, to_card(answer.card))
        except HuiyingError as failed:
            logger.warning("feishu.late_card_not_shown", reason=str(failed))

    def _run(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def to_answer(answer: CardAnswer) -> dict[str, Any]:
    """What Feishu is answered: nothing to show is an empty object."""
    body: dict[str, Any] = {}
    if answer.notice:
        body["toast"] = {"type": "success" if answer.good else "error", "content": answer.notice}
    if answer.card is not None:
        body["card"] = {"type": "raw", "data": to_card(answer.card)}
    return body
