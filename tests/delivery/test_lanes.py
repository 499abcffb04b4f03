"""Order and exclusion per lane come from leases with an epoch: a zombie's work is refused."""

from __future__ import annotations

import asyncio
import random

from sqlalchemy import Connection

from conversation.identity import Person, RoomKind
from store.lane_rows import claim, renew
from store.schema import inbox, messages, outbox, turns
from tests.conftest import FakeClock
from tests.delivery.doubles import message, room
from tests.delivery.stage import Stage


async def test_a_lane_is_claimed_by_one_at_a_time(stage: Stage) -> None:
    await stage.put(message(1, lane=1), message(2, lane=2))
    both, again = await stage.claim(holder="a"), await stage.claim(holder="b")
    assert sorted(one.lane for one in both) == ["stage:main:room1", "stage:main:room2"]
    assert again == []


async def test_simultaneous_claims_never_share_a_lane(stage: Stage) -> None:
    await stage.put(*(message(number, lane=number) for number in range(12)))
    claims = await asyncio.gather(*(stage.claim(holder=f"w{number}", wanted=5) for number in range(6)))
    lanes = [one.lane for claim in claims for one in claim]
    assert len(lanes) == len(set(lanes))
    assert lanes


async def test_the_lane_that_waits_longest_is_claimed_first(stage: Stage) -> None:
    for number in (5, 3, 9):
        await stage.put(message(number, lane=number))
    [first] = await stage.claim(wanted=1)
    assert first.lane == "stage:main:room5"


async def test_of_many_lanes_those_named_first_are_claimed_first(stage: Stage, clock: FakeClock) -> None:
    lanes = [f"stage:main:room{number}" for number in random.Random(4).sample(range(60), 60)]
    await stage.put(*(message(number, lane=number) for number in range(60)))

    def work(connection: Connection) -> dict[str, int]:
        return claim(connection, lanes, holder="w", now=clock.now, until=clock.now + 30, wanted=7)

    assert set(await stage.database.write(work)) == set(lanes[:7])
    assert set(await stage.database.write(work)) == set(lanes[7:14])


async def test_an_expired_lease_is_taken_over_with_a_higher_epoch(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    [dead] = await stage.claim(holder="dead")
    clock.advance(29)
    assert await stage.claim(holder="heir") == []
    clock.advance(2)
    [heir] = await stage.claim(holder="heir")
    assert (dead.epoch, heir.epoch) == (1, 2)
    assert heir.turn is not None
    assert dead.turn is not None
    assert heir.turn.turn_id == dead.turn.turn_id
    assert (dead.tries, heir.tries) == (1, 2)


async def test_a_zombie_writes_nothing(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    [zombie] = await stage.claim(holder="zombie")
    clock.advance(31)
    [heir] = await stage.claim(holder="heir")
    worker = stage.worker()
    done = await worker.answer(worker.start(zombie))
    assert not done.said
    assert await stage.rows(turns) == []
    assert await stage.rows(messages) == []
    assert await stage.rows(outbox) == []
    assert await stage.column(inbox, "status") == ["waiting"]
    assert (await worker.answer(worker.start(heir))).said
    assert len(await stage.rows(outbox)) == 1


async def test_a_zombie_that_wakes_after_the_answer_writes_nothing(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    [zombie] = await stage.claim(holder="zombie")
    clock.advance(31)
    await stage.answer()
    worker = stage.worker()
    await worker.answer(worker.start(zombie))
    assert len(await stage.rows(turns)) == 1
    assert len(await stage.rows(outbox)) == 1


async def test_a_renewed_lease_holds(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1), message(2, lane=2))
    [one, two] = await stage.claim(holder="busy")
    held = {one.lane: one.epoch, two.lane: two.epoch}
    clock.advance(25)
    lost = await stage.database.write(lambda connection: renew(connection, held, holder="busy", until=clock.now + 30))
    assert lost == []
    clock.advance(25)
    assert await stage.claim(holder="thief") == []
    clock.advance(10)
    assert len(await stage.claim(holder="thief")) == 2
    lost = await stage.database.write(lambda connection: renew(connection, held, holder="busy", until=clock.now + 30))
    assert sorted(lost) == sorted(held)


async def test_each_person_in_a_group_has_a_lane_of_their_own(stage: Stage) -> None:
    group = room(7, RoomKind.GROUP)
    await stage.put(
        message(1, room=group, sender=Person("a", "甲")),
        message(2, room=group, sender=Person("b", "乙")),
        message(3, room=group, sender=Person("a", "甲")),
    )
    claimed = {one.lane: one for one in await stage.claim()}
    assert [len(one.turn.burst) for one in claimed.values() if one.turn] == [2, 1]
    assert set(claimed) == {"stage:main:room7:a", "stage:main:room7:b"}


async def test_a_row_that_cannot_be_read_is_buried_and_holds_nobody_up(stage: Stage) -> None:
    await stage.put(message(1), message(2))
    await stage.database.write(
        lambda connection: connection.execute(
            inbox.update().where(inbox.c.dedup_key == message(1).key).values(payload="{}")
        )
    )
    await stage.answer()
    assert await stage.column(inbox, "status") == ["dead", "done"]
    assert [turn.text for turn in stage.thinker.turns] == [message(2).text]


async def test_a_lane_with_only_an_unreadable_row_is_released(stage: Stage) -> None:
    await stage.put(message(1))
    await stage.database.write(lambda connection: connection.execute(inbox.update().values(payload="[]")))
    assert await stage.claim() == []
    await stage.put(message(2))
    assert len(await stage.claim()) == 1
