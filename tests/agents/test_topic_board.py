"""The topic board sorts a busy group line by line and knows when to keep quiet."""

from __future__ import annotations

import pytest

from agents.duplicate import LocalDuplicate
from agents.gate import Heard, LocalGate
from agents.local_classifier import LocalTriage
from agents.topic_board import Place, RoomLine, Senses, TopicBoard
from conversation.findings import Retrieval


@pytest.fixture(scope="module")
def senses() -> Senses:
    triage = LocalTriage.shipped()
    duplicate, gate = LocalDuplicate.shipped(), LocalGate.shipped()

    def answerable(text: str) -> float:
        return gate.chance(Heard(text, Retrieval(answerable=0.7, covered=0.7)))

    return Senses(triage.scores, duplicate.asked, duplicate.chance_of, gate.sounds, answerable)


def play(senses: Senses, *lines: tuple[object, ...], mode: str = "auto") -> list[Place]:
    """Lines are (speaker, seconds, text[, role[, reply_to]])."""
    board = TopicBoard(senses, "小汇", ["阿明", "丽丽", "老王", "小美"], mode)
    places = []
    for number, (speaker, at, text, *rest) in enumerate(lines, start=1):
        role = str(rest[0]) if rest else "customer"
        reply_to = rest[1] if len(rest) > 1 else None
        assert reply_to is None or isinstance(reply_to, int)
        line = RoomLine(number, str(speaker), role, str(text), (), reply_to, float(str(at)))
        places.append(board.place(line))
    return places


def test_that_a_mention_is_answered_and_talk_is_noise(senses: Senses) -> None:
    asked, talk = play(senses, ("阿明", 0, "@小汇 怎么退款"), ("丽丽", 4, "今天好热"))
    assert asked.addressed_to_bot
    assert asked.speak
    assert asked.topic == 1
    assert talk.topic == 0
    assert not talk.speak


def test_that_who_asks_the_same_joins_the_first_asker(senses: Senses) -> None:
    lines = (("阿明", 0, "@小汇 怎么退款"), ("老王", 9, "我也想知道怎么退款"), ("丽丽", 15, "同问"))
    first, second, third = play(senses, *lines)
    assert (first.topic, second.topic, third.topic) == (1, 1, 1)
    assert second.duplicate_of == 1
    assert third.duplicate_of == 1
    assert not second.speak
    assert not third.speak


def test_that_a_latecomer_gets_a_line_of_their_own(senses: Senses) -> None:
    lines = (("阿明", 0, "@小汇 怎么退款"), ("小汇", 3, "@阿明 在订单页点申请退款", "bot"), ("老王", 90, "怎么退款呢"))
    late = play(senses, *lines)[-1]
    assert late.duplicate_of == 1
    assert late.speak


def test_that_thanks_after_an_answer_belong_to_it_and_get_no_reply(senses: Senses) -> None:
    lines = (("阿明", 0, "@小汇 怎么退款"), ("小汇", 3, "@阿明 在订单页点申请退款", "bot"), ("阿明", 9, "好的谢谢"))
    thanks = play(senses, *lines)[-1]
    assert thanks.topic == 1
    assert thanks.reply_to == 2
    assert not thanks.speak


def test_that_a_follow_up_to_the_bots_answer_is_for_the_bot(senses: Senses) -> None:
    lines = (
        ("阿明", 0, "@小汇 怎么退款"),
        ("小汇", 3, "@阿明 在订单页点申请退款", "bot"),
        ("阿明", 40, "那退款多久到账"),
    )
    follow_up = play(senses, *lines)[-1]
    assert follow_up.addressed_to_bot
    assert follow_up.topic == 1
    assert follow_up.speak


def test_that_nobody_is_interrupted_who_speaks_to_somebody_else(senses: Senses) -> None:
    lines = (("阿明", 0, "验证码收不到怎么办"), ("老王", 9, "@阿明 你重启一下手机"), ("丽丽", 12, "@所有人 帮我砍一刀"))
    _, advice, advert = play(senses, *lines)
    assert not advice.speak
    assert not advice.addressed_to_bot
    assert advice.reply_to == 1
    assert not advert.speak
    assert advert.topic == 0


def test_that_a_person_at_the_desk_is_not_interrupted(senses: Senses) -> None:
    lines = (
        ("阿明", 0, "验证码收不到怎么办"),
        ("小美", 9, "@阿明 我帮您看看", "staff"),
        ("阿明", 30, "验证码还是收不到怎么办"),
    )
    assert not play(senses, *lines)[-1].speak


def test_that_a_quoted_line_says_what_is_answered(senses: Senses) -> None:
    lines = (("阿明", 0, "验证码收不到怎么办"), ("丽丽", 5, "发票在哪里开"), ("老王", 60, "要等两天", "customer", 1))
    assert play(senses, *lines)[-1].reply_to == 1


@pytest.mark.parametrize("mode", ["observe", "draft"])
def test_that_a_watching_bot_never_speaks(mode: str, senses: Senses) -> None:
    assert not play(senses, ("阿明", 0, "@小汇 怎么退款"), mode=mode)[0].speak


def test_that_a_room_may_want_answers_to_mentions_alone(senses: Senses) -> None:
    lines = (("阿明", 0, "验证码收不到怎么办"), ("老王", 9, "@小汇 怎么退款"))
    unasked, asked = play(senses, *lines, mode="mention")
    assert not unasked.speak
    assert asked.speak
