"""Whether people are at the desk is said truly, in the shop's own time zone."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from desk.hours import SHANGHAI, OfficeHours

WORKDAYS = OfficeHours(time(9), time(21), frozenset(range(5)))


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


@pytest.mark.parametrize(
    ("now", "staffed", "opens"),
    [
        ("2026-11-20T09:00", True, ""),
        ("2026-11-20T20:59", True, ""),
        ("2026-11-20T21:00", False, "周一 9:00"),
        ("2026-11-19T02:00", False, "今天 9:00"),
        ("2026-11-18T23:00", False, "明天 9:00"),
        ("2026-11-22T12:00", False, "明天 9:00"),
    ],
)
def test_the_desk_says_when_it_opens(now: str, staffed: bool, opens: str) -> None:
    desk = WORKDAYS.at(moment(now))
    assert (desk.staffed, desk.opens) == (staffed, opens)


def test_a_desk_that_never_opens_promises_no_time() -> None:
    never = OfficeHours(time(9), time(21), frozenset())
    assert never.at(moment("2026-11-20T10:00")).opens == ""
    assert never.next_opening(moment("2026-11-20T10:00")) is None
