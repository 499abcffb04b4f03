"""The ticket agent tends the customer's own tickets and drafts new ones that staff can work with."""

from __future__ import annotations

import pytest

from agents.cues import read_cues
from agents.prompts import PromptLibrary
from agents.ticket import TicketAgent, TicketCase
from conversation.findings import Emotion, Flags, Triage
from conversation.identity import Speaker
from conversation.outcomes import Acted, Clarified, TicketNote, Urgency
from conversation.turn import KnownTicket, Line
from conversation.wording import wording
from llm.scripted_model import ScriptedModel

WORDS = wording()
PROMPTS = PromptLibrary.load()
REFUND = KnownTicket("T-20261120-0001", "退款：杯子碎了", "processing", "refund", 1.0, "内部：等仓库回复")
INVOICE = KnownTicket("T-20261119-0007", "发票", "open", "invoice", 0.5)
SOLVED = KnownTicket("T-20261101-0002", "换货", "resolved", "return_exchange", 0.1)


def tend(text: str, *tickets: KnownTicket) -> Acted | Clarified:
    return TicketAgent(PROMPTS).tend(text, read_cues(text), tickets, WORDS)


def test_a_ticket_is_told_by_number_title_and_status_and_no_internal_word() -> None:
    outcome = tend("我的工单怎么样了", REFUND)
    assert outcome.reply == "您的工单 T-20261120-0001（退款：杯子碎了）目前状态：处理中。"
    assert "仓库" not in outcome.reply


def test_several_open_tickets_are_all_told() -> None:
    reply = tend("我的工单怎么样了", REFUND, INVOICE).reply
    assert "T-20261120-0001" in reply
    assert "T-20261119-0007" in reply


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("催一下工单", TicketNote("T-20261120-0001", "客户催办：催一下工单", urge=True)),
        ("把工单关闭吧", TicketNote("T-20261120-0001", "客户要求关闭：把工单关闭吧", close=True)),
        ("补充一下，杯子是红色的", TicketNote("T-20261120-0001", "客户补充：补充一下，杯子是红色的")),
        ("订单号20260318001", TicketNote("T-20261120-0001", "客户补充：订单号20260318001")),
    ],
)
def test_urging_closing_and_adding_leave_a_note(text: str, note: TicketNote) -> None:
    outcome = tend(text, REFUND)
    assert isinstance(outcome, Acted)
    assert outcome.notes == (note,)
    assert "T-20261120-0001" in outcome.reply


def test_urging_a_solved_ticket_opens_it_again() -> None:
    outcome = tend("催一下工单，还没解决", SOLVED)
    assert isinstance(outcome, Acted)
    assert outcome.notes[0].reopen
    assert "重新打开" in outcome.reply


def test_with_several_tickets_the_customer_is_asked_which_before_anything_is_written() -> None:
    outcome = tend("催一下工单", REFUND, INVOICE)
    assert isinstance(outcome, Clarified)
    assert "1. T-20261120-0001 退款：杯子碎了\n2. T-20261119-0007 发票" in outcome.reply


def test_a_named_ticket_is_the_one_that_is_meant() -> None:
    outcome = tend("催一下 T-20261119-0007", REFUND, INVOICE)
    assert isinstance(outcome, Acted)
    assert outcome.notes[0].number == "T-20261119-0007"


def test_somebody_elses_ticket_is_unknown_here() -> None:
    outcome = tend("T-20261120-9999 到哪一步了", REFUND)
    assert outcome.reply == "没有查到您名下有工单 T-20261120-9999，麻烦您核对一下工单号。"
    assert "退款" not in outcome.reply


def test_without_tickets_the_truth_is_told() -> None:
    outcome = tend("我的工单呢")
    assert isinstance(outcome, Acted)
    assert outcome.notes == ()
    assert "没有查到" in outcome.reply


def test_a_note_blanks_personal_data() -> None:
    outcome = tend("补充一下，电话13812345678", REFUND)
    assert isinstance(outcome, Acted)
    assert "13812345678" not in outcome.notes[0].text


def test_the_same_matter_again_is_noted_on_the_open_ticket_instead_of_a_second_one() -> None:
    agent = TicketAgent(PROMPTS)
    noted = agent.note_on_open("refund", "还没退款呢", (REFUND,), WORDS)
    assert noted is not None
    assert noted.notes == (TicketNote("T-20261120-0001", "还没退款呢"),)
    assert agent.note_on_open("invoice", "开发票", (REFUND,), WORDS) is None
    other = KnownTicket("T-1", "退款：订单20260101001要退款", "open", "refund", 1.0)
    assert agent.note_on_open("refund", "订单20260318001退款", (other,), WORDS) is None


async def test_a_draft_by_rules_has_what_staff_need() -> None:
    case = TicketCase(
        "refund",
        "订单20260318001的杯子碎了，要退款，电话13812345678，很急",
        (Line(Speaker.CUSTOMER, "昨天收到的快递就这样", 1.0),),
        Triage("refund", "aftersale", 0.9, Flags(urgent=0.9)),
        Emotion("angry", {}, 1.5, -0.5),
    )
    drafted = await TicketAgent(PROMPTS).draft(case, budget_s=1)
    ticket = drafted.draft
    assert ticket.title.startswith("退款：订单20260318001")
    assert len(ticket.title) <= 32
    assert "订单号：20260318001" in ticket.summary
    assert "昨天收到的快递就这样" in ticket.summary
    assert "情绪：生气" in ticket.summary
    assert "13812345678" not in ticket.summary + ticket.title
    assert (ticket.kind, ticket.urgency, ticket.tags) == ("refund", Urgency.HIGH, ("refund", "aftersale"))
    assert not drafted.needs_order


@pytest.mark.parametrize(
    ("kind", "text", "history", "needs"),
    [
        ("refund", "我想退款", (), True),
        ("refund", "我想退款", (Line(Speaker.CUSTOMER, "订单号20260318001", 1.0),), False),
        ("logistics", "单号SF1234567890123不动了", (), False),
        ("fault", "登录不上", (), False),
    ],
)
async def test_a_missing_order_number_is_noticed(kind: str, text: str, history: tuple[Line, ...], needs: bool) -> None:
    drafted = await TicketAgent(PROMPTS).draft(TicketCase(kind, text, history), budget_s=1)
    assert drafted.needs_order is needs


async def test_a_model_words_the_draft_in_one_call_and_the_numbers_stay() -> None:
    model = ScriptedModel([{"title": "杯子破损要求退款", "summary": "客户收到的杯子破损，要求退款。", "urgent": True}])
    case = TicketCase("refund", "订单20260318001收到的杯子是碎的，退款")
    drafted = await TicketAgent(PROMPTS, model).draft(case, budget_s=1)
    assert drafted.draft.title == "杯子破损要求退款"
    assert drafted.draft.summary.endswith("订单号：20260318001")
    assert drafted.draft.urgency is Urgency.HIGH
    assert drafted.usage.calls == 1


INVENTED = {"title": "退款 99 元", "summary": "客户要退 99 元", "urgent": False}
NAMELESS = {"title": "", "summary": "x", "urgent": True}


@pytest.mark.parametrize("replies", [[], ["胡言"], [INVENTED], [NAMELESS]])
async def test_a_model_that_fails_or_invents_a_number_leaves_the_draft_of_the_rules(replies: list[object]) -> None:
    case = TicketCase("refund", "收到的杯子是碎的，退款")
    drafted = await TicketAgent(PROMPTS, ScriptedModel(replies)).draft(case, budget_s=1)  # type: ignore[arg-type]
    assert drafted.draft.title == "退款：收到的杯子是碎的，退款"
