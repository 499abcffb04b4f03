"""The fault ladder: what the network and the platforms do wrong, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from playground.faults import Faults

Item = TypeVar("Item")

#: How much later each round of redelivery comes (seconds): Feishu's own schedule, and WeCom is made to share it. The
#: first rounds follow every scene, the last ones come when everything has been said.
SOON_S, LATE_S = (15.0, 300.0), (3600.0, 21600.0)


class Fate(StrEnum):
    """What happens to one message on its way to the service."""

    PLAIN = "plain"
    TWICE = "delivered twice at once"
    ACK_LOST = "acknowledgement lost"


@dataclass(slots=True)
class FaultLadder:
    """Draws from one seed: the same traffic and seed meet the same kinds of faults."""

    seed: int
    twice: float = 0.2
    ack_lost: float = 0.15
    again: float = 0.25
    _draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._draw = random.Random(f"ladder {self.seed}")

    def fate(self) -> Fate:
        """The fate of the next message."""
        chance = self._draw.random()
        if chance < self.twice:
            return Fate.TWICE
        return Fate.ACK_LOST if chance < self.twice + self.ack_lost else Fate.PLAIN

    def shuffled(self, items: list[Item]) -> list[Item]:
        """The same items in another order."""
        return self._draw.sample(items, len(items))

    def redelivered(self, items: list[Item]) -> list[Item]:
        """Those that a platform delivers again on a rung although they were acknowledged."""
        return [item for item in items if self._draw.random() < self.again]

    def arm(self, faults: Faults) -> None:
        """Makes some sends fail: the platform is too busy, breaks, or does it and loses its answer."""
        for call in ("reply", "create", "response_url"):
            faults.every(self._draw.randint(5, 9), call, rate_limited=True)
            faults.every(self._draw.randint(6, 11), call, drop=True)
            faults.every(self._draw.randint(8, 13), call, http=500)
        faults.every(self._draw.randint(15, 25), "token", http=500)
