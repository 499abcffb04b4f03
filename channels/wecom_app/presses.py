"""Answers a pressed button inside the platform's 5 seconds; what takes longer, and a new card, is shown by a call.

Protocol: https://developer.work.weixin.qq.com/document/path/90241 (answer), /94888 (later change).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from channels.channel import CardAnswer, CardPress, CardPresses
from channels.wecom_app.client import WecomAppClient
from channels.wecom_app.inbound import PressedCard
from channels.wecom_app.outbound import template_card
from conversation.errors import HuiyingError

logger = structlog.get_logger(__name__)

#: The platform waits 5 s; the way back needs some of it.
ANSWER_WITHIN_S = 3.5

FAILED = "没有成功"


class PressAnswers:
    """Asks the desk what a press does and puts its answer into the platform's form."""

    def __init__(self, presses: CardPresses, client: WecomAppClient, app_name: str) -> None:
        self._presses = presses
        self._client = client
        self._app_name = app_name
        self._running: set[asyncio.Task[Any]] = set()

    async def answer(self, pressed: PressedCard) -> Mapping[str, Any] | None:
        """The answer's fields: the button that says what was done; None where a call will show it."""
        deciding = self._run(self._decide(pressed.press))
        done, _ = await asyncio.wait({deciding}, timeout=ANSWER_WITHIN_S)
        if done and not _needs_card(deciding.result()):
            notice = deciding.result().notice
            return {"MsgType": "update_button", "Button": {"ReplaceName": notice}} if notice else None
        # Not cancelled: half a takeover would be worse than a late card.
        self._run(self._show(deciding, pressed))
        return None

    async def close(self) -> None:
        """Gives up what is still under way."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _decide(self, press: CardPress) -> CardAnswer:
        try:
            return await self._presses.pressed(press)
        except HuiyingError as failed:
            logger.warning("wecom_app.press_failed", card=press.card_message_id, reason=str(failed))
            return CardAnswer(FAILED, good=False)

    async def _show(self, deciding: asyncio.Task[CardAnswer], pressed: PressedCard) -> None:
        answer, press = await deciding, pressed.press
        change: dict[str, Any] = {"button": {"replace_name": answer.notice}}
        if answer.card is not None and answer.card.buttons:
            change = {"template_card": template_card(answer.card, press.card_message_id, self._app_name)}
        try:
            await self._client.update_card(press.operator.person_id, pressed.response_code, change)
        except HuiyingError as failed:
            logger.warning("wecom_app.card_not_changed", card=press.card_message_id, reason=str(failed))

    def _run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _needs_card(answer: CardAnswer) -> bool:
    return answer.card is not None and bool(answer.card.buttons)
