"""Pulling: nothing lost, nothing twice, one at a time, whatever fails between the platform and the inbox."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from sqlalchemy import select
from structlog.testing import capture_logs

from channels.wecom_kf import pulls
from channels.wecom_kf.puller import FIRST_LOOK_BACK_S, IDLE_S, LEASE_S, TOKEN_LIFE_S
from conversation.codec import from_json
from conversation.errors import RetryLater
from conversation.identity import Room
from conversation.messages import EventKind, IncomingMessage, RoomEvent
from delivery.inbox import Inbox
from delivery.wakeup import LocalWakeup
from store.database import Database
from store.schema import inbox as inbox_table
from store.schema import pulls as table
from tests.channels.contract import KeptIntake
from tests.channels.wecom_kf.stage import CUSTOMER, KF, OTHER_KF, ROWS, Stage, sample, staged, with_settings


async def row(stage: Stage, open_kfid: str = KF) -> Any:
    wanted = select(table).where(table.c.name == open_kfid)
    return await stage.database.read(lambda connection: connection.execute(wanted).one())


def texts(stage: Stage) -> list[str]:
    return [one.text for one in stage.intake.messages]


async def test_the_platforms_pages_arrive_in_order_and_the_last_cursor_is_kept(stage: Stage) -> None:
    stage.double.news.page_limit = 3
    pages = [*sample("sync_msg_response_page1")["msg_list"], *sample("sync_msg_response_page2")["msg_list"]]
    await stage.tell(*pages)
    assert [item.key.removeprefix("wecom_kf:main:") for item in stage.intake.items] == list(ROWS)[:6]
    assert [call["cursor"] == "" for call in stage.calls("sync")] == [True, False]
    kept = (await row(stage)).cursor
    await stage.double.announce()
    await stage.channel.settled()
    assert stage.calls("sync")[-1]["cursor"] == kept
    assert stage.intake.offered == 6


async def test_an_empty_page_is_not_the_end(stage: Stage) -> None:
    stage.double.news.empty_pages = 2
    await stage.deliver("在吗", "m1")
    assert texts(stage) == ["在吗"]
    assert len(stage.calls("sync")) == 3


async def test_the_request_is_the_documented_one(stage: Stage) -> None:
    await stage.deliver("在吗", "m1")
    (asked,) = stage.calls("sync")
    assert set(asked) == set(sample("sync_msg_request"))
    assert (asked["limit"], asked["voice_format"], asked["open_kfid"]) == (1000, 0, KF)
    assert asked["token"].startswith("ENC")


async def test_the_cursor_is_kept_only_after_the_messages_are(stage: Stage) -> None:
    stage.intake.broken = RetryLater("the database is gone")
    with capture_logs() as logs:
        await stage.deliver("别丢了我", "m1")
    assert [log["event"] for log in logs].count("wecom_kf.pull_failed") == 1
    assert texts(stage) == ["别丢了我"]
    assert [call["cursor"] for call in stage.calls("sync")] == ["", ""]


async def test_a_process_that_dies_before_the_cursor_is_kept_reads_the_page_again(stage: Stage) -> None:
    await stage.deliver("一", "m1")
    before = (await row(stage)).cursor
    await stage.deliver("二", "m2")
    await stage.database.write(lambda connection: connection.execute(table.update().values(cursor=before)))
    await stage.deliver("三", "m3")
    assert texts(stage) == ["一", "二", "三"]
    assert stage.intake.offered == 4


async def test_a_refused_token_is_left_out(stage: Stage) -> None:
    stage.double.faults.next("sync", code=95007)
    await stage.deliver("在吗", "m1")
    assert texts(stage) == ["在吗"]
    assert [bool(call["token"]) for call in stage.calls("sync")] == [True, False]


async def test_a_token_is_used_for_ten_minutes_and_not_longer(stage: Stage) -> None:
    await stage.deliver("在吗", "m1")
    stage.double.announces = False
    await stage.double.say("alice", "还在吗")
    stage.clock.now += TOKEN_LIFE_S + 1
    await stage.channel.catch_up(stage.clock.now)
    assert [bool(call["token"]) for call in stage.calls("sync")] == [True, False]
    assert texts(stage) == ["在吗", "还在吗"]


async def test_calls_that_come_while_a_pull_runs_lead_to_one_more_look(stage: Stage) -> None:
    stage.double.news.hold = asyncio.Event()
    assert await stage.double.say("alice", "一") == 200
    await asyncio.sleep(0)
    for text in ("二", "三", "四"):
        assert await stage.double.say("alice", text) == 200
    stage.double.news.hold.set()
    await stage.channel.settled()
    assert texts(stage) == ["一", "二", "三", "四"]
    assert stage.double.news.most_at_once == 1
    assert len(stage.calls("sync")) <= 3
    kept = await row(stage)
    assert kept.seen == kept.wanted == 4


class Pausing:
    """A database whose `finish` of a pull comes back late: it is written, and nobody has heard of it."""

    dialect = "sqlite"

    def __init__(self, database: Database) -> None:
        self._database = database
        self.finished, self.go_on = asyncio.Event(), asyncio.Event()

    async def write(self, work: Any) -> Any:
        result = await self._database.write(work)
        if getattr(work, "func", None) is pulls.finish:
            self.finished.set()
            await self.go_on.wait()
        return result

    async def read(self, work: Any) -> Any:
        return await self._database.read(work)

    async def close(self) -> None: ...


async def test_a_call_in_the_moment_in_which_a_pull_ends_is_not_lost(sqlite_database: Database) -> None:
    database = Pausing(sqlite_database)
    async with staged(database) as stage:
        await stage.double.say("alice", "一")
        await database.finished.wait()
        assert await stage.double.say("alice", "二") == 200
        database.go_on.set()
        await stage.channel.settled()
        assert texts(stage) == ["一", "二"]


async def test_two_accounts_are_read_at_the_same_time_and_apart(stage: Stage) -> None:
    stage.double.news.hold = asyncio.Event()
    await stage.double.say("alice", "一")
    await stage.double.say("alice", "二", open_kfid=OTHER_KF)
    stage.double.news.hold.set()
    await stage.channel.settled()
    rooms = {one.text: one.room.chat_id for one in stage.intake.messages}
    assert rooms == {"一": f"{KF}/alice", "二": f"{OTHER_KF}/alice"}
    assert (await row(stage, KF)).cursor != (await row(stage, OTHER_KF)).cursor


async def test_two_processes_do_not_read_one_account_at_once(stage: Stage) -> None:
    beside, intake = stage.beside(stage.intake), stage.intake
    stage.double.news.hold = asyncio.Event()
    await stage.double.say("alice", "一")
    await _until(lambda: stage.double.news.most_at_once == 1)
    # The other process is told by the database that there is more, and finds the account taken.
    stage.double.announces = False
    await stage.double.say("alice", "二")
    noted = partial(pulls.note_news, account="main", open_kfid=KF, token="", now=stage.clock.now)
    await stage.database.write(noted)
    assert await beside.catch_up(stage.clock.now) == 0
    stage.double.news.hold.set()
    await stage.channel.settled()
    assert [one.text for one in intake.messages] == ["一", "二"]
    assert stage.double.news.most_at_once == 1
    await beside.close()


async def test_a_process_that_vanished_is_replaced_when_its_lease_is_over(stage: Stage) -> None:
    start = partial(pulls.start, account="main", open_kfid=KF, holder="gone", now=stage.clock.now)
    await stage.database.write(partial(pulls.note_news, account="main", open_kfid=KF, token="", now=stage.clock.now))
    assert await stage.database.write(partial(start, until=stage.clock.now + LEASE_S))
    await stage.deliver("谁来接我", "m1")
    assert texts(stage) == []
    stage.clock.now += LEASE_S
    assert await stage.channel.catch_up(stage.clock.now) == 1
    assert texts(stage) == ["谁来接我"]


async def test_whoever_lost_the_lease_stops_and_writes_no_cursor(stage: Stage) -> None:
    stage.double.news.hold = asyncio.Event()
    await stage.double.say("alice", "一")
    await _until(lambda: stage.double.news.most_at_once == 1)
    await stage.database.write(lambda connection: connection.execute(table.update().values(holder="other", cursor="c")))
    stage.double.news.hold.set()
    with capture_logs() as logs:
        await stage.channel.settled()
    assert "wecom_kf.pull_lease_lost" in [log["event"] for log in logs]
    kept = await row(stage)
    assert (kept.holder, kept.cursor) == ("other", "c")


async def test_a_missed_callback_is_made_up_for_by_the_round(stage: Stage) -> None:
    await stage.deliver("一", "m1")
    await stage.channel.catch_up(stage.clock.now)
    stage.double.announces = False
    await stage.double.say("alice", "没有通知")
    stage.clock.now += IDLE_S - 1
    assert await stage.channel.catch_up(stage.clock.now) == 0
    stage.clock.now += 1
    assert await stage.channel.catch_up(stage.clock.now) == 1
    assert texts(stage) == ["一", "没有通知"]


async def test_a_new_process_looks_at_every_account_at_once(stage: Stage) -> None:
    await stage.deliver("一", "m1")
    stage.double.announces = False
    await stage.double.say("alice", "谁也不在")
    intake = KeptIntake()
    restarted = stage.beside(intake)
    assert await restarted.catch_up(stage.clock.now) == 1
    assert [one.text for one in intake.messages] == ["谁也不在"]
    await restarted.close()


async def test_a_pull_that_fails_stays_due_for_the_round(stage: Stage) -> None:
    stage.double.faults.next("sync", times=3, http=502)
    await stage.deliver("稍后再读", "m1")
    assert texts(stage) == []
    kept = await row(stage)
    assert (kept.wanted, kept.seen, kept.holder) == (1, 0, "")
    assert await stage.channel.catch_up(stage.clock.now) == 1
    assert texts(stage) == ["稍后再读"]


async def test_a_rate_limit_is_respected_for_as_long_as_it_asks(stage: Stage) -> None:
    await stage.channel.catch_up(stage.clock.now)
    stage.double.faults.next("sync", rate_limited=True)
    await stage.deliver("慢慢来", "m1")
    assert len(stage.calls("sync")) == 1
    stage.clock.now += 59
    assert await stage.channel.catch_up(stage.clock.now) == 0
    stage.clock.now += 1
    assert await stage.channel.catch_up(stage.clock.now) == 1
    assert texts(stage) == ["慢慢来"]


async def test_an_account_that_is_refused_is_asked_again_after_a_while_and_after_a_call(stage: Stage) -> None:
    stage.double.faults.next("sync", code=95000)
    with capture_logs() as logs:
        await stage.deliver("一", "m1")
    assert [log["reason"] for log in logs if log["event"] == "wecom_kf.pull_refused"] == [
        "the open_kfid is wrong: errcode 95000"
    ]
    assert await stage.channel.catch_up(stage.clock.now) == 0
    stage.clock.now += IDLE_S
    assert await stage.channel.catch_up(stage.clock.now) == 1
    assert texts(stage) == ["一"]


async def test_a_page_that_cannot_be_read_is_asked_for_again(stage: Stage) -> None:
    stage.double.news.add_raw(KF, '{"msgid": ')
    await stage.deliver("一", "m1")
    assert texts(stage) == ["一"]


async def test_more_without_a_place_to_go_on_is_no_endless_loop(stage: Stage) -> None:
    stage.double.faults.next("sync", http=200, code=0, msg="ok")
    await stage.deliver("一", "m1")
    assert texts(stage) == []  # that answer held no rows and no more
    await stage.double.announce()
    await stage.channel.settled()
    assert texts(stage) == ["一"]


async def test_an_account_that_is_new_to_us_starts_with_the_last_hour(stage: Stage) -> None:
    old, young = stage.clock.now - FIRST_LOOK_BACK_S - 1, stage.clock.now - FIRST_LOOK_BACK_S + 1
    stage.double.announces = False
    await stage.double.say("alice", "两天前的问题", msgid="old", at=old)
    await stage.double.say("alice", "刚才的问题", msgid="young", at=young)
    stage.double.announces = True
    with capture_logs() as logs:
        await stage.deliver("现在的问题", "m1")
    assert texts(stage) == ["刚才的问题", "现在的问题"]
    assert [log["message_ids"] for log in logs if log["event"] == "wecom_kf.too_old"] == [["old"]]


async def test_after_a_day_of_silence_nothing_is_too_old(stage: Stage) -> None:
    await stage.deliver("一", "m1")
    stage.double.announces = False
    await stage.double.say("alice", "昨晚的问题")
    stage.clock.now += 86_400
    await stage.channel.catch_up(stage.clock.now)
    assert texts(stage) == ["一", "昨晚的问题"]


async def test_accounts_of_the_settings_are_read_before_their_first_callback(sqlite_database: Database) -> None:
    async with staged(sqlite_database, with_settings(open_kfids=(OTHER_KF,))) as stage:
        stage.double.announces = False
        await stage.double.say("alice", "有人吗", open_kfid=OTHER_KF)
        assert await stage.channel.catch_up(stage.clock.now) == 1
        assert texts(stage) == ["有人吗"]


async def test_closing_in_the_middle_of_a_pull_leaves_it_due_and_free(stage: Stage) -> None:
    stage.double.news.hold = asyncio.Event()
    await stage.double.say("alice", "一")
    await _until(lambda: stage.double.news.most_at_once == 1)
    await stage.channel.close()
    stage.double.news.hold.set()
    kept = await row(stage)
    assert (kept.holder, kept.lease_until, kept.wanted - kept.seen) == ("", None, 1)


async def test_names_are_filled_in_and_asked_for_once(stage: Stage) -> None:
    stage.double.names["alice"] = {"nickname": "王先生", "unionid": "oAlice"}
    await stage.deliver("一", "m1")
    await stage.deliver("二", "m2")
    assert [one.sender.name for one in stage.intake.messages] == ["王先生", "王先生"]
    assert stage.calls("customers") == [{"external_userid_list": ["alice"], "need_enter_session_context": 1}]
    assert (await stage.channel.customer("alice")).unionid == "oAlice"
    assert (await stage.channel.customer("nobody")).nickname == ""


async def test_the_samples_of_a_customer_are_understood(stage: Stage) -> None:
    known = sample("customer_batchget_response")["customer_list"][0]
    stage.double.names[CUSTOMER] = known
    stage.double.chats.of(KF, CUSTOMER).came_at = stage.clock.now
    found = await stage.channel.customer(CUSTOMER)
    assert (found.nickname, found.unionid, found.scene) == ("王先生", "oMadeUpUnionId0001", "web_help")
    assert found.scene_param == "order%3D12345"


async def test_a_message_does_not_wait_for_a_name_that_cannot_be_had(stage: Stage) -> None:
    stage.double.faults.next("customers", code=48002)
    await stage.deliver("一", "m1")
    await stage.deliver("二", "m2")
    assert [one.sender.name for one in stage.intake.messages] == ["", ""]
    assert len(stage.calls("customers")) == 1
    stage.clock.now += 61
    stage.double.names["alice"] = {"nickname": "王先生"}
    await stage.deliver("三", "m3")
    assert stage.intake.messages[-1].sender.name == "王先生"


async def test_a_unionid_is_told_once_and_stands_in_the_event_of_who_enters(sqlite_database: Database) -> None:
    told: list[tuple[str, str, str]] = []

    async def learned(room: Room, person: Any, unionid: str) -> None:
        if not told:
            told.append((room.chat_id, person.person_id, unionid))
            return
        told.append(("again", person.person_id, unionid))

    async with staged(sqlite_database) as stage:
        process = stage.beside(stage.intake, learned=learned)
        stage.double.names["alice"] = {"nickname": "王先生", "unionid": "oAlice"}
        stage.double.announces = False
        await stage.double.enter("alice", scene="web")
        await stage.double.say("alice", "在吗")
        await stage.database.write(partial(pulls.know, account="main", open_kfids=[KF]))
        await process.catch_up(stage.clock.now)
        assert told == [(f"{KF}/alice", "alice", "oAlice")]
        entered = stage.intake.items[0]
        assert isinstance(entered, RoomEvent)
        assert (entered.kind, entered.detail["unionid"]) == (EventKind.ENTERED, "oAlice")
        await process.close()


async def test_every_sample_survives_the_real_inbox(stage: Stage) -> None:
    inbox = Inbox(stage.database, LocalWakeup(), stage.clock)
    process = stage.beside(inbox)
    for sample_row in ROWS.values():
        stage.double.news.add(KF, sample_row)
    await stage.database.write(partial(pulls.know, account="main", open_kfids=[KF]))
    await process.catch_up(stage.clock.now)
    wanted = select(inbox_table).order_by(inbox_table.c.id)
    kept = await stage.database.read(lambda connection: list(connection.execute(wanted)))
    read: list[Any] = [from_json(IncomingMessage if one.kind == "message" else RoomEvent, one.payload) for one in kept]
    unsupported = {"kfmsg0022", "kfmsg0028"}
    assert [one.key for one in read] == [f"wecom_kf:main:{name}" for name in ROWS if name not in unsupported]
    assert {one.conversation_key for one in kept} == {stage.room(CUSTOMER).room_id}
    await process.close()
    await inbox.close()


async def test_the_rows_behave_alike_on_both_databases(database: Database) -> None:
    about: dict[str, Any] = {"account": "main", "open_kfid": KF}
    ours, theirs = {**about, "holder": "we"}, {**about, "holder": "they"}
    await database.write(partial(pulls.know, account="main", open_kfids=[KF, OTHER_KF]))
    await database.write(partial(pulls.know, account="main", open_kfids=[KF]))
    await database.write(partial(pulls.note_news, **about, token="t1", now=100.0))
    await database.write(partial(pulls.note_news, **about, token="t2", now=101.0))
    assert await database.write(partial(pulls.start, **theirs | {"open_kfid": "unknown"}, now=0.0, until=1.0)) is None
    pull = await database.write(partial(pulls.start, **ours, now=110.0, until=170.0))
    assert pull == pulls.Pull("", "t2", 101.0, 2, True)
    assert await database.write(partial(pulls.start, **theirs, now=169.0, until=200.0)) is None
    assert await database.read(partial(pulls.due, account="main", now=120.0, idle_since=0.0)) == [OTHER_KF]
    assert await database.write(partial(pulls.advance, **ours, cursor="c1", until=180.0))
    assert not await database.write(partial(pulls.advance, **theirs, cursor="c2", until=180.0))
    await database.write(partial(pulls.note_news, **about, token="t3", now=115.0))
    assert await database.write(partial(pulls.finish, **ours, answered=2, now=120.0)) is True
    again = await database.write(partial(pulls.start, **theirs, now=121.0, until=181.0))
    assert again == pulls.Pull("c1", "t3", 115.0, 3, False)
    assert not await database.write(partial(pulls.finish, **ours, answered=3, now=122.0))
    await database.write(partial(pulls.release, **theirs))
    assert sorted(await database.read(partial(pulls.due, account="main", now=123.0, idle_since=0.0))) == [KF, OTHER_KF]
    assert await database.write(partial(pulls.start, **ours, now=124.0, until=184.0))
    assert await database.write(partial(pulls.finish, **ours, answered=3, now=125.0)) is False
    assert await database.read(partial(pulls.due, account="main", now=130.0, idle_since=124.0)) == [OTHER_KF]
    assert await database.read(partial(pulls.due, account="other", now=130.0, idle_since=130.0)) == []
    await database.write(partial(pulls.forget, account="main", open_kfids=[KF, OTHER_KF]))
    assert await database.read(partial(pulls.due, account="main", now=999.0, idle_since=999.0)) == []


async def _until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.001)
