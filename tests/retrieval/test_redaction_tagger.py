"""The shipped tagger finds what the rules cannot, keeps off lookalikes, is quick, and says when its file is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.redaction import Redactor
from retrieval.models.redaction_tagger import READS, SHIPPED, RedactionTagger
from retrieval.models.weights_folder import DamagedModel

REDACTOR = Redactor(RedactionTagger.shipped())


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], str(span.kind)) for span in REDACTOR.find(text)]


@pytest.mark.parametrize(
    ("text", "detail", "kind"),
    [
        ("帮我查一下张建华的订单", "张建华", "NAME"),
        ("我是周晓彤的妈妈，想问下作业", "周晓彤", "NAME"),
        ("昨天接待我的是苏婉清，她说可以退", "苏婉清", "NAME"),
        ("快递放翠湖花园3栋2单元1002门口就行", "翠湖花园3栋2单元1002", "ADDRESS"),
        ("老板加个v，xiaoyu_0819，要两箱", "xiaoyu_0819", "WECHAT"),
        ("号码是139七二八三0192", "139七二八三0192", "PHONE"),
        ("加q 673920184 发图给你看", "673920184", "QQ"),
        ("我是邓子涵爸爸，请假一天", "邓子涵", "NAME"),
        ("收件人迪丽娜尔·阿不都，谢谢", "迪丽娜尔·阿不都", "NAME"),
        ("孩子叫田甜甜，三年级", "田甜甜", "NAME"),
        ("黑A9X205ETC不抬杆", "黑A9X205", "PLATE"),
    ],
)
def test_that_what_no_rule_sees_is_found(text: str, detail: str, kind: str) -> None:
    assert (detail, kind) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "小明同款卫衣还有货吗",
        "李宁的鞋偏码吗",
        "订单号13812345678到哪了",
        "快递单号SF1300294857162三天没动",
        "税号914403007109310121",
        "打了400-820-8820半天没人接，95588也不行",
        "北京到上海几天能到",
        "王先生在吗",
        "版本8.0.42打不开",
        "2023-11-08 14:27 下的单",
        "iPhone15 Pro Max 256G 多少钱",
        "周杰伦的演唱会几号开票",
        "孙尚香末日机甲给退吗",
        "关羽马超都玩不了，闪退",
        "徐工说参数不对",
        "高姓顾客的包裹",
        "郎酒有活动吗",
        "赵州桥景区讲解要预约不",
    ],
)
def test_that_lookalikes_are_left_alone(text: str) -> None:
    assert found(text) == []


def test_that_a_contact_card_is_told_apart_whole() -> None:
    text = "收件人 孙雨婷 13856201947 安徽省合肥市蜀山区望江西路198号信旺华府7栋1102"
    assert [kind for _, kind in found(text)] == ["NAME", "PHONE", "ADDRESS"]
    assert REDACTOR.redact(text) == "收件人 [姓名] [手机号] [地址]"


def test_that_rules_go_on_where_the_tagger_stops_reading() -> None:
    text = "您好" * READS + "，我叫赵娜，手机13812345678"
    assert found(text) == [("赵娜", "NAME"), ("13812345678", "PHONE")]


ODD = st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("王李1380号路vqx@·\u200b😀\x00")


@given(st.text(ODD, max_size=400))
def test_that_any_text_gives_ordered_places_inside_it(text: str) -> None:
    end = 0
    for span in REDACTOR.find(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["手机", "电话：", "我的号码是 ", "打", ""]))
def test_that_no_mobile_survives_redaction(number: str, front: str) -> None:
    assert number not in REDACTOR.redact(f"{front}{number}，麻烦尽快")


@pytest.mark.parametrize("text", ["", " ", "😀", "\0\1", "\ud800", "\u200b", "a", "王", "张" * 9000, "1" * 9000])
def test_that_odd_texts_are_no_trouble(text: str) -> None:
    assert REDACTOR.find(text) == ()


def test_that_a_missing_file_says_which_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DamagedModel, match=r"nowhere\.npz"):
        RedactionTagger.load(tmp_path / "nowhere.npz")


def test_that_a_torn_file_is_refused(tmp_path: Path) -> None:
    torn = tmp_path / "torn.npz"
    torn.write_bytes(SHIPPED.read_bytes()[:1000])
    with pytest.raises(DamagedModel, match=r"torn\.npz"):
        RedactionTagger.load(torn)
    torn.write_bytes(b"")
    with pytest.raises(DamagedModel):
        RedactionTagger.load(torn)


def test_that_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.zeros((4, 4), dtype=np.int8), pairs=np.zeros(4, dtype=np.uint8))
    with pytest.raises(DamagedModel, match="in place of"):
        RedactionTagger.load(other)


def test_that_the_shipped_file_is_small() -> None:
    assert SHIPPED.stat().st_size <= 900_000
