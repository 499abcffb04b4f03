"""Nothing is lost: what cannot be thought is tried again, and then given to a person with an honest line."""

from __future__ import annotations

import asyncio
from typing import Any

from conversation.errors import RetryLater
from conversation.outcomes import HandedOff, TurnResult
from conversation.turn import Turn
from delivery.turn_commit import Committed
from store.schema import inbox, messages, outbox, turns
from tests.conftest import FakeClock
from tests.delivery.doubles import StageDesk, message
from tests.delivery.stage import Stage, notes_of, until


async def broken(_turn: Turn) -> TurnResult:
    raise KeyError("a fault in the graph")


async def test_a_failed_thought_is_tried_again_later(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    [done] = await stage.answer(broken)
    assert done == Committed()
    assert await stage.claim() == []
    clock.advance(2)
    [again] = await stage.claim()
    assert again.tries == 2


async def test_words_behind_a_failed_turn_wait_with_it_so_that_the_order_holds(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    await stage.answer(broken)
    await stage.put(message(2))
    assert await stage.claim() == []
    clock.advance(2)
    await stage.answer()
    assert [one.message_id for one in stage.thinker.turns[0].burst] == ["m1", "m2"]


async def fail_often(stage: Stage, clock: FakeClock, think: Any, times: int = 3) -> list[Committed]:
    done: list[Committed] = []
    for _ in range(times):
        done += await stage.answer(think)
        clock.advance(60)
    return done


async def test_after_three_failures_a_person_gets_the_conversation_and_the_customer_the_truth(
    stage: Stage, clock: FakeClock
) -> None:
    await stage.put(message(1), message(2))
    *_, last = await fail_often(stage, clock, broken)
    assert last == Committed(said=True, scheduled=True)
    assert await stage.column(inbox, "status") == ["dead", "dead"]
    assert "KeyError" in (await stage.column(inbox, "error"))[0]
    [(turn_id, reason, said)] = notes_of(stage, "hand_off")
    assert (reason, said) == ("failed", True)
    assert await stage.column(turns, "outcome") == ["HandedOff"]
    lines = await stage.rows(messages)
    assert [line.spoken_by for line in lines] == ["customer", "customer", "bot"]
    assert "没能处理好" in lines[-1].text
    assert await stage.column(outbox, "idempotency_key") == [f"{turn_id}:0"]


async def test_a_turn_whose_worker_dies_each_time_goes_to_a_person_too(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    for _ in range(3):
        assert len(await stage.claim()) == 1
        clock.advance(31)
    await stage.answer()
    assert stage.thinker.turns == []
    assert await stage.column(inbox, "status") == ["dead"]
    assert len(notes_of(stage, "hand_off")) == 1


async def test_a_thought_that_never_ends_counts_as_failed(stage: Stage) -> None:
    async def forever(_turn: Turn) -> TurnResult:
        await asyncio.Event().wait()
        raise AssertionError

    await stage.put(message(1))
    await stage.answer(forever, think_limit_s=0.05)
    assert "no result within" in (await stage.column(inbox, "error"))[0]


async def test_after_a_dead_letter_the_conversation_goes_on(stage: Stage, clock: FakeClock) -> None:
    await stage.put(message(1))
    await fail_often(stage, clock, broken)
    await stage.put(message(2))
    await stage.answer()
    assert await stage.column(inbox, "status") == ["dead", "done"]
    assert stage.thinker.turns[0].history[-1].text.startswith("抱歉")


class PoisonedDesk(StageDesk):
    """A desk that cannot do what outcomes ask, except for calling a person without words."""

    def hand_off(self, connection: Any, turn: Turn, outcome: HandedOff, now: float, *, said: bool) -> None:
        if said:
            raise ValueError("the whole end of the turn cannot be written")
        super().hand_off(connection, turn, outcome, now, said=said)


async def test_when_not_even_the_apology_can_be_written_a_person_is_called_all_the_same(
    stage: Stage, clock: FakeClock
) -> None:
    stage.desk = PoisonedDesk()
    await stage.put(message(1))
    await fail_often(stage, clock, broken)
    assert await stage.column(inbox, "status") == ["dead"]
    assert len(notes_of(stage, "hand_off")) == 1
    assert await stage.rows(messages) == []


async def test_one_poisoned_turn_does_not_take_its_batch_down(stage: Stage) -> None:
    class Desk(StageDesk):
        def to_staff(self, connection: Any, turn: Turn, now: float) -> None:
            raise ValueError("poison")

    from conversation.findings import Findings
    from conversation.outcomes import Relayed
    from tests.delivery.doubles import echo

    stage.desk = Desk()
    await stage.put(*(message(number, lane=number) for number in range(8)))

    async def think(turn: Turn) -> TurnResult:
        if turn.burst[0].message_id == "m3":
            return TurnResult(Relayed("owned"), Findings())
        return echo(turn)

    worker = stage.worker(think)
    await asyncio.gather(*(worker.answer(worker.start(loaded)) for loaded in await stage.claim()))
    assert len(await stage.rows(outbox)) == 7
    assert await stage.column(inbox, "dedup_key", status="waiting") == [message(3).key]


async def test_a_database_that_fails_during_the_turn_costs_no_try(stage: Stage) -> None:
    await stage.put(message(1))
    worker = stage.worker()
    [loaded] = await stage.claim()
    real_write = stage.database.write
    failures = 1

    async def flaky(work: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise RetryLater("gone")
        return await real_write(work)

    stage.database.write = flaky  # type: ignore[method-assign, assignment]
    assert await worker.answer(worker.start(loaded)) == Committed()
    assert await stage.column(inbox, "attempts") == [0]
    assert len(await stage.claim()) == 1


async def test_a_stop_gives_running_turns_back_without_counting_the_try(stage: Stage) -> None:
    stage.thinker.gate = asyncio.Event()
    async with stage.open(terms=stage.terms.__class__(quiet_s=0, poll_s=0.02, drain_s=0.05)):
        await stage.put(message(1))
        await stage.thinker.begun.wait()
    assert await stage.column(inbox, "status") == ["waiting"]
    assert await stage.column(inbox, "attempts") == [0]
    [loaded] = await stage.claim()
    assert loaded.tries == 1


async def test_a_stop_lets_running_turns_finish_and_their_replies_leave(stage: Stage) -> None:
    stage.thinker.gate = asyncio.Event()
    async with stage.open() as office:
        await stage.put(message(1))
        await stage.thinker.begun.wait()
        stopping = asyncio.create_task(office.stop())
        await asyncio.sleep(0.05)
        await stage.put(message(2, lane=2))
        stage.thinker.gate.set()
        await stopping
        assert not office.working
    assert await stage.column(inbox, "status") == ["done", "waiting"]
    assert stage.channel.texts == [f"答：{message(1).text}"]


async def test_a_thought_that_cancels_itself_counts_as_failed(stage: Stage) -> None:
    async def cancelled(_turn: Turn) -> TurnResult:
        raise asyncio.CancelledError

    await stage.put(message(1))
    assert await stage.answer(cancelled) == [Committed()]
    assert "cancelled from within" in (await stage.column(inbox, "error"))[0]


async def test_a_lost_lease_stops_the_thought(stage: Stage, clock: FakeClock) -> None:
    stage.thinker.gate = asyncio.Event()
    terms = stage.terms.__class__(quiet_s=0, poll_s=0.02, renew_s=0.02)
    async with stage.open(terms=terms):
        await stage.put(message(1))
        await stage.thinker.begun.wait()
        from store.schema import leases

        await stage.database.write(
            lambda connection: connection.execute(
                leases.update().values(epoch=9, holder="somebody else", expires_at=clock.now + 999)
            )
        )
        await asyncio.sleep(0.2)
        stage.thinker.gate.set()
        await asyncio.sleep(0.1)
    assert await stage.rows(turns) == []
    assert stage.channel.sent == []
    assert await stage.column(leases, "epoch") == [9]


async def test_a_long_thought_keeps_its_lease(stage: Stage, clock: FakeClock) -> None:
    stage.thinker.gate = asyncio.Event()
    terms = stage.terms.__class__(quiet_s=0, poll_s=0.02, renew_s=0.02)
    async with stage.open(terms=terms):
        await stage.put(message(1))
        await stage.thinker.begun.wait()
        from store.schema import leases

        for _ in range(4):
            clock.advance(20)
            due = clock.now + 29

            async def renewed(due: float = due) -> bool:
                return (await stage.column(leases, "expires_at"))[0] >= due

            async with asyncio.timeout(10):
                while not await renewed():
                    await asyncio.sleep(0.01)
        stage.thinker.gate.set()
        await until(lambda: stage.channel.sent)
    assert len(stage.thinker.turns) == 1
