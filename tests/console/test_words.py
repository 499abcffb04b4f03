"""The console's words: complete for what the product can say, and never at a loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.words import FILTERS, MOODS, OUTCOMES, REASONS, feeling, moment, span, sure, took
from conversation.findings import Emotion, EmotionLabel
from conversation.outcomes import OUTCOMES as KINDS
from graph.escalation import AFTER_CHECK, TABLE, WAITING


def test_every_reason_of_the_policy_has_a_word() -> None:
    assert {row.reason for row in (*TABLE, *WAITING, *AFTER_CHECK)} - set(REASONS) == set()


def test_every_outcome_and_mood_has_a_word() -> None:
    assert set(KINDS) == set(OUTCOMES)
    assert {str(label) for label in EmotionLabel} == set(MOODS)


def test_a_deployers_own_codes_show_as_they_are() -> None:
    assert FILTERS["intent"]("gift_card") == "gift_card"


def test_figures_read_as_a_person_would_say_them() -> None:
    assert [sure(chance) for chance in (0.97, 0.6, 0.1)] == ["很有把握", "有些把握", "拿不准"]
    assert feeling(Emotion("angry", {}, 2.5)) == "非常生气"
    assert feeling(Emotion("disappointed", {}, 0.3)) == "有点失望"
    assert feeling(Emotion("neutral", {}, 2.9)) == "平静"
    assert [took(16), took(1230)] == ["16 毫秒", "1.2 秒"]
    assert [span(5), span(61), span(3 * 3600), span(50 * 3600)] == ["不到 1 分钟", "1 分钟", "3 小时", "2 天"]
    assert moment(0) == "1970-01-01T00:00:00Z"


@given(st.floats(allow_nan=False, min_value=-1e9, max_value=1e9))
def test_no_figure_is_too_odd_for_words(figure: float) -> None:
    assert sure(figure)
    assert span(figure)
    assert took(figure)
    assert feeling(Emotion("angry", {}, figure))
