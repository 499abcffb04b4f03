"""The numbers by which mail is worked; every one has a default that suits a small shop and a large one."""

from __future__ import annotations

from dataclasses import dataclass

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class DeliveryTerms:
    """How many things at once, how long they may take, when they are given up. Times are in seconds.

    `quiet_s` and `cap_s` hold a reply to words that look unfinished (0 switches it off). A turn is thought again at
    most `restarts` times because new words arrived, and tried `turn_tries` times before a person gets it. A lane that
    its customer left for `idle_s` starts a new conversation. `ledger_keep_s` must outlast every platform's
    redelivery (Feishu's last one comes after 6 h).
    """

    turn_slots: int = 16
    send_slots: int = 32
    timer_slots: int = 8
    quiet_s: float = 1.2
    cap_s: float = 3.0
    restarts: int = 3
    turn_tries: int = 3
    timer_tries: int = 5
    burst_limit: int = 50
    think_limit_s: float = 120.0
    send_limit_s: float = 15.0
    timer_limit_s: float = 100.0
    lease_s: float = 30.0
    renew_s: float = 10.0
    timer_lease_s: float = 120.0
    poll_s: float = 0.5
    idle_s: float = 24 * HOUR_S
    drain_s: float = 10.0
    ledger_keep_s: float = 72 * HOUR_S
    housekeeping_s: float = HOUR_S
    max_sends: int = 8
    give_up_sending_s: float = HOUR_S

    def __post_init__(self) -> None:
        if self.ledger_keep_s < 8 * HOUR_S:
            raise ValueError("keep the ledger for at least 8 h: platforms deliver again after 6 h")
        if self.send_limit_s >= self.lease_s or self.renew_s >= self.lease_s:
            raise ValueError("a lease must outlast one send and one renewal")
