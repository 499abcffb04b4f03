"""Reactions in and out, messages taken back, and who the people are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from channels.feishu import FeishuChannel, working
from conversation.errors import GiveUp
from conversation.identity import RoomKind
from conversation.messages import EventKind, IncomingMessage, OutgoingMessage
from playground.feishu_content import TENANT_KEY
from tests.channels.feishu.long_stage import until
from tests.channels.feishu.stage import GROUP, SETTINGS, Stage, staged

LI_SI: dict[str, Any] = {"user_open_id": "ou_lisi", "user_name": "李四"}


def answer_to(message: IncomingMessage, text: str = "七天内可以退。") -> OutgoingMessage:
    return OutgoingMessage(message.room, text=text, reply_to=message.message_id, handles=(message.reply_handle,))


async def asked(stage: Stage, text: str = "怎么退货？", **more: Any) -> IncomingMessage:
    await stage.double.say(chat_id="oc_room", text=text, **{**LI_SI, "mention_bot": True, **more})
    return stage.inbox.messages[-1]


def reactions(stage: Stage, message_id: str) -> tuple[str, ...]:
    return stage.double.ledger.message(message_id).reactions


async def test_a_question_wears_the_sign_until_it_is_answered() -> None:
    async with staged(working_emoji="OnIt") as stage:
        message = await asked(stage)
        await until(lambda: reactions(stage, message.message_id) == ("OnIt",))

        await stage.channel.send(answer_to(message), "k1")

        await until(lambda: reactions(stage, message.message_id) == ())
        assert message.awaits
        assert stage.calls("reactions") == []


async def test_a_silent_turn_takes_the_sign_off_and_says_nothing() -> None:
    async with staged(working_emoji="OnIt") as stage:
        message = await asked(stage)
        await until(lambda: reactions(stage, message.message_id) == ("OnIt",))

        receipt = await stage.channel.send(OutgoingMessage(message.room, handles=(message.reply_handle,)), "k1")

        await until(lambda: reactions(stage, message.message_id) == ())
        assert receipt.platform_message_id == ""
        assert stage.double.ledger.texts("oc_room", "bot") == []


async def test_an_answer_takes_the_signs_off_everything_that_waited_for_it() -> None:
    async with staged(working_emoji="OnIt") as stage:
        first, last = await asked(stage, "怎么退货？"), await asked(stage, "有人吗？")
        other = await asked(stage, "几点开门？", user_open_id="ou_wang", user_name="小王")
        everyone = (first, last, other)
        await until(lambda: all(reactions(stage, one.message_id) == ("OnIt",) for one in everyone))

        # Staff answer at last, and only the newest messages are handed along.
        await stage.channel.send(answer_to(last), "k1")

        await until(lambda: reactions(stage, first.message_id) == reactions(stage, last.message_id) == ())
        assert reactions(stage, other.message_id) == ("OnIt",)


async def test_another_process_finds_the_sign_and_takes_off_ours_alone() -> None:
    async with staged(working_emoji="OnIt") as stage:
        message = await asked(stage)
        await until(lambda: reactions(stage, message.message_id) == ("OnIt",))
        stage.double.rooms.react(message.message_id, "OnIt")
        other = FeishuChannel(
            replace(SETTINGS, working_emoji="OnIt"),
            intake=stage.inbox,
            presses=stage.desk,
            client=stage.channel._client._api._client,
            clock=stage.clock,
        )

        await other.send(answer_to(message), "k1")

        await until(lambda: reactions(stage, message.message_id) == ("OnIt",))
        assert len(stage.calls("unreact")) == 1
        # What staff say later belongs to the same message: it is not looked for again.
        await other.send(answer_to(message, "还有一句"), "k2")
        assert len(stage.calls("reactions")) == 1
        await other.close()


async def test_a_sign_that_is_still_on_its_way_is_looked_for_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "ONCE_MORE_AFTER_S", 0.01)
    async with staged(working_emoji="OnIt") as stage:
        message = await asked(stage)
        await until(lambda: reactions(stage, message.message_id) == ("OnIt",))
        stage.channel._working._put.clear()
        stage.double.faults.next("reactions", http=200, code=0)

        await stage.channel.send(answer_to(message), "k1")

        await until(lambda: reactions(stage, message.message_id) == ())


@pytest.mark.parametrize("call", ["react", "unreact"])
async def test_a_sign_that_cannot_be_had_harms_nothing(call: str) -> None:
    async with staged(working_emoji="OnIt") as stage:
        stage.double.faults.always(call, code=231003)
        message = await asked(stage)

        await stage.channel.send(answer_to(message), "k1")

        await until(lambda: len(stage.calls(call)) > 0)
        assert stage.double.ledger.texts("oc_room", "bot") == ["七天内可以退。"]


async def test_only_who_asks_the_bot_gets_a_sign_and_a_repeat_gets_no_second() -> None:
    async with staged(working_emoji="OnIt") as stage:
        chatter = await asked(stage, "我们自己聊", mention_bot=False)
        staff = await stage.double.say(chat_id="oc_staff", text="收到", mention_bot=True, **LI_SI)
        private = await stage.double.say(chat_id="oc_p", chat_type="p2p", text="在吗", **LI_SI)
        await until(lambda: reactions(stage, private) == ("OnIt",))
        await stage.double.redeliver(private)

        assert reactions(stage, chatter.message_id) == reactions(stage, staff) == ()
        assert reactions(stage, private) == ("OnIt",)
        assert [one.awaits for one in stage.inbox.messages] == [False, False, True]


async def test_without_the_setting_there_are_no_signs() -> None:
    async with staged() as stage:
        message = await asked(stage)
        await stage.channel.send(answer_to(message), "k1")

        assert not message.awaits
        assert stage.calls("react") == []
        with pytest.raises(GiveUp):
            await stage.channel.send(OutgoingMessage(message.room), "k2")


async def test_thumbs_judge_the_bots_words_and_nobody_elses() -> None:
    async with staged() as stage:
        message = await asked(stage)
        answer = (await stage.channel.send(answer_to(message), "k1")).platform_message_id

        await stage.double.react(message.message_id, "THUMBSUP", "ou_wang")
        await stage.double.react(answer, "THUMBSDOWN", "ou_lisi")
        await stage.double.react(answer, "PARTY", "ou_lisi")

        assert [(one.kind, one.subject, one.room) for one in stage.inbox.events] == [
            (EventKind.DISLIKED, answer, GROUP)
        ]


async def test_a_thumb_for_words_that_this_process_never_saw_finds_their_room() -> None:
    async with staged() as stage:
        answer = (await stage.channel.send(OutgoingMessage(GROUP, text="七天内可以退。"), "k1")).platform_message_id
        said = await stage.double.say(chat_id="oc_p", chat_type="p2p", text="在吗", **LI_SI)
        stage.channel._recent._places.clear()

        await stage.double.react(answer, "THUMBSUP", "ou_wang")
        await stage.double.react(said, "THUMBSUP", "ou_wang")
        await stage.double.react(answer, "PARTY", "ou_wang")

        (liked,) = stage.inbox.events
        assert (liked.kind, liked.room.chat_id, liked.room.kind) == (EventKind.LIKED, "oc_room", RoomKind.GROUP)
        assert len(stage.calls("get")) == 2


async def test_a_message_taken_back_after_a_restart_is_still_its_writers() -> None:
    async with staged() as stage:
        message = await asked(stage)
        stage.channel._recent._places.clear()

        await stage.double.recall(message.message_id)

        (recalled,) = stage.inbox.events
        assert (recalled.kind, recalled.subject) == (EventKind.RECALLED, message.message_id)
        assert recalled.lane == message.lane


async def test_the_bot_can_take_its_own_words_back() -> None:
    async with staged() as stage:
        sent = (await stage.channel.send(OutgoingMessage(GROUP, text="说错了"), "k1")).platform_message_id
        said = await stage.double.say(chat_id="oc_room", text="别人的话", **LI_SI)

        await stage.channel.withdraw(sent)

        assert stage.double.ledger.message(sent).recalled
        with pytest.raises(GiveUp, match="NOT the sender"):
            await stage.channel.withdraw(said)


async def test_a_profile_names_the_person_the_departments_and_the_enterprise() -> None:
    async with staged() as stage:
        await asked(stage)

        profile = await stage.channel.profile_of("ou_lisi")
        again = await stage.channel.profile_of("ou_lisi")

        assert (profile.name, profile.departments, profile.tenant_key) == ("李四", ("销售部",), TENANT_KEY)
        assert (profile.tenant_name, profile.external) == ("售后科技", False)
        assert again == profile
        for call in ("user", "department", "tenant"):
            assert len(stage.calls(call)) == 1


async def test_a_guest_of_another_enterprise_is_told_from_ones_own_people() -> None:
    async with staged() as stage:
        await asked(stage)
        stage.channel._profiles.seen("ou_guest", "another-tenant")
        stage.double.rooms.person("ou_guest", "外部客户")

        profile = await stage.channel.profile_of("ou_guest")

        assert (profile.external, profile.tenant_name) == (True, "")


async def test_where_the_app_may_see_nothing_a_profile_is_empty_and_asks_seldom() -> None:
    async with staged() as stage:
        for call in ("user", "tenant"):
            stage.double.faults.always(call, code=99991672)
        await asked(stage)
        before = len(stage.calls("user"))

        profile = await stage.channel.profile_of("ou_lisi")
        await stage.channel.profile_of("ou_other")

        assert (profile.name, profile.departments, profile.external) == ("", (), None)
        assert len(stage.calls("user")) <= before + 1
