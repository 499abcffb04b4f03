"""The platform's own desk: to a person, to the pool, and back, with the platform's rules for it."""

from __future__ import annotations

import pytest

from channels.wechat_api import HumanHolds
from channels.wecom_kf import ColleagueUnavailable, KfState, MoveRefused
from conversation.errors import GiveUp, RetryLater
from conversation.identity import Speaker
from conversation.messages import EventKind, RoomEvent
from tests.channels.wecom_kf.stage import KF, Stage, sample


@pytest.fixture
async def asked(stage: Stage) -> Stage:
    """A customer who wrote, and two colleagues of whom one receives."""
    stage.double.hire("lisi")
    stage.double.hire("wangwu", receiving=False)
    await stage.deliver("我要找人工", "m1")
    return stage


async def state(stage: Stage) -> KfState:
    return (await stage.channel.reception(stage.room("alice"))).state


async def test_a_new_customer_is_the_bots(asked: Stage) -> None:
    reception = await asked.channel.reception(asked.room("alice"))
    assert (reception.state, reception.bot_may_speak) == (KfState.NEW, True)
    assert asked.calls("state_get")[0].keys() == sample("service_state_get_request").keys()


async def test_a_customer_is_given_to_a_named_colleague(asked: Stage) -> None:
    given = await asked.channel.to_person(asked.room("alice"), "lisi")
    assert (given.state, given.userid, given.bot_may_speak) == (KfState.PERSON, "lisi", False)
    assert asked.calls("state_trans")[0].keys() == sample("service_state_trans_request").keys()
    seen = await asked.channel.reception(asked.room("alice"))
    assert (seen.state, seen.userid) == (KfState.PERSON, "lisi")
    with pytest.raises(HumanHolds):
        await asked.channel.send(asked.reply("我还在"), "k1")


async def test_a_move_can_be_announced_by_its_code_though_send_msg_is_forbidden(asked: Stage) -> None:
    given = await asked.channel.to_person(asked.room("alice"))
    assert given.state is KfState.POOL
    assert asked.calls("state_trans")[0].keys() == sample("service_state_trans_to_pool_request").keys()
    room = asked.room("alice")
    await asked.channel.announce(room, given.code, "正在为您转接，请稍候。", "announce:1")
    assert await asked.shown("alice") == ["正在为您转接，请稍候。"]
    with pytest.raises(GiveUp):
        await asked.channel.announce(room, given.code, "  ", "announce:2")


async def test_somebody_who_does_not_receive_is_replaced_by_the_pool(asked: Stage) -> None:
    given = await asked.channel.to_person(asked.room("alice"), "wangwu")
    assert (given.state, await state(asked)) == (KfState.POOL, KfState.POOL)


async def test_without_the_pool_it_is_told_that_this_person_is_not_there(asked: Stage) -> None:
    with pytest.raises(ColleagueUnavailable) as refused:
        await asked.channel.to_person(asked.room("alice"), "wangwu", or_pool=False)
    assert refused.value.code == sample("service_state_trans_error_95014")["errcode"]
    assert await state(asked) is KfState.NEW


async def test_a_chat_that_has_ended_cannot_be_given_to_anybody(asked: Stage) -> None:
    await asked.double.staff_end("lisi", "alice")
    with pytest.raises(MoveRefused, match="ENDED and cannot become PERSON") as refused:
        await asked.channel.to_person(asked.room("alice"), "lisi")
    assert refused.value.code == sample("service_state_trans_error_95016")["errcode"]


async def test_giving_a_customer_to_who_has_them_already_is_no_error(asked: Stage) -> None:
    await asked.channel.to_person(asked.room("alice"))
    given = await asked.channel.to_person(asked.room("alice"))
    assert given.state is KfState.POOL


async def test_a_lost_answer_to_a_move_is_settled_by_looking(asked: Stage) -> None:
    asked.double.faults.next("state_trans", drop=True)
    given = await asked.channel.to_person(asked.room("alice"), "lisi")
    assert (given.state, given.userid, given.code) == (KfState.PERSON, "lisi", "")
    asked.double.faults.next("state_trans", http=502)
    with pytest.raises(MoveRefused):
        await asked.channel.to_person(asked.room("alice"), "wangwu", or_pool=False)


async def test_a_busy_platform_is_asked_later(asked: Stage) -> None:
    asked.double.faults.next("state_trans", code=-1)
    with pytest.raises(RetryLater):
        await asked.channel.to_person(asked.room("alice"), "lisi")
    assert await state(asked) is KfState.NEW


async def test_taking_a_customer_back_from_a_person_ends_the_persons_chat(asked: Stage) -> None:
    await asked.channel.to_person(asked.room("alice"), "lisi")
    taken = await asked.channel.to_bot(asked.room("alice"))
    assert taken.state is KfState.ENDED
    await asked.channel.announce(asked.room("alice"), taken.code, "人工服务已结束，有需要请继续留言。", "end:1")
    await asked.deliver("还有一个问题", "m2")
    assert await state(asked) is KfState.NEW
    await asked.channel.send(asked.reply("请讲"), "k1")
    assert await asked.shown("alice") == ["人工服务已结束，有需要请继续留言。", "请讲"]


async def test_where_the_platform_lets_the_bot_go_on_at_once_nothing_is_ended(asked: Stage) -> None:
    asked.double.chats.further_moves.add((KfState.PERSON, KfState.BOT))
    await asked.channel.to_person(asked.room("alice"), "lisi")
    assert (await asked.channel.to_bot(asked.room("alice"))).state is KfState.BOT
    await asked.channel.send(asked.reply("我回来了"), "k1")
    assert await asked.shown("alice") == ["我回来了"]


async def test_who_waits_in_the_pool_cannot_be_taken_out_of_it(asked: Stage) -> None:
    await asked.channel.to_person(asked.room("alice"))
    with pytest.raises(MoveRefused, match="POOL"):
        await asked.channel.to_bot(asked.room("alice"))


async def test_a_customer_who_is_the_bots_already_stays_so(asked: Stage) -> None:
    assert (await asked.channel.to_bot(asked.room("alice"))).state is KfState.NEW
    assert asked.calls("state_trans") == []


async def test_a_state_that_nobody_knows_is_told_in_words(asked: Stage) -> None:
    asked.double.chats.of(KF, "alice").state = 7
    with pytest.raises(GiveUp, match="unknown state"):
        await asked.channel.reception(asked.room("alice"))


async def test_people_at_the_platforms_desk_are_heard(asked: Stage) -> None:
    await asked.channel.to_person(asked.room("alice"))
    await asked.double.staff_take("lisi", "alice")
    await asked.double.staff_say("lisi", "alice", "您好，我是小李")
    await asked.double.staff_end("lisi", "alice")
    await asked.channel.settled()
    taken, line, ended = asked.intake.items[1:]
    assert isinstance(taken, RoomEvent)
    assert isinstance(ended, RoomEvent)
    assert (taken.kind, ended.kind) == (EventKind.STAFF_JOINED, EventKind.STAFF_LEFT)
    assert {one.lane for one in (taken, line, ended)} == {asked.intake.messages[0].lane}
    assert line.sender.speaker is Speaker.STAFF
    await asked.channel.announce(asked.room("alice"), ended.reply_handle["code"], "请您评价", "end:2")
    assert await asked.shown("alice") == ["请您评价"]


async def test_a_company_that_puts_people_first_has_its_new_customers_with_people(asked: Stage) -> None:
    asked.double.chats.human_first = True
    await asked.deliver("在吗", "m2", sender="bob")
    with pytest.raises(HumanHolds):
        await asked.channel.send(asked.reply("您好", sender="bob"), "k1")


async def test_a_colleague_who_writes_into_an_ended_chat_takes_it_up_again(asked: Stage) -> None:
    await asked.double.staff_end("lisi", "alice")
    await asked.double.staff_say("lisi", "alice", "补充一句")
    await asked.channel.settled()
    joined = asked.intake.items[-2]
    assert isinstance(joined, RoomEvent)
    assert (joined.kind, joined.detail["change"]) == (EventKind.STAFF_JOINED, "rejoined")


async def test_a_message_that_the_customer_took_back_is_told(asked: Stage) -> None:
    await asked.double.recall("alice", "m1")
    await asked.channel.settled()
    event = asked.intake.items[-1]
    assert isinstance(event, RoomEvent)
    assert (event.kind, event.subject) == (EventKind.RECALLED, "m1")


async def test_who_receives_is_read_from_the_platforms_list(asked: Stage) -> None:
    found = {one.userid: one.receiving for one in await asked.channel.colleagues(KF)}
    assert found == {"lisi": True, "wangwu": False}
