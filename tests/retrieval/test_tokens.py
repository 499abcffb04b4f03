"""Texts become the same tokens whatever their width, case, script or hidden characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrieval.tokens import LONGEST_TOKEN, content_length, normalise, query_words, tokens


def test_han_text_becomes_characters_and_pairs() -> None:
    assert tokens("退货运费") == ["退", "货", "运", "费", "退货", "货运", "运费"]


def test_latin_words_keep_their_signs_and_give_their_parts() -> None:
    assert tokens("C++ v2.0 E-1001") == ["c++", "v2.0", "v", "2", "0", "e-1001", "e", "1001"]


def test_width_case_script_and_invisible_characters_make_no_difference() -> None:
    assert tokens("ＷｅＣｈａｔ 退\u200b貨") == tokens("wechat 退货")


def test_different_amounts_stay_different() -> None:
    assert tokens("1000元") != tokens("10000元")


def test_a_text_without_words_has_no_tokens() -> None:
    assert tokens("😂😂！？…") == []
    assert query_words("😂").asking == {}


def test_filler_words_count_less_when_an_answer_is_looked_for() -> None:
    words = query_words("请问怎么退货")
    assert words.answering["怎么"] < words.asking["怎么"]
    assert words.answering["退货"] == words.asking["退货"]


def test_the_clause_that_asks_counts_more_than_the_story() -> None:
    words = query_words("上周给妈妈买了一个加湿器，她很喜欢一直在用。请问滤芯多久换一次？")
    assert words.asking["滤芯"] > words.asking["妈妈"]


def test_context_adds_its_words_at_half_weight() -> None:
    words = query_words("多少钱", context="加湿器有现货吗")
    assert 0 < words.asking["加湿"] < words.asking["多少"]


def test_politeness_is_no_content() -> None:
    assert content_length("你好，请问一下") == 0
    assert content_length("请问发票怎么开") == 3


@given(st.text(max_size=300))
def test_any_text_gives_short_tokens_without_blanks(text: str) -> None:
    found = tokens(text)
    assert all(0 < len(token) <= LONGEST_TOKEN and not any(c.isspace() for c in token) for token in found)
    assert set(query_words(text).asking) <= set(tokens(text))


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert tokens(once) == tokens(text) or normalise(once) != once


@given(st.text(min_size=700, max_size=5000))
def test_a_very_long_question_stays_cheap(text: str) -> None:
    assert len(query_words(text).asking) <= 2 * 650
