"""A clock that runs with the world's but can leap ahead, so that six hours of redelivery take seconds."""

from __future__ import annotations

import time


class ShiftedClock:
    """Unix seconds: the real time plus `offset_s`, which only grows."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_s

    def advance(self, seconds: float) -> None:
        """Leaps ahead; time never goes back."""
        self.offset_s += max(0.0, seconds)
