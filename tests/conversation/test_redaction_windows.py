"""Long texts are read around anchors only, and nothing is found or lost by that."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from conversation import pii_names, pii_numbers, pii_online
from conversation.pii_windows import widened, windows, within

NUMBERS = st.text(alphabet="0123456789一三八 -+().·、xX转元ab手机，\n", max_size=80)
WORDS = st.text(alphabet="微信薇vVwxX号qQ扣加我是abcxyz019_-@. ，：:\n", max_size=80)
NAMES = st.text(alphabet="收货人姓名：: 王丽君李欧阳·我叫是先生女士小姐收AnZhou，。\n的", max_size=80)


def spans(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(text)]


@settings(max_examples=300)
@given(NUMBERS)
def test_that_windows_hold_every_number(text: str) -> None:
    long = ("_MOBILE", "_LANDLINE", "_SPOKEN", "_IDENTITY_18", "_IDENTITY_BROKEN", "_CARD_NUMBER")
    for name, least in [*((name, 10) for name in long), ("_SHORT_LANDLINE", 7), ("_ABROAD", 8), ("_IDENTITY_15", 15)]:
        pattern = getattr(pii_numbers, name)
        places = pii_numbers._around(text, None, least)
        assert [match.span() for match in within(pattern, text, places)] == spans(pattern, text)


@settings(max_examples=300)
@given(WORDS)
def test_that_windows_hold_every_online_name(text: str) -> None:
    runs = windows(pii_online._RUN, text, 40, 20)
    for pattern in (pii_online._WECHAT, pii_online._WECHAT_NEAR, pii_online._WECHAT_AFTER, pii_online._WECHAT_RAW):
        assert [match.span() for match in within(pattern, text, runs)] == spans(pattern, text)
    for anchor, before, behind, pattern in (
        (pii_online._AT, 68, 400, pii_online._EMAIL),
        (pii_online._FIVE_DIGITS, 24, 2, pii_online._QQ),
    ):
        places = windows(anchor, text, before, behind)
        assert [match.span() for match in within(pattern, text, places)] == spans(pattern, text)


@settings(max_examples=300)
@given(NAMES)
def test_that_windows_hold_every_name(text: str) -> None:
    for anchor, before, behind, patterns in pii_names._ANNOUNCED:
        for pattern in patterns:
            places = windows(anchor, text, before, behind)
            assert [match.span() for match in within(pattern, text, places)] == spans(pattern, text)


def test_that_windows_that_touch_are_one() -> None:
    assert widened([(5, 6), (20, 21), (24, 25)], 3, 2) == [(2, 8), (17, 27)]
    assert widened([(1, 2)], 3, 2) == [(0, 4)]
    assert widened([], 3, 2) == []


CHAT = "您好，昨天买的烤箱到现在没有发货，订单号202511190087345，能帮我看看到哪里了吗？急用，谢谢\n"
