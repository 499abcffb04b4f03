"""How much one member may still be sent: what is over the limit the platform drops without a word.

Protocol: https://developer.work.weixin.qq.com/document/path/90236
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from conversation.errors import RetryLater

PER_MINUTE, PER_HOUR = 30, 1000
_HOUR_S, _MINUTE_S = 3600.0, 60.0


class MemberLimits:
    """Counts the sends of this process to each member within the last hour."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}

    def take(self, user_id: str) -> None:
        """Counts one send. Raises `RetryLater` instead where it would be dropped."""
        now = self._clock()
        sent = self._sent[user_id] = self._sent.pop(user_id, deque())
        while sent and sent[0] <= now - _HOUR_S:
            sent.popleft()
        for limit, window in ((PER_MINUTE, _MINUTE_S), (PER_HOUR, _HOUR_S)):
            if len(sent) >= limit and sent[-limit] > now - window:
                raise RetryLater(
                    f"a member gets at most {limit} messages in {window:.0f} s", sent[-limit] + window - now
                )
        sent.append(now)
        self._forget_quiet(now)

    def _forget_quiet(self, now: float) -> None:
        # Whoever was sent something stands at the end, so the one left alone for longest stands first.
        while self._sent[first := next(iter(self._sent))][-1] <= now - _HOUR_S:
            del self._sent[first]
