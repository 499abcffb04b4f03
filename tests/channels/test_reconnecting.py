"""Coming back to a platform: growing pauses, good sessions, and reasons to stay away."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from channels.reconnecting import Pauses, Reconnecting
from conversation.errors import GiveUp, RetryLater


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_pauses_grow_to_the_longest_and_no_two_clients_share_them(chances: list[float]) -> None:
    given_out = iter(chances)
    pauses = Pauses(lambda: next(given_out), 1.0, 60.0)

    found = [pauses.next_s() for _ in chances]

    for number, (pause, chance) in enumerate(zip(found, chances, strict=True)):
        step = min(2.0**number, 60.0)
        assert pause == step * (0.5 + chance / 2)


def test_after_a_good_session_the_first_pause_is_short_again() -> None:
    pauses = Pauses(lambda: 1.0)
    assert [pauses.next_s() for _ in range(3)] == [1.0, 2.0, 4.0]
    pauses.start_anew()
    assert pauses.next_s() == 1.0


async def run(*ends: Exception) -> tuple[Reconnecting, list[float]]:
    """Sessions that end like this, one after the other; the last one stays."""
    slept: list[float] = []
    left = iter(ends)
    done = asyncio.Event()

    async def session() -> None:
        end = next(left, None)
        if end is None:
            kept.is_up()
            done.set()
            await asyncio.Event().wait()
        elif isinstance(end, GiveUp):
            done.set()
        raise end or AssertionError

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    kept = Reconnecting("test", session, Pauses(lambda: 1.0), sleep=sleep)
    kept.start()
    kept.start()
    await asyncio.wait_for(done.wait(), 5)
    await asyncio.sleep(0)
    return kept, slept


async def test_it_comes_back_until_it_is_there_and_then_has_no_problem() -> None:
    kept, slept = await run(RetryLater("gone"), RetryLater("gone", 30.0), ValueError("a fault"))

    assert slept == [1.0, 30.0, 4.0]
    assert kept.problem == ""
    await kept.close()
    assert kept.problem == "closed"


async def test_it_stays_away_when_told_so_and_says_why() -> None:
    kept, slept = await run(RetryLater("gone"), GiveUp("another one took over"))

    assert slept == [1.0]
    assert kept.problem == "another one took over"
    await kept.close()


async def test_closing_what_never_began_is_nothing() -> None:
    kept = Reconnecting("test", asyncio.Event().wait, Pauses(lambda: 1.0))  # type: ignore[arg-type]
    await kept.close()
    assert kept.problem == "not connected yet"
