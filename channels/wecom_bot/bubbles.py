"""Which lanes of this process show an open bubble: decided in memory, so that an acknowledgement costs no write.

Losing it loses nothing: every message carries the bubble of its answer in its handle. At worst a burst that spans two
processes or a restart shows two bubbles, and the answer closes both.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A further message of the same lane gets no bubble of its own while one is younger than this.
LANE_S = 300.0
#: The platform stops asking six minutes after the message; half a minute before, the bubble says that it is late.
OPEN_S = 330.0
#: Nothing is remembered for longer.
_MEMORY_S = 600.0
_MEMORY_LIMIT = 100_000


#: How long it is taken for granted that no other process has ended a bubble that was open a moment ago.
_SURE_S = 1.0


@dataclass(slots=True, eq=False)
class Bubble:
    """A bubble that waits for its text. `opened_at` and `sure_until` are Unix seconds.

    `req_id` is the question's id on the long connection, empty for one that came by webhook.
    """

    stream_id: str
    lane: str
    opened_at: float
    sure_until: float = 0.0
    req_id: str = ""

    def seen_open(self, now: float) -> None:
        """Nobody has ended it yet."""
        self.sure_until = now + _SURE_S


class Bubbles:
    """The open bubbles, by stream and by lane."""

    def __init__(self) -> None:
        self._by_stream: dict[str, Bubble] = {}
        self._by_lane: dict[str, Bubble] = {}
        self._joined: dict[str, float] = {}

    def in_lane(self, lane: str, now: float) -> Bubble | None:
        """The bubble that answers further messages of the lane, if one is open and young enough."""
        bubble = self._by_lane.get(lane)
        return bubble if bubble and now - bubble.opened_at < LANE_S else None

    def open(self, stream_id: str, lane: str, now: float, req_id: str = "") -> Bubble:
        """A new bubble; the lane's further messages belong to it."""
        self._forget(now)
        bubble = Bubble(stream_id, lane, now, req_id=req_id)
        bubble.seen_open(now)
        self._by_stream[stream_id] = self._by_lane[lane] = bubble
        return bubble

    def knows(self, stream_id: str) -> bool:
        """Whether this process opened the bubble, or was asked about it, and it is open."""
        return stream_id in self._by_stream

    def join(self, stream_id: str, now: float) -> None:
        """Remembers that this message was acknowledged without a bubble of its own."""
        self._forget(now)
        self._joined[stream_id] = now

    def has_joined(self, stream_id: str) -> bool:
        """Whether the message is a repeat of one that got no bubble."""
        return stream_id in self._joined

    def opened_at(self, stream_id: str, now: float) -> float:
        """When the bubble was opened; one opened elsewhere counts from the first time that it is asked about."""
        bubble = self._by_stream.get(stream_id)
        if bubble is None:
            self._forget(now)
            bubble = self._by_stream[stream_id] = Bubble(stream_id, "", now)
        return bubble.opened_at

    def overdue(self, now: float) -> list[Bubble]:
        """Open bubbles that the platform will soon let nobody write in any more, oldest first."""
        return [bubble for bubble in self._by_stream.values() if now - bubble.opened_at >= OPEN_S]

    def close(self, stream_id: str) -> None:
        """The bubble has its last text: the lane is free."""
        bubble = self._by_stream.pop(stream_id, None)
        if bubble and self._by_lane.get(bubble.lane) is bubble:
            del self._by_lane[bubble.lane]

    def _forget(self, now: float) -> None:
        """Drops what is old, and the oldest beyond the limit; each call drops at least as much as it may add."""
        while self._by_stream:
            oldest = next(iter(self._by_stream.values()))
            if now - oldest.opened_at < _MEMORY_S and len(self._by_stream) < _MEMORY_LIMIT:
                break
            self.close(oldest.stream_id)
        while self._joined:
            stream_id, at = next(iter(self._joined.items()))
            if now - at < _MEMORY_S and len(self._joined) < _MEMORY_LIMIT:
                break
            del self._joined[stream_id]
