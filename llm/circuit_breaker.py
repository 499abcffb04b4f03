"""Says whether a model is worth asking now: after failures in a row it is left alone for a while, then probed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class CircuitBreaker:
    """Closed until `open_after` failures in a row, then open for `open_s` seconds, then one probe at a time.

    `clock` gives monotonic seconds. Who enters must end with exactly one of `succeeded`, `failed`, `left`.
    """

    clock: Callable[[], float]
    open_after: int = 5
    open_s: float = 30.0
    _failures: int = 0
    _opened_at: float | None = None
    _probing: bool = False

    @property
    def ready(self) -> bool:
        """True when `enter` would let a caller in."""
        if self._opened_at is None:
            return True
        return not self._probing and self.clock() - self._opened_at >= self.open_s

    def enter(self) -> bool:
        """Lets a caller in or not; the first one after the open time is the probe."""
        if not self.ready:
            return False
        self._probing = self._opened_at is not None
        return True

    def succeeded(self) -> None:
        """The model answered: closed again."""
        self._failures, self._opened_at, self._probing = 0, None, False

    def failed(self) -> None:
        """The model did not answer; a failed probe opens for another full time."""
        self._failures += 1
        if self._failures >= self.open_after:
            self._opened_at = self.clock()
        self._probing = False

    def left(self) -> None:
        """The caller went away before it knew: nothing learnt, the probe is free again."""
        self._probing = False
