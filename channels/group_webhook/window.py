"""How many notices may leave: twenty in any minute, counted here before the platform has to refuse one. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

#: https://developer.work.weixin.qq.com/document/path/99110
PER_MINUTE = 20
WINDOW_S = 60.0


class SendWindow:
    """One robot's count in this process. What other processes sent is learnt when the platform refuses a notice."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=PER_MINUTE)
        self._closed_until = 0.0

    def pause_s(self, wanted: int = 1) -> float:
        """Seconds until `wanted` notices (at most twenty count) may leave one after the other; 0 for now."""
        now, wanted = self._clock(), min(wanted, PER_MINUTE)
        place = len(self._sent) - PER_MINUTE + wanted - 1
        free_at = self._sent[place] + WINDOW_S if place >= 0 else 0.0
        return max(0.0, free_at - now, self._closed_until - now)

    def count(self) -> None:
        """A notice leaves now."""
        self._sent.append(self._clock())

    def close(self, pause_s: float) -> None:
        """The platform refuses more for so many seconds."""
        self._closed_until = self._clock() + pause_s
