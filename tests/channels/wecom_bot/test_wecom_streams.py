"""Where answers go, on both databases: a bubble ends once, a response_url is taken once, one way per answer."""

from __future__ import annotations

import asyncio

import pytest

from channels.wecom_bot import reply_ways, streams
from channels.wecom_bot.bubbles import Bubbles
from channels.wecom_bot.reply_ways import ByUrl, Handle, InBubble, Rescue, Way, read_handle
from channels.wecom_bot.streams import LastText, Stream
from store.database import Database

NOW = 1_800_000_000.0


def handle(number: int, at: float = NOW, *, bubble: int | None = None, opened_at: float | None = None) -> Handle:
    """The handle of message `number`, whose answer goes to its own bubble unless another one is named."""
    stream_id = f"st{number if bubble is None else bubble}"
    return Handle(stream_id, at if opened_at is None else opened_at, f"https://u/{number}", at + 3600)


async def way(database: Database, *handles: Handle, key: str = "k1", now: float = NOW + 1) -> Way | None:
    text = LastText("答", key=key)
    return await database.write(
        lambda connection: reply_ways.take_way(connection, handles, text, elsewhere="见另一条", account="main", now=now)
    )


async def end_of(database: Database, number: int) -> Stream | None:
    return await database.read(lambda connection: streams.find(connection, f"st{number}"))


async def picked_up(database: Database, number: int) -> None:
    await database.write(lambda connection: streams.pick_up(connection, f"st{number}", NOW + 5))


async def finished(database: Database, number: int, text: LastText, *, url: str = "") -> bool:
    return await database.write(
        lambda connection: streams.finish(
            connection, f"st{number}", text, account="main", opened_at=NOW, now=NOW + 1, url=url
        )
    )


async def rescues(database: Database, now: float, account: str = "main") -> list[Rescue]:
    return await database.write(
        lambda connection: reply_ways.take_rescues(connection, account=account, now=now, limit=20)
    )


async def test_an_answer_ends_the_bubble_and_the_same_send_finds_it_again(database: Database) -> None:
    assert await way(database, handle(1)) == InBubble("st1", ("st1",))
    assert await way(database, handle(1)) == InBubble("st1")
    assert await end_of(database, 1) == Stream("st1", "答", "", picked_up=False)


async def test_a_bubble_ends_once(database: Database) -> None:
    assert await end_of(database, 1) is None
    assert await finished(database, 1, LastText("先"))
    assert not await finished(database, 1, LastText("后"))
    found = await end_of(database, 1)
    assert found is not None
    assert found.content == "先"


async def test_two_writers_at_once_end_a_bubble_once(database: Database) -> None:
    ended = await asyncio.gather(*(finished(database, 1, LastText(f"{number}")) for number in range(8)))
    assert sum(ended) == 1


async def test_a_pick_up_is_noted_and_waiting_words_need_none(database: Database) -> None:
    await finished(database, 1, LastText("答"))
    await picked_up(database, 1)
    await finished(database, 2, LastText("好的。", expected=False))
    for number in (1, 2):
        found = await end_of(database, number)
        assert found is not None
        assert found.picked_up


async def test_the_answer_to_a_burst_goes_into_its_one_bubble(database: Database) -> None:
    burst = (handle(1), handle(2, NOW + 1, bubble=1, opened_at=NOW))
    assert await way(database, *burst) == InBubble("st1", ("st1",))
    assert await way(database, *burst, key="k2") == ByUrl("https://u/2")


async def test_the_answer_to_a_later_message_alone_may_fill_the_bubble_before_it(database: Database) -> None:
    assert await way(database, handle(2, NOW + 1, bubble=1, opened_at=NOW)) == InBubble("st1", ("st1",))


async def test_two_open_bubbles_show_the_answer_once(database: Database) -> None:
    found = await way(database, handle(1), handle(2, NOW + 310), now=NOW + 320)
    assert found == InBubble("st2", ("st2", "st1"))
    older = await end_of(database, 1)
    assert older == Stream("st1", "见另一条", "", picked_up=True)


async def test_a_bubble_takes_no_answer_after_five_and_a_half_minutes(database: Database) -> None:
    assert await way(database, handle(1), now=NOW + 330) == ByUrl("https://u/1")
    joined = handle(2, NOW + 200, bubble=1, opened_at=NOW)
    assert await way(database, joined, key="k2", now=NOW + 330) == ByUrl("https://u/2")


async def test_further_answers_go_by_the_newest_unused_url(database: Database) -> None:
    handles = (handle(1), handle(2, NOW + 1, bubble=1, opened_at=NOW))
    found = [await way(database, *handles, key=f"k{number}") for number in range(4)]
    assert found == [InBubble("st1", ("st1",)), ByUrl("https://u/2"), ByUrl("https://u/1"), None]


async def test_the_same_send_is_told_that_its_url_was_taken_before(database: Database) -> None:
    await way(database, handle(1), key="k1")
    assert await way(database, handle(1), key="k2") == ByUrl("https://u/1")
    assert await way(database, handle(1), key="k2") == ByUrl("https://u/1", again=True)


async def test_a_url_given_back_can_be_taken_again_and_a_spent_one_cannot(database: Database) -> None:
    await way(database, handle(1), key="k1")
    assert await way(database, handle(1), key="k2") == ByUrl("https://u/1")
    await database.write(lambda connection: reply_ways.release_url(connection, "https://u/1"))
    assert await way(database, handle(1), key="k3") == ByUrl("https://u/1")
    await database.write(lambda connection: reply_ways.spend_url(connection, "https://u/1"))
    assert await way(database, handle(1), key="k3") is None


async def test_two_writers_at_once_take_a_url_once(database: Database) -> None:
    old = Handle("", NOW, "https://u/1", NOW + 3600)
    found = await asyncio.gather(*(way(database, old, key=f"k{number}") for number in range(8)))
    assert sorted(map(str, found)).count("None") == 7


async def test_a_url_lives_an_hour(database: Database) -> None:
    assert await way(database, handle(1), now=NOW + 3591) is None
    assert await way(database, handle(1), now=NOW + 3580) == ByUrl("https://u/1")


async def test_without_a_handle_there_is_no_way(database: Database) -> None:
    assert await way(database) is None
    odd = ({}, {"stream_id": "st1"}, {"stream_id": "st1", "opened_at": "soon", "response_expires": ""})
    assert await way(database, *map(read_handle, odd)) is None


async def test_askers_of_the_same_question_are_answered_once_and_all_bubbles_close(database: Database) -> None:
    assert await way(database, handle(1), handle(2, NOW + 1), now=NOW + 3) == InBubble("st2", ("st2", "st1"))


async def test_a_text_that_was_never_picked_up_is_rescued_once(database: Database) -> None:
    await way(database, handle(1))
    await way(database, handle(2), key="k2")
    await picked_up(database, 2)
    assert await rescues(database, NOW + 364) == []
    assert await rescues(database, NOW + 366, account="other") == []
    found = await rescues(database, NOW + 366)
    assert found == [Rescue("st1", "答", "", "https://u/1")]
    assert await rescues(database, NOW + 367) == []
    await database.write(lambda connection: reply_ways.postpone_rescue(connection, found[0]))
    assert await rescues(database, NOW + 368) == found


async def test_a_rescue_knows_when_its_url_is_gone(database: Database) -> None:
    await way(database, handle(1), key="k1")
    await way(database, handle(1), key="k2")
    await way(database, handle(2), key="k3")
    assert await rescues(database, NOW + 400) == [Rescue("st1", "答", "", ""), Rescue("st2", "答", "", "https://u/2")]
    await way(database, handle(3), key="k4")
    assert await rescues(database, NOW + 3595) == [Rescue("st3", "答", "", "")]


async def test_old_rows_and_their_secrets_are_forgotten(database: Database) -> None:
    await way(database, handle(1))
    await way(database, handle(2, NOW + 100), key="k2", now=NOW + 101)
    assert await database.write(lambda connection: streams.forget(connection, before=NOW + 50)) == 1
    assert await end_of(database, 1) is None
    assert await end_of(database, 2) is not None


def test_a_lane_has_one_open_bubble_for_five_minutes() -> None:
    bubbles = Bubbles()
    first = bubbles.open("st1", "lane", NOW)
    assert bubbles.in_lane("lane", NOW + 299) is first
    assert bubbles.in_lane("lane", NOW + 300) is None
    assert bubbles.in_lane("other", NOW) is None
    bubbles.open("st2", "lane", NOW + 310)
    bubbles.close("st1")
    assert bubbles.in_lane("lane", NOW + 311) is not None
    bubbles.close("st2")
    bubbles.close("st2")
    assert bubbles.in_lane("lane", NOW + 311) is None


def test_a_bubble_of_another_process_counts_from_its_first_refresh() -> None:
    bubbles = Bubbles()
    assert bubbles.opened_at("st1", NOW) == NOW
    assert bubbles.opened_at("st1", NOW + 100) == NOW


def test_what_is_remembered_is_bounded_in_time_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.wecom_bot.bubbles._MEMORY_LIMIT", 5)
    bubbles = Bubbles()
    for number in range(20):
        bubbles.open(f"st{number}", f"lane{number}", NOW)
        bubbles.join(f"su{number}", NOW)
    assert max(len(bubbles._by_stream), len(bubbles._by_lane), len(bubbles._joined)) == 5
    assert bubbles.has_joined("su19")
    assert not bubbles.has_joined("su1")
    bubbles.open("st99", "lane99", NOW + 601)
    assert len(bubbles._by_stream) == 1
    assert bubbles._joined == {}
