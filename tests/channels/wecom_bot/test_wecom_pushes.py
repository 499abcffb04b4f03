"""Which way an answer takes on the long connection, on both databases: once, and the same way again."""

from __future__ import annotations

import pytest

from channels.wecom_bot import pushes, streams
from channels.wecom_bot.pushes import Asked, BySend, IntoBubble, Way, read_asked, send_id
from channels.wecom_bot.streams import LastText
from store.database import Database

NOW = 1_800_000_000.0


def asked(number: int, at: float = NOW) -> Asked:
    return Asked(f"st{number}", at, f"rq{number}")


async def way(database: Database, *offered: Asked, key: str = "k1", now: float = NOW + 1) -> Way:
    text = LastText("答", key=key)
    return await database.write(
        lambda connection: pushes.take(connection, offered, text, elsewhere="见另一条", account="main", now=now)
    )


async def test_an_answer_goes_into_the_newest_bubble_and_the_others_end_with_a_hint(database: Database) -> None:
    assert await way(database, asked(1), asked(2, NOW + 0.5), asked(2, NOW + 0.5)) == IntoBubble(
        (asked(2, NOW + 0.5), asked(1))
    )
    other = await database.read(lambda connection: streams.find(connection, "st1"))
    assert other is not None
    assert (other.content, other.picked_up) == ("见另一条", True)


async def test_the_same_send_finds_its_way_again_and_whether_it_was_confirmed(database: Database) -> None:
    await way(database, asked(1))
    assert await way(database, asked(1)) == IntoBubble((asked(1),), again=True)
    await database.write(lambda connection: pushes.confirm(connection, "st1", NOW + 2))
    assert await way(database, asked(1)) == IntoBubble((asked(1),), again=True, confirmed=True)


async def test_an_old_bubble_or_none_leaves_the_active_send_once(database: Database) -> None:
    assert await way(database, asked(1), now=NOW + 330) == BySend(send_id("k1"))
    assert await way(database, asked(1), now=NOW + 340) == BySend(send_id("k1"), again=True)
    await database.write(lambda connection: pushes.confirm(connection, send_id("k1"), NOW + 341))
    assert await way(database, asked(1), now=NOW + 342) == BySend(send_id("k1"), again=True, confirmed=True)
    assert await way(database, key="k2") == BySend(send_id("k2"))


async def test_a_bubble_that_refused_the_text_is_left_for_good(database: Database) -> None:
    await way(database, asked(1))
    await database.write(
        lambda connection: pushes.take_send(connection, "k1", account="main", now=NOW + 2, instead_of="st1")
    )
    assert await way(database, asked(1)) == BySend(send_id("k1"), again=True)


async def test_a_way_that_was_surely_not_gone_is_open_again(database: Database) -> None:
    await way(database, asked(1))
    await database.write(lambda connection: pushes.release(connection, ["st1"]))
    assert await way(database, asked(1)) == IntoBubble((asked(1),))


async def test_another_answer_to_the_same_bubble_leaves_by_itself(database: Database) -> None:
    await way(database, asked(1))
    assert await way(database, asked(1), key="k2") == BySend(send_id("k2"))


@pytest.mark.parametrize(
    "handle", [{}, {"stream_id": "st1"}, {"stream_id": "st1", "opened_at": "5"}, {"req_id": "r", "opened_at": "x"}]
)
def test_the_handle_of_a_webhook_offers_nothing(handle: dict[str, str]) -> None:
    assert read_asked(handle).stream_id == ""


def test_a_handle_of_the_long_connection_offers_its_bubble() -> None:
    assert read_asked({"stream_id": "st1", "opened_at": "5.5", "req_id": "rq1"}) == Asked("st1", 5.5, "rq1")
