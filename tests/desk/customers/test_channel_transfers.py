"""A matter left open on one channel that goes on in another within a day is a transfer, counted once."""

from __future__ import annotations

from sqlalchemy import Connection, update

from desk.customers.links import learn_unionid
from desk.customers.transfers import WITHIN_S, continued_from, figures
from store.database import Database
from store.schema import conversations, tickets
from tests.desk.customers.stage import CHEN_FEISHU, CHEN_KF, CHEN_OA, FEISHU, KF, NOW, OA, open_matter, open_ticket, say

HOUR = 3600.0


def left_open(connection: Connection) -> None:
    """A matter on kf whose last line was said at NOW, of a customer who is known on 公众号 too."""
    open_matter(connection, "cv_kf", KF, CHEN_KF, at=NOW - HOUR, summary="退款未到账")
    say(connection, "cv_kf", "退款还没到", at=NOW)
    learn_unionid(connection, KF, CHEN_KF, "uX1", source="kf", now=NOW)
    learn_unionid(connection, OA, CHEN_OA, "uX1", source="oa", now=NOW)


def solve(connection: Connection, at: float) -> None:
    connection.execute(update(conversations).where(conversations.c.id == "cv_kf").values(resolved_at=at))


async def test_an_open_matter_goes_on_elsewhere(database: Database) -> None:
    def work(connection: Connection) -> None:
        left_open(connection)
        open_matter(connection, "cv_oa", OA, CHEN_OA, at=NOW + HOUR)
        found = continued_from(connection, "cv_oa")
        assert found is not None
        assert (found.from_id, found.from_platform, found.summary) == ("cv_kf", "wecom_kf", "退款未到账")
        assert continued_from(connection, "cv_kf") is None
        counted = figures(connection, since=NOW - 2 * HOUR, until=NOW + 2 * HOUR)
        assert (counted.opened, counted.transfers, counted.share) == (2, 1, 0.5)
        assert counted.ways == {("wecom_kf", "official_account"): 1}

    await database.write(work)


async def test_after_a_day_it_is_a_new_matter(database: Database) -> None:
    def work(connection: Connection) -> None:
        left_open(connection)
        open_matter(connection, "cv_oa", OA, CHEN_OA, at=NOW + WITHIN_S + 1)
        assert continued_from(connection, "cv_oa") is None
        assert continued_from(connection, "cv_oa", within_s=2 * WITHIN_S) is not None

    await database.write(work)


async def test_a_matter_solved_before_does_not_go_on_and_one_solved_later_does(database: Database) -> None:
    def work(connection: Connection) -> None:
        left_open(connection)
        solve(connection, NOW + 10)
        open_matter(connection, "cv_oa", OA, CHEN_OA, at=NOW + HOUR)
        assert continued_from(connection, "cv_oa") is None
        solve(connection, NOW + 2 * HOUR)
        assert continued_from(connection, "cv_oa") is not None

    await database.write(work)


async def test_an_open_ticket_keeps_a_matter_open(database: Database) -> None:
    def work(connection: Connection) -> None:
        left_open(connection)
        solve(connection, NOW + 10)
        customer = open_matter(connection, "cv_oa", OA, CHEN_OA, at=NOW + HOUR)
        open_ticket(connection, "T1", "cv_kf", customer)
        assert continued_from(connection, "cv_oa") is not None
        connection.execute(update(tickets).values(closed_at=NOW + 20))
        assert continued_from(connection, "cv_oa") is None

    await database.write(work)


async def test_the_same_channel_and_another_customer_are_no_transfer(database: Database) -> None:
    def work(connection: Connection) -> None:
        left_open(connection)
        open_matter(connection, "cv_kf_2", KF, CHEN_KF, at=NOW + HOUR)
        open_matter(connection, "cv_fs", FEISHU, CHEN_FEISHU, at=NOW + HOUR)
        assert figures(connection, since=0.0, until=NOW + WITHIN_S).transfers == 0

    await database.write(work)


async def test_a_matter_on_its_third_channel_counts_each_move_once(database: Database) -> None:
    def work(connection: Connection) -> None:
        left_open(connection)
        learn_unionid(connection, FEISHU, CHEN_FEISHU, "uX1", source="t", now=NOW)
        open_matter(connection, "cv_oa", OA, CHEN_OA, at=NOW + HOUR)
        say(connection, "cv_oa", "接着说", at=NOW + HOUR)
        open_matter(connection, "cv_fs", FEISHU, CHEN_FEISHU, at=NOW + 2 * HOUR)
        counted = figures(connection, since=NOW, until=NOW + WITHIN_S)
        assert counted.ways == {("wecom_kf", "official_account"): 1, ("official_account", "feishu"): 1}
        assert figures(connection, since=NOW + WITHIN_S, until=NOW + 2 * WITHIN_S).share == 0.0

    await database.write(work)
