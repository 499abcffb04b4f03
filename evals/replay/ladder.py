"""The fault ladder: what the network and the platforms do wrong, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class FaultLadder:
    """Draws from one seed: the same line of the same traffic meets the same fate, in whatever order lines are said."""

    seed: int
    twice: float = 0.2
    ack_lost: float = 0.15
    again: float = 0.25

    def fate(self, line: int) -> Fate:
        """The fate of a line, by its number in the traffic."""
        chance = self._draw("fate", line).random()
        if chance < self.twice:
            return Fate.TWICE
        return Fate.ACK_LOST if chance < self.twice + self.ack_lost else Fate.PLAIN

    def shuffled(self, items: list[Item]) -> list[Item]:
        """The same items in another order."""
        return self._draw("order", len(items)).sample(items, len(items))

    def comes_again(self, line: int, rung_s: float) -> bool:
        """Whether a platform delivers a line again on a rung although it was acknowledged."""
        return self._draw("again", line, rung_s).random() < self.again

    def arm(self, faults: Faults) -> None:
        """Makes some sends fail: the platform is too busy, breaks, or does it and loses its answer."""
        draw = self._draw("faults")
        for call in ("reply", "create", "response_url"):
            faults.every(draw.randint(5, 9), call, rate_limited=True)
            faults.every(draw.randint(6, 11), call, drop=True)
            faults.every(draw.randint(8, 13), call, http=500)
        faults.every(draw.randint(15, 25), "token", http=500)

    def _draw(self, *what: object) -> random.Random:
        return random.Random(f"{self.seed} {what}")
