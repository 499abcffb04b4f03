"""A bare number after our own question is put into words; after anything else it is a number."""

from __future__ import annotations

import pytest

from conversation.identity import Speaker
from conversation.turn import KnownTicket, Line
from conversation.wording import wording
from graph.options import in_words, offered

QUESTIONS = ("怎么申请退款", "运费谁出")


def history(*lines: tuple[str, str]) -> list[Line]:
    return [Line(Speaker(who), text, 1.0) for who, text in lines]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("pick", "meant"), [("1", 0), ("2", 1), ("2.", 1), ("第二个", 1), ("选1", 0), ("是2", 1)])
def test_a_number_picks_its_option(language: str, pick: str, meant: int) -> None:
    asked = history(("customer", "退款运费"), ("bot", wording(language).clarify(QUESTIONS)))
    assert in_words(pick, asked) == QUESTIONS[meant]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_yes_picks_the_only_option(language: str) -> None:
    asked = history(("bot", wording(language).clarify(QUESTIONS[:1])))
    assert in_words("是的", asked) == QUESTIONS[0]
    assert in_words("不是", asked) == "不是"


@pytest.mark.parametrize("said", ["3", "0", "都不是", "退款要多久", "12"])
def test_what_picks_nothing_stays_as_it_is(said: str) -> None:
    assert in_words(said, history(("bot", wording().clarify(QUESTIONS)))) == said


def test_a_picked_ticket_keeps_what_was_to_be_done() -> None:
    tickets = [KnownTicket(f"T-20261120-000{n}", "退款", "open", "refund", 1.0) for n in (1, 2)]
    asked = history(("customer", "催一下工单"), ("bot", wording().which_ticket(tickets)))
    assert in_words("2", asked) == "催一下工单\nT-20261120-0002 退款"


@pytest.mark.parametrize(
    "lines",
    [
        [("bot", "步骤：\n1. 打开订单页\n2. 点申请退款")],
        [("bot", wording().clarify(QUESTIONS)), ("staff", "我来")],
        [("customer", wording().clarify(QUESTIONS))],
        [],
    ],
)
def test_only_our_own_last_question_offers_options(lines: list[tuple[str, str]]) -> None:
    assert offered(history(*lines)) == ()
