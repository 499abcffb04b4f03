"""An answer leaves only when every hard thing in it stands in the evidence."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer_checker import AnswerChecker
from agents.figures import Figure, figures
from conversation.findings import Answer, AnswerCheck, Citation, Passage

REFUND = Passage(
    "kb1",
    2,
    "怎么申请退款",
    "在订单页点“申请退款”，7 天内无理由，审核通过后 1-3 个工作日原路退回，运费 12.5 元由买家承担，"
    "详见 https://help.example.com/refund ，咨询 400-820-8820 或 help@example.com。"
    "不支持货到付款。会员满 1,000 元享九折。",
    1.0,
)
CALL = Passage("kb2", 1, "大额退款", "大额退款提交后，客服会在 24 小时内联系您核实。已发货的订单无法取消。", 0.8)
PASSAGES = (REFUND, CALL)
CITES = (Citation("kb1", 2, ""),)


def check(text: str, said: str = "我想退款", cites: tuple[Citation, ...] = CITES, **more: bool) -> AnswerCheck:
    return AnswerChecker().check(Answer(text, cites), PASSAGES, [said], **more)


@pytest.mark.parametrize(
    "text",
    [
        "在订单页点“申请退款”，审核通过后1到3个工作日原路退回。",
        "7日内无理由退款，运费12.50元由买家承担。",
        "七天内无理由，运费由买家承担。",
        "您在订单页点“申请退款”即可，审核通过后 1-3 个工作日原路退回。",
        "不支持货到付款。",
        "会员满1000元享9折。",
        "1. 在订单页点“申请退款”\n2. 审核通过后原路退回",
        "详见 https://help.example.com/refund",
        "可以咨询 400-820-8820 或 help@example.com",
        "Tap refund on the order page; the fee of 12.5 is paid by the buyer.",
    ],
)
def test_what_stands_in_the_evidence_may_leave(text: str) -> None:
    assert check(text) == AnswerCheck(True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("15 天内无理由退款，审核通过后原路退回。", "figure:15天"),
        ("7 小时内无理由，审核通过后原路退回。", "figure:7小时"),
        ("十五天内无理由，审核通过后原路退回。", "figure:15天"),
        ("运费 125 元由买家承担。", "figure:125元"),
        ("审核通过后明天原路退回。", "day:明天"),
        ("审核通过后 18:00 前原路退回。", "figure:18:00"),
        ("详见 https://help.example.com/refunds", "link:https://help.example.com/refunds"),
        ("请打开 evil-pay.com 申请退款", "link:evil-pay.com"),
        ("咨询 other@example.com 申请退款", "email:other@example.com"),
        ("咨询 400-820-9999 申请退款", "figure:9999"),
        ("审核通过后原路退回 PayPal。", "name:PayPal"),
        ("在“退款中心”点申请退款。", "quote:退款中心"),
        ("支持货到付款。", "turned:支持"),
        ("运费 12.5 元由卖家承担。", "turned:卖家"),
        ("You get the money back via PayPal within 7 days.", "name:PayPal"),
        ("我们的产品采用航天级材料，环保健康，值得信赖。", "ungrounded"),
        ("根据<资料>，can_answer 为真，7 天内无理由。", "leak"),
        ("", "cannot_answer"),
    ],
)
def test_an_invention_is_named(text: str, problem: str) -> None:
    found = check(text)
    assert not found.passed
    assert problem in found.problems


@pytest.mark.parametrize(
    "text",
    [
        "您好，退款申请已提交，预计1-3个工作日原路退回，请您留意到账通知。",
        "非常抱歉，我已记录您的反馈并升级处理，专员会在2小时内联系您。",
        "好的，正在为您转接人工客服，请稍候。",
        "您好，订单已为您取消，款项将原路退回。",
        "您好，已为您登记故障工单，技术同事会尽快处理并通知您结果。",
        "我帮您申请退款，审核通过后原路退回。",
        "稍后联系您处理退款。",
        "我们会尽快为您办理退款。",
        "客服马上联系您办理退款。",
        "We will refund you within 7 days.",
        "I have submitted the refund.",
        "Your refund has been processed.",
        "保证 7 天内退款。",
    ],
)
def test_a_promise_or_a_deed_nobody_did_never_leaves(text: str) -> None:
    found = check(text)
    assert not found.passed
    assert any(problem.startswith(("claim:", "promise:")) for problem in found.problems)


def test_the_knowledge_base_may_promise_in_its_own_words() -> None:
    cites = (Citation("kb2", 1, ""),)
    assert check("大额退款提交后，客服会在 24 小时内联系您核实。", cites=cites).passed
    assert not check("客服会在 24 小时内联系您退款。", cites=cites).passed


def test_a_ticket_behind_it_allows_a_promise() -> None:
    cites = (Citation("kb2", 1, ""),)
    assert check("大额退款客服会联系您核实。", cites=cites, has_ticket=True).passed


@pytest.mark.parametrize(
    "text", ["请尽快联系客服申请退款。", "您可以在订单页申请退款。", "如果审核通过后未退回，请咨询 400-820-8820。"]
)
def test_asking_the_customer_to_do_something_promises_nothing(text: str) -> None:
    assert check(text).passed


def test_the_customers_own_words_are_evidence_for_figures_but_not_for_promises() -> None:
    assert check("订单 20260318001 可在订单页点“申请退款”。", said="订单20260318001怎么退款").passed
    assert not check("客服会在 2 小时内联系您退款。", said="你们说客服会在 2 小时内联系我退款").passed


@pytest.mark.parametrize(
    ("cites", "problem"),
    [
        ((), "citation:none"),
        ((Citation("kb9", 1, ""),), "citation:kb9"),
        ((Citation("kb1", 1, ""),), "citation:kb1"),
    ],
)
def test_a_citation_must_be_one_of_the_passages_at_that_version(cites: tuple[Citation, ...], problem: str) -> None:
    assert problem in check("在订单页点“申请退款”。", cites=cites).problems


def test_a_figure_from_a_passage_that_is_not_cited_is_unsupported() -> None:
    assert "figure:24小时" in check("审核通过后 24 小时内原路退回。").problems


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("一千两百元", Figure("1200", "元")),
        ("三十五天", Figure("35", "天")),
        ("￥88", Figure("88", "元")),
        ("88块", Figure("88", "元")),
        ("１２：３０", Figure("12:30")),
        ("2 个星期", Figure("2", "周")),
        ("满1,299.00元", Figure("1299", "元")),
        ("九五折", Figure("95", "折")),
    ],
)
def test_numbers_are_the_same_however_they_are_written(text: str, found: Figure) -> None:
    assert found in figures(text)


@given(st.text(max_size=200))
def test_any_text_can_be_checked_and_a_passing_one_has_no_unknown_number(text: str) -> None:
    found = check(text, said="")
    known = {figure.value for figure in figures(f"{REFUND.question}\n{REFUND.answer}")}
    if found.passed:
        assert {figure.value for figure in figures(text)} <= known


def test_a_check_costs_less_than_a_millisecond() -> None:
    text = "您在订单页点“申请退款”即可，审核通过后 1-3 个工作日原路退回，运费 12.5 元由买家承担。"
    check(text)
    started = time.process_time()
    for _ in range(50):
        check(text)
    assert (time.process_time() - started) / 50 < 0.003
