"""How many customer-service messages an account may send to whom: every act of a customer buys some, for some time.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playground.mp_gateway import ApiRefusal

DAY_S = 86400.0
#: What an act allows: (messages, seconds).
ALLOWANCES: dict[str, tuple[int, float]] = {
    "message": (5, 2 * DAY_S),
    "click": (3, 60.0),
    "subscribe": (3, 60.0),
    "scan": (3, 60.0),
    "user_enter_tempsession": (2, 60.0),
}


@dataclass(slots=True)
class _Allowance:
    left: int
    until: float


class Windows:
    """The allowances of all customers; an act of one kind replaces the earlier one of that kind."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_customer: dict[str, dict[str, _Allowance]] = {}

    def acted(self, openid: str, act: str) -> None:
        """A customer did something that may allow messages."""
        if act in ALLOWANCES:
            count, seconds = ALLOWANCES[act]
            self._by_customer.setdefault(openid, {})[act] = _Allowance(count, self._clock() + seconds)

    def spend(self, openid: str) -> None:
        """Take one message, from the allowance that ends first; refused where there is none."""
        alive = [one for one in self._by_customer.get(openid, {}).values() if one.until > self._clock()]
        if not alive:
            raise ApiRefusal(45015, "response out of time limit or subscription is canceled")
        usable = [one for one in alive if one.left]
        if not usable:
            raise ApiRefusal(45047, "out of response count limit")
        min(usable, key=lambda one: one.until).left -= 1

    def close(self, openid: str) -> None:
        """End every allowance of a customer: they unsubscribed, or 48 hours went by."""
        self._by_customer.pop(openid, None)
