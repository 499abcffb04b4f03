"""What customers read: short, polite, complete in both languages, and no promise that nobody keeps."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.turn import DeskHours, KnownTicket
from conversation.wording import Wording, language_of, wording

LINES = [field.name for field in fields(Wording) if field.type == "str" and field.name != "language"]
NIGHT = DeskHours(staffed=False, opens="明天 9:00")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", LINES)
def test_every_line_is_there_and_short(language: str, name: str) -> None:
    line = getattr(wording(language), name)
    assert line.strip()
    assert len(line) <= (70 if language == "zh" else 190)


@pytest.mark.parametrize("name", LINES)
def test_both_languages_fill_the_same_places(name: str) -> None:
    places = [set(re.findall(r"\{(\w+)\}", getattr(wording(language), name))) for language in ("zh", "en")]
    assert places[0] == places[1]


def test_customers_are_addressed_politely() -> None:
    assert not any("你" in getattr(wording("zh"), name) for name in LINES)


def test_no_line_promises_what_nobody_keeps() -> None:
    for name in LINES:
        line = getattr(wording("zh"), name)
        assert not re.search(r"尽快|马上|立即|保证|一定会|稍后联系", line), name


def test_by_day_a_handoff_names_the_time_the_desk_keeps_rounded_up() -> None:
    words = wording("zh")
    assert "通常 5 分钟内回复" in words.handed_off(DeskHours(reply_within_s=300))
    assert "2 分钟" in words.handed_off(DeskHours(reply_within_s=61))
    assert "2 小时" in words.handed_off(DeskHours(reply_within_s=3601))


def test_at_night_a_handoff_names_the_opening_and_no_minutes() -> None:
    line = wording("zh").handed_off(NIGHT, apologise=True)
    assert line.startswith("非常抱歉")
    assert "客服将在明天 9:00后回复您" in line
    assert "分钟" not in line
    assert "tomorrow 9:00" in wording("en").handed_off(NIGHT)


def test_a_desk_without_known_hours_is_spoken_of_without_a_time() -> None:
    assert "上班后回复您" in wording("zh").handed_off(DeskHours(staffed=False))


@pytest.mark.parametrize("desk", [DeskHours(), NIGHT])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_ticket_line_keeps_the_place_of_its_number(language: str, desk: DeskHours) -> None:
    line = wording(language).ticket_opened(desk, ask_order=True)
    assert line.count("{number}") == 1
    assert "{" not in line.replace("{number}", "")


def test_a_title_with_braces_is_only_a_title() -> None:
    known = KnownTicket("T-1", "{number} {x}", "processing", "refund", 1.0)
    assert wording("zh").about_ticket(wording("zh").state, known) == "您的工单 T-1（{number} {x}）目前状态：处理中。"


def test_an_unknown_language_reads_chinese() -> None:
    assert wording("fr") is wording("zh")


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["怎么退款"], "zh"),
        (["how do I get a refund"], "en"),
        (["how do I get a refund", "ok"], "en"),
        (["how do I get a refund", "谢谢"], "zh"),
        (["iPhone 15"], "zh"),
        (["订单 order number"], "zh"),
        (["123", "😂"], "zh"),
        ([], "zh"),
    ],
)
def test_the_newest_line_that_shows_a_language_decides(texts: list[str], language: str) -> None:
    assert language_of(texts) == language


@given(st.floats(min_value=0.1, max_value=10**6))
def test_a_time_in_words_is_never_shorter_than_it_is(seconds: float) -> None:
    told = wording("zh").duration(seconds)
    number = int(re.findall(r"\d+", told)[0])
    assert number * (60 if "分钟" in told else 3600) >= seconds
