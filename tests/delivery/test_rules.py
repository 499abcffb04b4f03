"""The pure rules: when to hold, when to try again, how fast to speak."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.errors import FateUnknown, GiveUp, PersonHolds, RetryLater
from delivery.pacing import earliest_send, memory_needed
from delivery.quiet_hold import hold_until, looks_unfinished
from delivery.retry_policy import backoff, next_send
from delivery.send_verdict import Again, Buried, Unknown, Withdrawn, judge
from delivery.terms import DeliveryTerms
from store.outbox_rows import OutboxRow
from tests.delivery.doubles import SAFE, message, picture


@pytest.mark.parametrize(
    "text",
    [
        "你好",
        "您好！",
        "在吗？",
        "hello",
        "亲，在吗",
        "我想咨询一下，",
        "情况是这样：",
        "有两个问题:",
        "那个",
        "我",
        "订单",
        "因为",
        "然后",
    ],
)
def test_a_fragment_a_greeting_or_an_open_end_looks_unfinished(text: str) -> None:
    assert looks_unfinished(message(1, text))


@pytest.mark.parametrize(
    "text",
    [
        "多少钱",
        "怎么退",
        "能退吗",
        "好的",
        "谢谢",
        "转人工",
        "1",
        "12",
        "A-7",
        "是",
        "不用了",
        "我的快递到哪了",
        "你好，怎么退货",
        "退款",
        "ok",
        "没有",
        "到了吗",
    ],
)
def test_a_whole_line_looks_finished(text: str) -> None:
    assert not looks_unfinished(message(1, text))


def test_a_picture_with_words_looks_finished() -> None:
    assert looks_unfinished(picture(1))
    assert not looks_unfinished(replace(picture(1), text="这个坏了怎么办？"))


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=6),
    st.sampled_from(["你好", "怎么退货？"]),
    st.floats(0, 5),
    st.floats(0, 5),
)
def test_a_hold_never_passes_the_cap(arrived: list[float], text: str, quiet_s: float, cap_s: float) -> None:
    until = hold_until([message(1, text)] * len(arrived), arrived, quiet_s=quiet_s, cap_s=cap_s)
    if until is not None:
        assert until <= min(arrived) + cap_s
        assert until <= max(arrived) + quiet_s
    else:
        assert quiet_s == 0 or text == "怎么退货？"


def test_an_empty_burst_is_not_held() -> None:
    assert hold_until([], [], quiet_s=1, cap_s=3) is None


@given(st.integers(1, 100), st.floats(0, 1))
def test_waits_grow_and_stay_within_bounds(tries: int, chance: float) -> None:
    wait = backoff(tries, chance)
    assert 0.5 <= wait <= 900
    assert backoff(tries + 1, chance) >= wait


@given(st.integers(1, 12), st.floats(0, 5000), st.none() | st.floats(0, 5000), st.floats(0, 1))
def test_a_retry_keeps_every_promise(tries: int, age: float, after_s: float | None, chance: float) -> None:
    at = next_send(tries=tries, created_at=0, now=age, after_s=after_s, chance=chance, max_tries=8, limit_s=3600)
    if at is None:
        assert tries >= 8 or age + max(backoff(tries, chance), after_s or 0) > 3600
    else:
        assert tries < 8
        assert at <= 3600
        assert at >= age + (after_s or 0)


@given(st.floats(0.1, 20), st.floats(0.1, 200), st.lists(st.floats(0, 2), max_size=60))
def test_no_window_ever_holds_more_than_the_limit(
    per_second: float, per_minute: float, hesitations: list[float]
) -> None:
    capabilities = replace(SAFE, per_second=per_second, per_minute=per_minute)
    sent: list[float] = []
    now = 0.0
    for hesitation in hesitations:
        now = max(now + hesitation, earliest_send(sent[::-1][: memory_needed(capabilities)], capabilities))
        sent.append(now)
    for number, moment in enumerate(sent):
        within = [one for one in sent[number:] if one < moment + 1 - 1e-6]
        assert len(within) <= max(1, math.floor(per_second))
        within = [one for one in sent[number:] if one < moment + 60 - 1e-6]
        assert len(within) <= max(1, math.floor(per_minute))


def test_a_platform_without_limits_needs_no_memory() -> None:
    assert memory_needed(SAFE) == 0
    assert earliest_send([5.0], SAFE) == -math.inf


def row(tries: int) -> OutboxRow:
    return OutboxRow(1, "k", "", "r", "bot", 0, "reply", "{}", "sending", tries, 0.0, None)


def test_a_colleagues_words_are_never_dropped_in_silence() -> None:
    staff = replace(row(1), author="staff")
    verdict = judge(PersonHolds("a servicer"), staff, DeliveryTerms(), resend_is_safe=True, now=1.0, chance=0.5)
    assert isinstance(verdict, Buried)


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("tries", [1, 8])
def test_a_verdict_never_guesses(tries: int, safe: bool) -> None:
    def verdict(error: Exception) -> type:
        return type(judge(error, row(tries), DeliveryTerms(), resend_is_safe=safe, now=1.0, chance=0.5))

    last = tries == 8
    assert verdict(GiveUp("no")) is Buried
    assert verdict(RetryLater("busy")) is (Buried if last else Again)
    assert verdict(PersonHolds("a servicer")) is Withdrawn
    for open_fate in (FateUnknown("lost"), TimeoutError(), ValueError("ours")):
        assert verdict(open_fate) is (Again if safe and not last else Unknown)
