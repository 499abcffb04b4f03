"""Personal details are found by form and context, and order numbers are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.pii_numbers import luhn
from conversation.redaction import find_personal, redact


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], str(span.kind)) for span in find_personal(text)]


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("手机13812345678谢谢", "13812345678"),
        ("打 138 1234 5678 找我", "138 1234 5678"),
        ("138-1234-5678", "138-1234-5678"),
        ("+8613812345678", "+8613812345678"),
        ("0086 13812345678", "0086 13812345678"),
        ("１３８１２３４５６７８", "１３８１２３４５６７８"),
        ("138\u200b1234\u200b5678", "138\u200b1234\u200b5678"),
        ("一三八零零一三八零零零是我号码", "一三八零零一三八零零零"),
        ("座机 0755-26881234转801", "0755-26881234转801"),
        ("(010)62345678", "(010)62345678"),
        ("固话86754321没人接", "86754321"),
        ("+852 9123 4567", "+852 9123 4567"),
    ],
)
def test_that_a_phone_number_is_found_in_every_dress(text: str, detail: str) -> None:
    assert found(text) == [(detail, "PHONE")]


@pytest.mark.parametrize(
    "text",
    [
        "订单号13812345678到哪了",
        "订单编号是 13812345678",
        "运单13812345678没动",
        "JD13812345678",
        "快递单号 SF1381234567890",
        "打 400-820-8820 没人接，10086 也不行",
        "实付 138.12 元，版本 v2.13.81234567",
        "价格13812345678元",
        "连不上 192.168.196.58",
        "https://example.com/p/13812345678?id=6222021234567890123",
        "13812345678901234567890",
    ],
)
def test_that_numbers_of_things_are_nobodys(text: str) -> None:
    assert found(text) == []


def test_that_the_nearest_word_says_what_a_number_is() -> None:
    assert found("订单20260318001的手机号是13812345678") == [("13812345678", "PHONE")]
    assert found("收件电话13812345678，单号 13987654321") == [("13812345678", "PHONE")]


def test_that_an_identity_number_needs_its_check_digit_or_its_name() -> None:
    assert found("11010519491231002X") == [("11010519491231002X", "IDCARD")]
    assert found("110105194912310021") == []
    assert found("身份证110105194912310021") == [("110105194912310021", "IDCARD")]
    assert found("110105 19491231 002X") == [("110105 19491231 002X", "IDCARD")]
    assert found("老身份证110105491231002") == [("110105491231002", "IDCARD")]
    assert found("订单201209285450407054") == []


def test_that_a_bank_card_needs_luhn_and_an_issuer_or_its_name() -> None:
    assert found("6222029223176007") == [("6222029223176007", "BANKCARD")]
    assert found("6222 0292 2317 6007 这个") == [("6222 0292 2317 6007", "BANKCARD")]
    assert found("6222029223176008") == []
    assert found("银行卡6222029223176008") == [("6222029223176008", "BANKCARD")]
    assert found("订单6222029223176007") == []
    assert found("会员卡号 8812345678901234") == []


@pytest.mark.parametrize(
    ("text", "detail", "kind"),
    [
        ("发我邮箱 a.b-c@mail.example.cn 吧", "a.b-c@mail.example.cn", "EMAIL"),
        ("foo＠example．com", "foo＠example．com", "EMAIL"),
        ("车牌粤B12345", "粤B12345", "PLATE"),
        ("沪A·D12345的停车券", "沪A·D12345", "PLATE"),
        ("粤BD12345", "粤BD12345", "PLATE"),
        ("加我微信 abc_123456 聊", "abc_123456", "WECHAT"),
        ("vx：zhangsan88", "zhangsan88", "WECHAT"),
        ("wxid_abc123def456", "wxid_abc123def456", "WECHAT"),
        ("QQ号是 12345678", "12345678", "QQ"),
    ],
)
def test_that_what_people_are_reached_by_is_found(text: str, detail: str, kind: str) -> None:
    assert found(text) == [(detail, kind)]


@pytest.mark.parametrize(
    "text", ["qq群 87654321 能加吗", "微信 iPhone15打不开", "微信支付失败", "微信版本8.0.38", "微信OpenID怎么拿"]
)
def test_that_groups_and_devices_are_no_persons(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("寄到北京市朝阳区建国路88号SOHO现代城A座1201室", "北京市朝阳区建国路88号SOHO现代城A座1201室"),
        ("地址改成 浙江省 杭州市 余杭区 文一西路969号 3号楼5层", "浙江省 杭州市 余杭区 文一西路969号 3号楼5层"),
        ("麻烦送到阳光花园3栋2单元501", "阳光花园3栋2单元501"),
        ("湖南省长沙县北山镇明月村三组12号", "湖南省长沙县北山镇明月村三组12号"),
        ("家住虹口区四川北路123弄4号502室", "虹口区四川北路123弄4号502室"),
    ],
)
def test_that_an_address_is_found_from_region_to_room(text: str, address: str) -> None:
    assert found(text) == [(address, "ADDRESS")]


@pytest.mark.parametrize("text", ["深圳市南山区发货吗", "北京到上海要几天", "我在3号楼2层等你", "1号线堵了"])
def test_that_a_region_alone_is_no_address(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("我叫赵娜想查下订单", "赵娜"),
        ("我叫李明的快递呢", "李明"),
        ("收货人改成韩梅梅", "韩梅梅"),
        ("姓名：欧阳娜娜", "欧阳娜娜"),
        ("他叫阿不都·热合曼", "阿不都·热合曼"),
        ("my name is John Smith", "John Smith"),
        ("李雷先生", "李雷"),
    ],
)
def test_that_a_name_is_found_by_the_words_around_it(text: str, name: str) -> None:
    assert found(text) == [(name, "NAME")]


def test_that_a_name_is_found_beside_a_phone_and_an_address() -> None:
    text = "张伟，13812345678，江苏省苏州市工业园区星湖街328号"
    assert [kind for _, kind in found(text)] == ["NAME", "PHONE", "ADDRESS"]


@pytest.mark.parametrize(
    "text",
    ["联系人工客服", "我叫客服了", "我叫不出名字", "我是高级会员", "我是江苏的，能发吗", "收货人和电话怎么改", "谢谢"],
)
def test_that_words_that_look_like_names_are_none(text: str) -> None:
    assert found(text) == []


def test_that_redacted_text_keeps_everything_else() -> None:
    text = "我叫赵娜，订单 201209285450407054，手机138 1234 5678"
    assert redact(text) == "我叫[姓名]，订单 201209285450407054，手机[手机号]"
    assert redact("你们几点开门") == "你们几点开门"
    assert redact("") == ""


@given(st.text(max_size=300))
def test_that_any_text_gives_ordered_places_inside_it(text: str) -> None:
    end = 0
    for span in find_personal(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["手机", "电话：", "我的号码是 ", ""]))
def test_that_no_mobile_survives_redaction(number: str, front: str) -> None:
    assert number not in redact(f"{front}{number}，麻烦尽快")


@given(st.integers(min_value=10**14, max_value=10**15 - 1))
def test_that_luhn_accepts_one_check_digit_in_ten(stem: int) -> None:
    assert sum(luhn(f"{stem}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize("text", ["a" * 10_000, "1" * 10_000, "号" * 10_000, "北京市" * 3_000, "我叫" * 5_000])
def test_that_long_and_monotonous_texts_are_read_whole(text: str) -> None:
    assert find_personal(text) == ()
