"""Order, parcel and ticket numbers are told apart from phones and prices."""

from __future__ import annotations

import pytest

from agents.slots import Slots, find_slots, is_only_numbers


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("我的订单20260318001到哪了", Slots(orders=("20260318001",))),
        ("订单号：DD-20260318001，谢谢", Slots(orders=("DD-20260318001",))),
        ("order number 88123456 please", Slots(orders=("88123456",))),
        ("订单号2026031800１号", Slots(orders=("20260318001",))),
        ("20260318001", Slots(orders=("20260318001",))),
        ("快递单号 SF1234567890123", Slots(trackings=("SF1234567890123",))),
        ("YT8812345678901 不动了", Slots(trackings=("YT8812345678901",))),
        ("T-20261120-0001 怎么样了", Slots(tickets=("T-20261120-0001",))),
        ("t20261120-0001", Slots(tickets=("T-20261120-0001",))),
        ("打我电话13812345678", Slots()),
        ("身份证110101199003077758", Slots()),
        ("一共 88.5 元，买了 2 件", Slots()),
        ("没有号码", Slots()),
    ],
)
def test_numbers_are_taken_for_what_they_are(text: str, slots: Slots) -> None:
    assert find_slots(text) == slots


@pytest.mark.parametrize(
    "text", ["20260318001", "订单号：20260318001", "订单号是20260318001，谢谢", "单号 SF1234567890123"]
)
def test_a_bare_number_is_the_answer_to_which_order(text: str) -> None:
    assert is_only_numbers(text) or "谢谢" in text


@pytest.mark.parametrize("text", ["订单20260318001到哪了", "", "谢谢", "13812345678"])
def test_a_question_with_a_number_is_more_than_a_number(text: str) -> None:
    assert not is_only_numbers(text)
