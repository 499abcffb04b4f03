"""Who a line speaks to, and what is left of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.mention import Mention, _read, from_feishu, from_text
from tools.name_match import _folded_by_letter, directory, fold

BOT = "小禾"
RULE = "- - - - - - - - - - - - - - -"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("@小禾 怎么退款", "怎么退款"),
        ("＠小禾　怎么退款", "怎么退款"),
        ("@小禾\u2005怎么退款", "怎么退款"),
        ("@小禾\u200b怎么退款", "怎么退款"),
        ("@小禾，怎么退款", "怎么退款"),
        ("@小禾 ：怎么退款", "怎么退款"),
        ("  @小禾！！怎么退款", "怎么退款"),
        ("@小禾 @小禾, 怎么退款", "怎么退款"),
        ("请问@小禾 怎么退款", "请问 怎么退款"),
        ("请问@小禾，怎么退款", "请问 ，怎么退款"),
        ("怎么退款 @小禾", "怎么退款"),
        ("@小禾@小明 看下", "@小明 看下"),
        ("@小禾", ""),
        ("@小禾。", "。"),
        ("@小禾\n怎么\n退款", "怎么 退款"),
        ("第1单@小禾 查一下", "第1单 查一下"),
    ],
)
def test_the_bots_mention_becomes_a_blank_and_its_opening_punctuation_goes(line: str, text: str) -> None:
    found = from_text(line, BOT)
    assert found.mentioned
    assert found.text == text


@pytest.mark.parametrize(
    "line",
    [
        "@小禾禾 怎么退款",
        "@小禾-售后 怎么退款",
        "@小禾（售后） 怎么退款",
        "@小禾2号 怎么退款",
        "@小禾_bot 怎么退款",
        "@小禾🌸 怎么退款",
        "@小禾·北京 怎么退款",
        "小禾 怎么退款",
        "@ 小禾 怎么退款",
        "邮箱 kefu@小禾.com",
        "看 https://example.com/@小禾",
        "@小\n禾",
    ],
)
def test_whole_names_only(line: str) -> None:
    assert not from_text(line, BOT).mentioned


@pytest.mark.parametrize(
    ("bot", "line"),
    [
        ("小汇 客服", "@小汇  客服 在吗"),
        ("小汇 客服", "@小汇　客服 在吗"),
        ("小汇 客服", "@小汇客服 在吗"),
        ("Hui Ying Bot", "@hui ying　ＢＯＴ 在吗"),
        ("HuiBot", "@ＨＵＩＢＯＴ 在吗"),
        ("小汇🤖", "@小汇🤖 在吗"),
        ("小汇❤️", "@小汇❤ 在吗"),
        ("小汇（智能客服）", "@小汇(智能客服) 在吗"),
        ("小汇-售后", "@小汇－售后 在吗"),
        ("Café", "@cafe\u0301 在吗"),
        ("@小汇", "@小汇 在吗"),
        ("ｻﾎﾟｰﾄ", "@サポート 在吗"),
    ],
)
def test_names_match_after_width_case_and_blanks_are_folded(bot: str, line: str) -> None:
    assert from_text(line, bot) == Mention(True, "在吗", (), False)


def test_members_settle_where_a_name_with_blanks_ends() -> None:
    found = from_text("@小禾 售后 你好", BOT, ["小禾", "小禾 售后"])
    assert found == Mention(False, "@小禾 售后 你好", ("小禾 售后",), False)
    assert from_text("@小禾 售后 你好", BOT).mentioned
    assert from_text("@小禾 售后 你好", "小禾 售后", ["小禾"]).text == "你好"


def test_other_people_stay_in_the_text_and_are_named_once() -> None:
    found = from_text("@小明 @ Ann @小明，@老王（仓库） 看看", BOT)
    assert found == Mention(False, "@小明 @ Ann @小明，@老王（仓库） 看看", ("小明", "老王（仓库）"), False)


@pytest.mark.parametrize("line", ["@所有人 开会", "@所有人开会", "@all 开会", "@All 开会", "@_all 开会"])
def test_everyone_never_means_the_bot(line: str) -> None:
    found = from_text(line, BOT, ["小禾"])
    assert (found.mentioned, found.everyone, found.others) == (False, True, ())
    assert from_text(line, "all").mentioned is False


def test_the_bot_can_be_named_beside_everyone() -> None:
    assert from_text("@所有人 @小禾 怎么退款", BOT) == Mention(True, "@所有人 怎么退款", (), True)
    assert from_text("@allen hi", BOT).others == ("allen",)


@pytest.mark.parametrize("line", ["a.b@qq.com", "me@163.com 发票", "请发到 kefu@all.com", "x@小禾.中国"])
def test_email_addresses_are_not_mentions(line: str) -> None:
    for bot in ("qq", "163", "all", BOT, "qq.com"):
        assert from_text(line, bot) == Mention(False, line, (), False)


@pytest.mark.parametrize(
    ("line", "text", "mentioned"),
    [
        (f"「阿明：@小禾 怎么退款」\n{RULE}\n这个我也要", "这个我也要", False),
        (f"「阿明：怎么退款」\n{RULE}\n@小禾 这个我也要", "这个我也要", True),
        ("「阿明：@小禾 怎么退款」\n这个我也要", "这个我也要", False),
        ("「阿明：@小禾 怎么退款」@小禾 我也要", "我也要", True),
        ("这是一条引用/回复消息：\n“阿明：\n@小禾 怎么退”\n------\n我也要", "我也要", False),
        ('This is a quote/reply:\n"Ann:\n@小禾 hi"\n------\nme too', "me too", False),
        (f"「阿明：「丽丽：@小禾 hi」\n{RULE}\n嗯」\n{RULE}\n三问", "三问", False),
        (f"「阿明：这个」」「@小禾 hi」\n{RULE}\n三问", "三问", False),
        ("> 阿明：@小禾 怎么退款\n我也要", "我也要", False),
        ("> @小禾 怎么退款\n> 谢谢\n@小禾 我也要", "我也要", True),
        (">阿明：@小禾 怎么退款\n＞ 谢谢\n我也要", "我也要", False),
        ("价格>100 的有吗\n>=5 件呢", "价格>100 的有吗 >=5 件呢", False),
        ("「退款」流程\n怎么走", "「退款」流程 怎么走", False),
        ("「退款：流程」", "「退款：流程」", False),
        ("「订单号：12」到哪了", "「订单号：12」到哪了", False),
        (f"上面说的\n{RULE}\n对吗", f"上面说的 {RULE} 对吗", False),
    ],
)
def test_a_quoted_block_is_dropped_and_a_mention_inside_it_is_none(line: str, text: str, mentioned: bool) -> None:
    found = from_text(line, BOT)
    assert (found.text, found.mentioned) == (text, mentioned)


def entry(key: str, open_id: str, name: str) -> dict[str, Any]:
    return {"key": key, "id": {"open_id": open_id, "user_id": ""}, "name": name, "tenant_key": "t"}


def test_feishu_decides_by_open_id_and_never_by_name() -> None:
    mentions = [entry("@_user_1", "ou_ann", BOT), entry("@_user_2", "ou_bot", "改了名的机器人")]
    assert from_feishu("@_user_2，@_user_1 怎么退款", mentions, "ou_bot") == Mention(
        True, "@小禾 怎么退款", (BOT,), False
    )
    assert not from_feishu("@_user_1 怎么退款", mentions[:1], "ou_bot").mentioned
    assert not from_feishu("@小禾 怎么退款", [], "ou_bot").mentioned
    assert not from_feishu("@_user_1 hi", [entry("@_user_1", "", BOT)], "").mentioned


def test_feishu_placeholders_are_replaced_longest_first_and_only_where_the_array_has_them() -> None:
    mentions = [entry(f"@_user_{n}", f"ou_{n}", f"人{n}") for n in (1, 10)]
    found = from_feishu("@_user_10@_user_1 @_user_12 @_user_3 看 @_all", mentions, "ou_bot")
    assert found == Mention(False, "@人10@人1 @_user_12 @_user_3 看 @所有人", ("人10", "人1"), True)


def test_a_name_that_looks_like_a_placeholder_is_not_replaced_again() -> None:
    mentions = [entry("@_user_1", "ou_1", "_user_2"), entry("@_user_2", "ou_bot", "机器人")]
    assert from_feishu("@_user_1 @_user_2 hi", mentions, "ou_bot").text == "@_user_2 hi"


def test_a_feishu_mention_counts_without_a_placeholder_but_not_inside_a_quote() -> None:
    mentions = [entry("@_user_1", "ou_bot", "机器人")]
    assert from_feishu("怎么退款", mentions, "ou_bot") == Mention(True, "怎么退款", (), False)
    assert from_feishu("> @_user_1 怎么退款\n我也要", mentions, "ou_bot") == Mention(False, "我也要", (), False)


@pytest.mark.parametrize("mentions", [None, [], [{}], [{"key": ""}], [{"key": "@_user_1", "id": None}]])
def test_odd_feishu_arrays_do_no_harm(mentions: list[dict[str, Any]] | None) -> None:
    assert from_feishu("@_user_1 你好", mentions, "ou_bot").text == "@_user_1 你好"


def test_feishu_ids_may_be_plain_strings() -> None:
    assert from_feishu("@_user_1 hi", [{"key": "@_user_1", "id": "ou_bot", "name": "x"}], "ou_bot").mentioned


NAMES = st.text(st.sampled_from("小禾汇售后AaBb1２🤖_"), min_size=1, max_size=6)
ANYTHING = st.text(st.sampled_from('@＠小禾汇a1. \n　「」“”"：:，>-_—🤖'), max_size=60)


@given(ANYTHING, NAMES, st.lists(NAMES, max_size=3))
def test_any_text_gives_one_folded_line(text: str, bot: str, members: list[str]) -> None:
    found = from_text(text, bot, members)
    assert found.text == " ".join(found.text.split())
    assert not found.mentioned or "@" in text or "＠" in text


@given(st.text(max_size=80), st.lists(NAMES, max_size=3))
def test_any_feishu_text_gives_one_folded_line(text: str, names: list[str]) -> None:
    mentions = [entry(f"@_user_{n}", f"ou_{n}", name) for n, name in enumerate(names)]
    found = from_feishu(text, mentions, "ou_bot")
    assert not found.mentioned
    assert found.text == " ".join(found.text.split())


@given(NAMES, NAMES, st.sampled_from("小a2_🌸"))
def test_a_longer_name_is_always_somebody_else(bot: str, words: str, suffix: str) -> None:
    assert from_text(f"@{bot} {words}", bot).mentioned
    assert not from_text(f"@{bot}{suffix} 好", bot).mentioned
    assert not from_text(f"@{bot} {words} 好", bot, [f"{bot} {words}"]).mentioned


@given(st.lists(st.tuples(st.sampled_from(["quote", "words"]), NAMES), min_size=1, max_size=5))
def test_a_line_of_quotes_never_mentions(parts: list[tuple[str, str]]) -> None:
    lines = [f"> @{BOT} {words}" if kind == "quote" else f"{words}呀" for kind, words in parts]
    assert not from_text("\n".join(lines), BOT).mentioned


def test_a_hostile_text_is_read_in_linear_time() -> None:
    for text in (
        "@" * 50_000,
        "「" * 50_000 + "\n---\n」\n---",
        "「阿：" * 20_000 + "」\n------\n" * 5_000,
        "@小" * 30_000,
    ):
        from_text(text, BOT, ["小小", "小 禾"])


@given(st.text(max_size=40))
def test_the_short_way_of_folding_agrees_with_the_long_one(text: str) -> None:
    assert fold(text).text == _folded_by_letter(text).text


@given(
    NAMES | st.sampled_from(["all", "所有人", "小汇 客服", ""]), st.sampled_from([" ", "\u2005", "，", ""]), ANYTHING
)
def test_the_short_way_of_reading_agrees_with_the_long_one(bot: str, after: str, words: str) -> None:
    line = f"@{bot}{after}{words}".replace(">", "").replace("「", "").replace("”", "")
    assert from_text(line, bot) == _read(line, directory(bot, ()))
