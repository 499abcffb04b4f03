"""When people are at the desk, and the words for when they are back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from conversation.turn import DeskHours

WEEKDAYS = "一二三四五六日"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """The desk's week: the same opening hours on every open day (Monday is 0). No open day means: never staffed."""

    opens: time
    closes: time
    days: frozenset[int] = frozenset(range(7))
    zone: ZoneInfo = SHANGHAI
    reply_within_s: float = 300.0

    def at(self, now: float) -> DeskHours:
        """The desk at `now` (Unix seconds)."""
        moment = datetime.fromtimestamp(now, self.zone)
        if moment.weekday() in self.days and self.opens <= moment.time() < self.closes:
            return DeskHours(staffed=True, opens="", reply_within_s=self.reply_within_s)
        return DeskHours(staffed=False, opens=self._next_opening(moment), reply_within_s=self.reply_within_s)

    def next_opening(self, now: float) -> float | None:
        """When the desk opens next (Unix seconds): now itself while it is open, None when it never does."""
        moment = datetime.fromtimestamp(now, self.zone)
        if self.at(now).staffed:
            return now
        return next((start.timestamp() for start in self._starts(moment)), None)

    def _next_opening(self, moment: datetime) -> str:
        start = next(iter(self._starts(moment)), None)
        if start is None:
            return ""
        days = (start.date() - moment.date()).days
        day = ("今天", "明天")[days] if days < 2 else f"周{WEEKDAYS[start.weekday()]}"
        return f"{day} {start:%-H:%M}"

    def _starts(self, moment: datetime) -> Iterable[datetime]:
        for ahead in range(8):
            start = datetime.combine(moment.date() + timedelta(days=ahead), self.opens, self.zone)
            if start.weekday() in self.days and start > moment:
                yield start
