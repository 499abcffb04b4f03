"""How fast a room may be spoken to. Pure: the sends of the past come from the database, so all processes share them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from channels.channel import Capabilities


def memory_needed(capabilities: Capabilities) -> int:
    """How many past sends decide about the next one; 0 when the platform names no limit."""
    return max((count for count, _ in _limits(capabilities)), default=0)


def earliest_send(sent_at: Sequence[float], capabilities: Capabilities) -> float:
    """The first moment (Unix seconds) at which one more message keeps every limit. `sent_at` is newest first.

    Counts sends in a sliding window: never more than the platform's number in any one second or minute, whereas a
    bucket that refills could let nearly twice as many through around the edge of a window.
    """
    moments = (sent_at[count - 1] + window for count, window in _limits(capabilities) if len(sent_at) >= count)
    return max(moments, default=-math.inf)


def _limits(capabilities: Capabilities) -> Iterator[tuple[int, float]]:
    """Each limit as so many messages in so many seconds; a rate below one is one message in a longer window."""
    for rate, window in ((capabilities.per_second, 1.0), (capabilities.per_minute, 60.0)):
        if rate >= 1:
            yield int(rate), window
        elif rate > 0:
            yield 1, window / rate
