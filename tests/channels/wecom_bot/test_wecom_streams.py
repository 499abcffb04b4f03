"""The rows behind the bubbles, on both databases: one bubble per lane, finished once, one way per answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from channels.wecom_bot import reply_ways, streams
from channels.wecom_bot.openings import Openings
from channels.wecom_bot.reply_ways import Answer, ByUrl, InBubble, NoWay, RowsMissing, Way
from channels.wecom_bot.streams import Opening, Stream
from conversation.errors import RetryLater
from store.database import Database
from store.schema import streams as table

NOW = 1_800_000_000.0


def opening(number: int, lane: str = "lane", at: float = NOW, *, bubble: bool = True) -> Opening:
    return Opening(f"st{number}", "main", lane, f"https://u/{number}", at, bubble)


def handle(number: int, at: float = NOW) -> Mapping[str, str]:
    return {"stream_id": f"st{number}", "response_url": f"https://u/{number}", "response_expires": str(int(at + 3600))}


def answer(key: str = "k1", content: str = "答") -> Answer:
    return Answer(key, content, "", "见另一条")


async def opened(database: Database, *openings: Opening) -> list[Stream]:
    return await database.write(lambda connection: streams.open_streams(connection, openings))


async def way(database: Database, *handles: Mapping[str, str], key: str = "k1", now: float = NOW + 1) -> Way:
    return await database.write(lambda connection: reply_ways.take_way(connection, handles, answer(key), now))


async def row(database: Database, number: int) -> Any:
    return await database.read(
        lambda connection: connection.execute(select(table).where(table.c.stream_id == f"st{number}")).one()
    )


async def settled(database: Database, number: int, now: float) -> Stream | None:
    return await database.write(lambda connection: streams.settle(connection, f"st{number}", late="迟", now=now))


async def test_a_burst_of_one_lane_gets_one_bubble(database: Database) -> None:
    rows = await opened(database, opening(1), opening(2, at=NOW + 1), opening(3, "other"))
    assert [one.is_bubble for one in rows] == [True, False, True]
    later = await opened(database, opening(4, at=NOW + 299), opening(5, at=NOW + 300))
    assert [one.is_bubble for one in later] == [False, True]


async def test_a_redelivered_message_finds_its_own_row(database: Database) -> None:
    first = await opened(database, opening(1), opening(2, at=NOW + 1))
    again = await opened(database, opening(2, at=NOW + 20), opening(1, at=NOW + 20), opening(1, at=NOW + 20))
    assert again == [first[1], first[0], first[0]]
    assert (await row(database, 1)).opened_at == NOW


async def test_a_line_that_is_not_for_the_bot_gets_no_bubble(database: Database) -> None:
    assert [one.is_bubble for one in await opened(database, opening(1, bubble=False), opening(2))] == [False, True]


async def test_openings_that_arrive_together_share_a_write(database: Database) -> None:
    import asyncio

    openings = Openings(database)
    rows = await asyncio.gather(*(openings.open(opening(number, f"lane{number % 40}")) for number in range(300)))
    assert [one.stream_id for one in rows] == [f"st{number}" for number in range(300)]
    assert sum(one.is_bubble for one in rows) == 40


async def test_a_failed_write_fails_those_who_wait_for_it_and_not_the_next() -> None:
    class Broken:
        dialect = "sqlite"
        calls = 0

        async def write(self, work: Any) -> Any:
            self.calls += 1
            if self.calls == 1:
                raise RetryLater("gone")
            return [Stream("st1", NOW)]

    openings = Openings(Broken())  # type: ignore[arg-type]
    with pytest.raises(RetryLater):
        await openings.open(opening(1))
    assert (await openings.open(opening(1))).stream_id == "st1"


async def test_an_answer_fills_the_open_bubble_once(database: Database) -> None:
    await opened(database, opening(1))
    assert await way(database, handle(1)) == InBubble("st1")
    assert await way(database, handle(1)) == InBubble("st1")
    found = await row(database, 1)
    assert (found.content, found.finished, found.answer_key) == ("答", True, "k1")
    assert found.response_used_at is None


async def test_the_answer_to_a_burst_fills_the_lanes_bubble(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 1))
    assert await way(database, handle(1), handle(2)) == InBubble("st1")


async def test_the_answer_to_a_later_message_may_fill_the_bubble_before_it(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 1))
    assert await way(database, handle(2), now=NOW + 2) == InBubble("st1")


async def test_a_late_answer_never_takes_the_bubble_of_a_newer_question(database: Database) -> None:
    await opened(database, opening(1))
    await settled(database, 1, NOW + 331)
    await opened(database, opening(2, at=NOW + 340))
    assert await way(database, handle(1), now=NOW + 345) == ByUrl("st1", "https://u/1")
    assert not (await row(database, 2)).finished


async def test_two_open_bubbles_show_the_answer_once(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 310))
    assert await way(database, handle(1), handle(2), now=NOW + 320) == InBubble("st2")
    older = await row(database, 1)
    assert (older.content, older.finished) == ("见另一条", True)


async def test_a_second_answer_goes_by_the_newest_unused_url(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 1))
    handles = (handle(1), handle(2, NOW + 1))
    assert await way(database, *handles, key="k1") == InBubble("st1")
    assert await way(database, *handles, key="k2") == ByUrl("st2", "https://u/2")
    assert await way(database, *handles, key="k3") == ByUrl("st1", "https://u/1")
    assert await way(database, *handles, key="k4") == NoWay()
    assert (await row(database, 2)).response_used_at == NOW + 1


async def test_the_same_send_is_told_that_its_url_was_taken_before(database: Database) -> None:
    await opened(database, opening(1))
    await way(database, handle(1), key="k1")
    assert await way(database, handle(1), key="k2") == ByUrl("st1", "https://u/1")
    assert await way(database, handle(1), key="k2") == ByUrl("st1", "https://u/1", again=True)


async def test_a_url_given_back_can_be_taken_again_and_a_spent_one_cannot(database: Database) -> None:
    await opened(database, opening(1))
    await way(database, handle(1), key="k1")
    taken = ByUrl("st1", "https://u/1")
    assert await way(database, handle(1), key="k2") == taken
    await database.write(lambda connection: reply_ways.release_url(connection, "st1"))
    assert await way(database, handle(1), key="k2") == taken
    await database.write(lambda connection: reply_ways.spend_url(connection, "st1"))
    assert await way(database, handle(1), key="k2") == NoWay()


async def test_a_url_lives_an_hour(database: Database) -> None:
    await opened(database, opening(1, bubble=False))
    assert await way(database, handle(1), now=NOW + 3595) == NoWay()
    assert await way(database, handle(1), now=NOW + 3580) == ByUrl("st1", "https://u/1")


async def test_a_bubble_closes_for_answers_after_five_and_a_half_minutes(database: Database) -> None:
    await opened(database, opening(1))
    assert await way(database, handle(1), now=NOW + 330) == ByUrl("st1", "https://u/1")


async def test_a_refresh_that_comes_late_finishes_the_bubble_with_an_honest_line(database: Database) -> None:
    await opened(database, opening(1))
    early = await settled(database, 1, NOW + 329)
    assert early == Stream("st1", NOW)
    late = await settled(database, 1, NOW + 330)
    assert late == Stream("st1", NOW, finished=True, content="迟", picked_up=True)
    assert await settled(database, 9, NOW) is None


async def test_a_row_that_is_still_being_written_is_waited_for(database: Database) -> None:
    assert await way(database, handle(1), now=NOW + 1) == RowsMissing()
    await opened(database, opening(1))
    assert await way(database, handle(1), now=NOW + 1) == InBubble("st1")


async def test_a_row_that_was_lost_still_has_its_url_once(database: Database) -> None:
    assert await way(database, handle(1), now=NOW + 60) == ByUrl("st1", "https://u/1")
    assert await way(database, handle(1), key="k2", now=NOW + 60) == NoWay()


@pytest.mark.parametrize("handles", [(), ({},), ({"stream_id": ""},), ({"other": "x"},)])
async def test_without_a_handle_there_is_no_way(database: Database, handles: tuple[Mapping[str, str], ...]) -> None:
    assert await way(database, *handles) == NoWay()


async def test_askers_of_the_same_question_are_answered_once_and_all_bubbles_close(database: Database) -> None:
    await opened(database, opening(1, "ann"), opening(2, "bob", NOW + 1), opening(3, "cat", NOW + 2))
    assert await way(database, handle(1), handle(2), now=NOW + 3) == InBubble("st2")
    assert [(await row(database, number)).content for number in (1, 2, 3)] == ["见另一条", "答", ""]


async def test_a_text_that_was_never_picked_up_is_rescued_once(database: Database) -> None:
    await opened(database, opening(1), opening(2, "other"))
    await way(database, handle(1))
    await way(database, handle(2), key="k2")
    await settled(database, 2, NOW + 2)

    async def rescues(now: float) -> list[reply_ways.Rescue]:
        return await database.write(lambda connection: reply_ways.take_rescues(connection, now, 20))

    assert await rescues(NOW + 364) == []
    found = await rescues(NOW + 366)
    assert found == [reply_ways.Rescue("st1", "答", "", ByUrl("st1", "https://u/1"))]
    assert await rescues(NOW + 367) == []
    await database.write(lambda connection: reply_ways.postpone_rescue(connection, found[0]))
    assert await rescues(NOW + 368) == found


async def test_a_rescue_without_a_url_of_its_own_takes_another_of_its_lane(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 1))
    await way(database, handle(1), key="k1")
    await way(database, handle(1), key="k2")
    found = await database.write(lambda connection: reply_ways.take_rescues(connection, NOW + 400, 20))
    assert found == [reply_ways.Rescue("st1", "答", "", ByUrl("st2", "https://u/2"))]


async def test_bubbles_that_nobody_asks_about_are_closed_and_not_rescued(database: Database) -> None:
    await opened(database, opening(1))
    closed = await database.write(lambda connection: streams.close_abandoned(connection, late="迟", now=NOW + 366))
    assert closed == 1
    assert await database.write(lambda connection: reply_ways.take_rescues(connection, NOW + 400, 20)) == []


async def test_silence_closes_the_bubbles_of_the_lane(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 1), opening(3, "other"))

    async def hushed(*ids: str) -> int:
        return await database.write(lambda connection: streams.hush(connection, ids, words="好的。", now=NOW + 2))

    assert await hushed("st2") == 1
    assert (await row(database, 1)).content == "好的。"
    assert not (await row(database, 3)).finished
    assert await hushed("st2") == 0
    assert await hushed() == 0


async def test_old_rows_and_their_secrets_are_forgotten(database: Database) -> None:
    await opened(database, opening(1), opening(2, at=NOW + 100))
    assert await database.write(lambda connection: streams.forget(connection, before=NOW + 50)) == 1
    assert await database.read(lambda connection: streams.find(connection, "st1")) is None
