"""What leaves keeps the platform's rules: bytes, cards, keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wecom_bot import outbound
from conversation.card_press import CardAnswer
from conversation.errors import GiveUp
from conversation.messages import Button, ButtonStyle, Card, OutgoingMessage
from playground.wecom_answers import card_problem, stream_problem
from tests.channels.wecom_bot.stage import GROUP, sample

CARD = Card(
    "需要人工协助吗？",
    (("订单", "12345"), ("状态", "已发货")),
    (Button("转人工", {"do": "human"}, ButtonStyle.PRIMARY), Button("已解决", {"do": "done"})),
    note="点一下就好",
)


def test_a_stream_reply_has_the_platforms_shape() -> None:
    first = sample("reply_stream_first")
    ours = outbound.stream("st-7f3c9a2e", "正在查询", finish=False, feedback=True)
    assert set(ours["stream"]) == set(first["stream"])
    assert stream_problem(ours["stream"], first=True) is None
    assert outbound.stream("st", "好", finish=True) == {
        "msgtype": "stream",
        "stream": {"id": "st", "finish": True, "content": "好"},
    }


def test_a_card_travels_beside_its_stream() -> None:
    card = outbound.card_json(CARD, "key-1", "售后助手")
    ours = outbound.stream("st", "好", finish=True, card=card)
    theirs = sample("reply_stream_with_template_card")
    assert set(ours) == set(theirs)
    assert ours["template_card"]["card_type"] == theirs["template_card"]["card_type"]
    assert card_problem(ours["template_card"]) is None


def test_a_response_is_markdown_or_a_card_with_a_feedback_id() -> None:
    assert outbound.response("好", "", "fb") == {
        "msgtype": "markdown",
        "markdown": {"content": "好", "feedback": {"id": "fb"}},
    }
    card = outbound.response("好", outbound.card_json(CARD, "key-1", "售后助手"), "fb")
    assert set(card) == set(sample("response_url_template_card"))
    assert card["template_card"]["feedback"] == {"id": "fb"}


def test_a_button_carries_its_value_and_a_card_its_words() -> None:
    card = outbound.template_card(CARD, "tk", "售后助手")
    assert [json.loads(button["key"]) for button in card["button_list"]] == [{"do": "human"}, {"do": "done"}]
    assert [button["style"] for button in card["button_list"]] == [1, 2]
    assert card["horizontal_content_list"][0] == {"keyname": "订单", "value": "12345"}
    assert card["main_title"] == {"title": CARD.title, "desc": "点一下就好"}
    long = Card("标题", (("一个很长的名字", "值"),), CARD.buttons)
    assert outbound.template_card(long, "tk", "x")["sub_title_text"] == "一个很长的名字：值"


def test_the_same_send_makes_the_same_card_and_another_one_another() -> None:
    assert outbound.card_json(CARD, "k", "x") == outbound.card_json(CARD, "k", "x")
    assert (
        json.loads(outbound.card_json(CARD, "k", "x"))["task_id"]
        != json.loads(outbound.card_json(CARD, "l", "x"))["task_id"]
    )


def test_a_card_without_buttons_is_its_words() -> None:
    plain = Card("工单已创建", (("编号", "TK-1"),))
    assert outbound.card_json(plain, "k", "x") == ""
    assert outbound.card_json(None, "k", "x") == ""
    assert outbound.content_of(OutgoingMessage(GROUP, card=plain)) == "【工单已创建】\n编号：TK-1"


def test_an_update_keeps_the_task_and_always_has_a_button() -> None:
    for answer in (CardAnswer("已转人工"), CardAnswer("好", card=CARD), CardAnswer("好", card=Card("完成", ()))):
        update = outbound.card_update(answer, "task_1", "售后助手")
        assert update["response_type"] == "update_template_card"
        assert update["template_card"]["task_id"] == "task_1"
        assert update["template_card"]["button_list"]
        assert card_problem(update["template_card"]) is None


def test_what_the_platform_cannot_show_is_given_up() -> None:
    for message in (OutgoingMessage(GROUP), OutgoingMessage(GROUP, text=" \n")):
        with pytest.raises(GiveUp, match="neither"):
            outbound.content_of(message)
    wide = Card("标题", (), (Button("按", {"v": "长" * 400}),))
    with pytest.raises(GiveUp, match="1024"):
        outbound.card_json(wide, "k", "x")


def test_a_text_within_the_limit_stays_as_it_is() -> None:
    text = "字" * 6826 + "ab"
    assert len(text.encode()) == outbound.CONTENT_LIMIT
    assert outbound.cut(text) == text


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("一二三四五", 14, "一二三…"),
        ("一二三四五", 11, "一二…"),
        ("好👨‍👩‍👧👍🏽啊啊啊啊", 22, "好…"),
        ("好👍🏽啊啊啊啊啊", 12, "好…"),
        ("🇨🇳🇨🇳🇨🇳", 18, "🇨🇳…"),
        ("cafe\u0301 au lait", 8, "caf…"),
        ("看 https://a.example/b?c=d 吧", 20, "看…"),
        ("看 https://a.cn 好的好的", 21, "看 https://a.cn…"),
        ("见[退款说明](https://a.example/refund)谢谢", 20, "见…"),
        ("https://a.example/" + "x" * 50, 30, "…"),
    ],
)
def test_a_cut_never_splits_a_character_an_emoji_or_a_link(text: str, limit: int, short: str) -> None:
    assert outbound.cut(text, limit) == short
    assert len(outbound.cut(text, limit).encode()) <= limit


WORDS = st.lists(
    st.sampled_from(["好", "a", " ", "\n", "👍🏽", "👨‍👩‍👧", "🇨🇳", "https://a.example/x", "[订单](https://b.cn)", "é"])
)


@given(WORDS, st.integers(min_value=3, max_value=120))
def test_any_text_fits_after_the_cut(words: list[str], limit: int) -> None:
    text = "".join(words)
    short = outbound.cut(text, limit)
    assert len(short.encode()) <= limit
    if len(text.encode()) <= limit:
        assert short == text
    else:
        kept = short.removesuffix("…")
        assert text.startswith(kept)
        assert "https://" not in kept or kept.count("https://") == sum(
            kept.count(whole) for whole in ("https://a.example/x", "(https://b.cn)")
        )


def test_a_half_character_is_replaced_and_never_breaks_the_answer() -> None:
    assert outbound.cut("好\ud83d") == "好?"


def test_a_greeting_is_a_text() -> None:
    welcome: dict[str, Any] = sample("reply_text_welcome")
    assert outbound.welcome(welcome["text"]["content"]) == welcome
