"""What comes in is kept once per platform message id, however often and from how many sides it is delivered."""

from __future__ import annotations

import asyncio
import random

import pytest

from conversation.errors import RetryLater
from delivery.inbox import Inbox
from delivery.terms import HOUR_S, DeliveryTerms
from delivery.wakeup import LocalWakeup
from store.inbox_rows import forget_old
from store.open_database import open_database
from store.schema import inbox, ledger
from tests.conftest import FakeClock
from tests.delivery.doubles import message
from tests.delivery.stage import Stage

#: Seconds after the first delivery at which Feishu delivers again.
LADDER = (0, 15, 5 * 60, HOUR_S, 6 * HOUR_S)


async def test_a_new_message_is_kept_and_a_repeat_is_not(stage: Stage) -> None:
    assert await stage.put(message(1)) == [True]
    assert await stage.put(message(1), message(2)) == [False, True]
    assert len(await stage.rows(inbox)) == 2


async def test_the_same_message_twice_in_one_call_is_kept_once(stage: Stage) -> None:
    assert await stage.put(message(1), message(2), message(1)) == [True, True, False]


async def test_nothing_to_put_is_nothing(stage: Stage) -> None:
    assert await stage.put() == []


async def test_concurrent_duplicates_count_once(stage: Stage) -> None:
    numbers = [number for number in range(30) for _ in range(4)]
    random.Random(7).shuffle(numbers)
    answers = await asyncio.gather(*(stage.put(message(number)) for number in numbers))
    assert sum(new for [new] in answers) == 30
    assert len(await stage.rows(inbox)) == 30


async def test_two_processes_with_the_same_messages_keep_each_once(
    stage: Stage, database_url: str, clock: FakeClock
) -> None:
    elsewhere = open_database(database_url)
    other = Inbox(elsewhere, LocalWakeup(), clock)
    batches = [[message(number) for number in (3, 1, 2, 4)], [message(number) for number in (4, 2, 1, 5)]]
    here, there = await asyncio.gather(
        asyncio.gather(*(stage.inbox.put(batch) for batch in batches)),
        asyncio.gather(*(other.put(batch) for batch in reversed(batches))),
    )
    assert sum(sum(one) for one in (*here, *there)) == 5
    await elsewhere.close()


async def test_the_redelivery_ladder_is_answered_with_a_shrug(stage: Stage, clock: FakeClock) -> None:
    began = clock.now
    kept = []
    for after in LADDER:
        clock.now = began + after
        kept += await stage.put(message(1))
        await stage.answer()
        before = clock.now - DeliveryTerms().ledger_keep_s
        await stage.database.write(lambda connection, before=before: forget_old(connection, before=before))
    assert kept == [True, False, False, False, False]
    assert len(stage.thinker.turns) == 1


async def test_the_ledger_forgets_finished_messages_only_after_its_time(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    await stage.answer()
    await stage.put(message(2))
    later = clock.now + 8 * HOUR_S
    forgotten = await stage.database.write(lambda connection: forget_old(connection, before=clock.now))
    assert forgotten == 0
    forgotten = await stage.database.write(lambda connection: forget_old(connection, before=later))
    assert forgotten == 1
    # What still waits is remembered however old it is.
    assert await stage.column(ledger, "dedup_key") == [message(2).key]


def test_a_ledger_shorter_than_the_redelivery_ladder_is_refused() -> None:
    with pytest.raises(ValueError, match="8 h"):
        DeliveryTerms(ledger_keep_s=7 * HOUR_S)


async def test_half_a_character_does_not_lose_the_message(stage: Stage) -> None:
    assert await stage.put(message(1, "表情\ud83d没了")) == [True]
    await stage.answer()
    assert stage.thinker.turns[0].text == "表情\ufffd没了"


async def test_a_bad_item_fails_alone(stage: Stage) -> None:
    """PostgreSQL takes no NUL and neither database takes half a character in a key."""
    good = [stage.put(message(number)) for number in range(5)]
    bad = stage.put(message(9, message_id="m\ud83d"))
    *answers, failure = await asyncio.gather(*good, bad, return_exceptions=True)
    assert answers == [[True]] * 5
    assert isinstance(failure, Exception)


async def test_a_database_that_is_gone_is_said_so(postgres_url: str, clock: FakeClock) -> None:
    gone = open_database(postgres_url.replace("host=", "host=/nowhere"))
    with pytest.raises(RetryLater):
        await Inbox(gone, LocalWakeup(), clock).put([message(1)])
    await gone.close()


async def test_many_callers_share_few_transactions(stage: Stage) -> None:
    writes = 0
    real_write = stage.database.write

    async def counted(work):  # type: ignore[no-untyped-def]
        nonlocal writes
        writes += 1
        return await real_write(work)

    stage.database.write = counted  # type: ignore[method-assign]
    await asyncio.gather(*(stage.put(message(number, lane=number)) for number in range(200)))
    assert writes <= 10
    assert len(await stage.rows(inbox)) == 200


async def test_a_caller_that_hangs_up_does_not_stop_the_others(stage: Stage) -> None:
    tasks = [asyncio.create_task(stage.put(message(number))) for number in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(answer == [True] for answer in answers) >= 9
    await stage.inbox.close()
    assert len(await stage.rows(inbox)) == 10
