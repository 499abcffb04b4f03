"""Phrases that mean one thing are read as that thing, and nothing else is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cues import SOCIAL, Cue, read_cues


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("谢谢", Cue.THANKS),
        ("好的谢谢您！", Cue.THANKS),
        ("谢谢，辛苦啦", Cue.THANKS),
        ("非常感谢🙏", Cue.THANKS),
        ("好的，没事了谢谢", Cue.THANKS),
        ("thank you very much", Cue.THANKS),
        ("拜拜", Cue.GOODBYE),
        ("没事了", Cue.GOODBYE),
        ("好的", Cue.NOD),
        ("嗯嗯", Cue.NOD),
        ("OK", Cue.NOD),
        ("知道了。", Cue.NOD),
        ("在吗", Cue.GREETING),
        ("你好", Cue.GREETING),
        ("您好，在吗？", Cue.GREETING),
        ("hello", Cue.GREETING),
        ("你是机器人吗", Cue.WHO_ARE_YOU),
        ("你能帮我做什么？", Cue.WHO_ARE_YOU),
        ("？？？", Cue.NUDGE),
        ("怎么不说话了", Cue.NUDGE),
        ("", Cue.EMPTY),
        ("😂😂", Cue.EMPTY),
        ("👌", Cue.EMPTY),
    ],
)
def test_a_message_without_a_matter_is_known_by_its_words(text: str, cue: Cue) -> None:
    assert read_cues(text) & SOCIAL == {cue}


@pytest.mark.parametrize(
    "text",
    [
        "谢谢，那运费谁出？",
        "你好，怎么退款",
        "好的，那我什么时候能收到",
        "在吗 我的订单没到",
        "可以退货吗",
        "收到的杯子碎了",
        "没有收到货",
        "是不是要运费",
    ],
)
def test_a_matter_wrapped_in_politeness_is_no_small_talk(text: str) -> None:
    assert not read_cues(text) & SOCIAL


@pytest.mark.parametrize(
    "text",
    [
        "转人工",
        "人工",
        "我要找人工客服",
        "太慢了，转人工",
        "我不想跟机器人聊，叫真人客服来",
        "找你们经理来",
        "帮我转接一下人工",
        "有没有真人客服在吗",
        "I want to talk to a human",
        "let me speak to someone",
    ],
)
def test_asking_for_a_person_is_heard(text: str) -> None:
    assert Cue.WANTS_HUMAN in read_cues(text)


@pytest.mark.parametrize(
    "text", ["不用转人工", "先不要人工，我再问问", "人工智能是什么", "人工费多少钱", "安装要收人工费吗"]
)
def test_the_word_alone_does_not_call_a_person(text: str) -> None:
    assert Cue.WANTS_HUMAN not in read_cues(text)


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("我的工单怎么样了", Cue.TICKET),
        ("T-20261120-0001 到哪一步了", Cue.TICKET),
        ("催一下", Cue.URGES),
        ("怎么还没处理", Cue.URGES),
        ("把工单关闭吧", Cue.CLOSES),
        ("取消那个工单", Cue.CLOSES),
        ("补充一下，是红色的", Cue.ADDS),
        ("还要多久", Cue.WHERE_IS_STAFF),
        ("怎么还没有人回复我", Cue.WHERE_IS_STAFF),
        ("怎么申请退款", Cue.ASKS_HOW),
        ("帮我取消刚下的订单", Cue.REQUESTS),
        ("快递三天没更新物流了", Cue.TROUBLE),
        ("订单号2026031800１号到哪了\u200b", Cue.OWN_ORDER),
    ],
)
def test_what_a_sentence_does_is_read_from_its_words(text: str, cue: Cue) -> None:
    assert cue in read_cues(text)


def test_why_is_it_still_not_there_asks_no_how_to() -> None:
    assert Cue.ASKS_HOW not in read_cues("我的订单怎么还没发货")


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error_and_small_talk_is_one_kind_at_most(text: str) -> None:
    assert len(read_cues(text) & SOCIAL) <= 1


@pytest.mark.parametrize("piece", ["哦", "好的", "谢谢", "您你的了", "a", "没", "T-1", "催"])
def test_reading_stays_cheap_whatever_is_repeated(piece: str) -> None:
    read_cues(piece)
    started = time.process_time()
    for tail in ("x", "？", ""):
        read_cues((piece * 40)[:39] + tail)
        read_cues(piece * 20_000 + tail)
    assert time.process_time() - started < 0.1
