"""Asks Feishu for what would be good to know, for a second at most; what cannot be had is left out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from conversation.errors import HuiyingError
from tools.feishu_errors import FeishuRefused

logger = structlog.get_logger(__name__)

PATIENCE_S = 1.0
#: Codes that concern the app, not the person or message: nothing of the kind can be had for a while.
SCOPE_PAUSE_S = 3_600.0
_NO_SCOPE = frozenset({99991672, 99991679, 99991403})

Found = TypeVar("Found")


class Patience:
    """One app's best effort. `clock` is Unix seconds; the second of patience is real time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paused_until: dict[str, float] = {}

    async def ask(self, what: str, ask: Callable[[str], Awaitable[Found]], subject: str) -> Found | None:
        """What `ask` gives for `subject`, or None. Where the app lacks the right, `what` is not asked for an hour."""
        if self._clock() < self._paused_until.get(what, 0.0):
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await ask(subject)
        except TimeoutError:
            logger.info("feishu.not_filled_in", what=what, subject=subject, reason="took too long")
        except HuiyingError as refused:
            if isinstance(refused, FeishuRefused) and refused.code in _NO_SCOPE:
                self._paused_until[what] = self._clock() + SCOPE_PAUSE_S
            logger.info("feishu.not_filled_in", what=what, subject=subject, reason=str(refused))
        return None
