"""How often one visitor or one network address may call: a leaky bucket per name, in this process; no I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

#: Names that are remembered at once; the one that has been silent for longest is forgotten first.
REMEMBERED = 20_000


class RateLimit:
    """`per_minute` in the long run, as many at once."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float], remembered: int = REMEMBERED) -> None:
        self._interval = 60.0 / per_minute
        self._slack = 60.0 - self._interval
        self._clock = clock
        self._remembered = remembered
        self._due: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, name: str) -> float:
        """Counts one call; 0 when it is allowed, else the seconds until one will be."""
        now = self._clock()
        # A clock that was set back must not lock anybody out for longer than a minute.
        due = min(max(now, self._due.get(name, now)), now + 60.0 + self._interval)
        if due - now > self._slack + 1e-9:
            return due - now - self._slack
        self._due[name] = due + self._interval
        self._due.move_to_end(name)
        while len(self._due) > self._remembered:
            self._due.popitem(last=False)
        return 0.0
