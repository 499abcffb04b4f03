"""Every row that sync_msg can bring, in our words; all samples of the platform's kinds."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wecom_kf.contents import TEXT_LIMIT, read_content
from channels.wecom_kf.events import Unsupported
from channels.wecom_kf.inbound import PressedEntry, Translated, translate
from channels.wecom_kf.menu_ids import ID_LIMIT, from_menu_id, to_menu_id
from conversation.identity import Speaker
from conversation.messages import Attachment, ContentKind, EventKind, IncomingMessage, RoomEvent
from tests.channels.wecom_kf.stage import CUSTOMER, KF, ROWS

NOW = 1_760_000_200.0


def heard(row: dict[str, Any]) -> Translated:
    return translate(row, account="main", open_kfid=KF, now=NOW)


def message(msgid: str) -> IncomingMessage:
    found = heard(ROWS[msgid])
    assert isinstance(found, IncomingMessage)
    return found


def event(msgid: str) -> RoomEvent:
    found = heard(ROWS[msgid])
    assert isinstance(found, RoomEvent)
    return found


def row(msgtype: str, **part: Any) -> dict[str, Any]:
    return {**ROWS["kfmsg0001"], "msgid": "new", "msgtype": msgtype, msgtype: part}


def test_a_text_is_the_customers_line_in_the_chat_with_that_account() -> None:
    line = message("kfmsg0001")
    assert (line.text, line.kind, line.sent_at) == ("你好，订单 12345 还没发货", ContentKind.TEXT, 1_760_000_001.0)
    assert line.room.chat_id == f"{KF}/{CUSTOMER}"
    assert line.sender.person_id == CUSTOMER
    assert line.sender.speaker is Speaker.CUSTOMER
    assert line.key == "wecom_kf:main:kfmsg0001"
    assert not line.reply_handle


def test_what_a_colleague_writes_in_the_wecom_client_is_spoken_by_staff_in_the_customers_room() -> None:
    line = message("kfmsg0005")
    assert (line.sender.person_id, line.sender.speaker) == ("lisi", Speaker.STAFF)
    assert line.text == "您好，我是人工客服小李"
    assert line.lane == message("kfmsg0001").lane


@pytest.mark.parametrize(
    ("msgid", "kind", "media_id"),
    [
        ("kfmsg0002", ContentKind.IMAGE, "2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw"),
        ("kfmsg0003", ContentKind.VOICE, "kf-voice-made-up"),
        ("kfmsg0004", ContentKind.FILE, "kf-file-made-up"),
        ("kfmsg0010", ContentKind.VIDEO, "v"),
    ],
)
def test_a_file_is_an_attachment_that_the_channel_can_fetch(msgid: str, kind: ContentKind, media_id: str) -> None:
    line = message(msgid)
    assert (line.kind, line.text, line.attachments) == (kind, "", (Attachment(kind, media_id),))


@pytest.mark.parametrize(
    ("msgid", "kind", "text"),
    [
        ("kfmsg0011", ContentKind.LOCATION, "艺苑路店\n海珠区艺苑路"),
        ("kfmsg0012", ContentKind.LINK, "商品\n耳机\nhttps://shop.example.invalid/1"),
        ("kfmsg0013", ContentKind.OTHER, "[名片] lisi"),
        ("kfmsg0014", ContentKind.OTHER, "[小程序] 订单 pages/order?id=1"),
        ("kfmsg0015", ContentKind.TEXT, "退款"),
        ("kfmsg0016", ContentKind.OTHER, "[聊天记录] 聊天记录\n王先生：旧消息"),
        ("kfmsg0017", ContentKind.OTHER, "[视频号订单] 3700000000 耳机 ¥199 待发货 示例店"),
    ],
)
def test_what_is_no_plain_text_says_what_it_is(msgid: str, kind: ContentKind, text: str) -> None:
    assert (message(msgid).kind, message(msgid).text) == (kind, text)


@pytest.mark.parametrize(
    ("msgtype", "part", "text"),
    [
        ("channels_shop_product", {"product_id": "p1", "title": "耳机", "shop_nickname": "示例店"}, "耳机 p1 示例店"),
        ("channels", {"sub_type": 1, "nickname": "示例号", "title": "新品"}, "[视频号] 示例号 新品"),
        ("meeting", {}, "[会议]"),
        ("calendar", {}, "[日程]"),
        ("schedule", {}, "[日程]"),
        ("note", {}, "[笔记]"),
        ("hologram", {"depth": 3}, "[hologram]"),
        ("", {}, "[无法识别的消息]"),
    ],
)
def test_kinds_without_a_sample_are_named_too(msgtype: str, part: dict[str, Any], text: str) -> None:
    found = heard(row(msgtype, **part))
    assert isinstance(found, IncomingMessage)
    assert found.kind is ContentKind.OTHER
    assert text in found.text


def test_a_menu_that_a_colleague_sent_is_read_as_its_words() -> None:
    entries = [{"type": "click", "click": {"id": "1", "content": "满意"}}, {"type": "text", "text": {"content": "或"}}]
    content = read_content(row("msgmenu", head_content="您满意吗", list=entries, tail_content="再见"))
    assert (content.kind, content.text) == (ContentKind.CARD, "您满意吗\n满意\n或\n再见")


def test_a_record_inside_a_forwarded_record_is_named_and_not_opened() -> None:
    inner = {"msgtype": "merged_msg", "sender_name": "甲", "msg_content": '{"msgtype":"merged_msg"}'}
    picture = {"msgtype": "image", "sender_name": "乙", "msg_content": '{"msgtype":"image","image":{"media_id":"x"}}'}
    broken = {"msgtype": "text", "sender_name": "丙", "msg_content": "{"}
    content = read_content(row("merged_msg", title="群聊", item=[inner, picture, broken, "no object"] * 20))
    lines = content.text.split("\n")
    assert lines[:4] == ["[聊天记录] 群聊", "甲：[聊天记录]", "乙：[图片]", "丙："]
    assert len(lines) == 52
    assert lines[-1] == "…"


def test_a_pressed_menu_entry_of_somebody_else_stays_a_line_and_names_the_entry() -> None:
    assert message("kfmsg0015").reply_handle == {"menu_id": "m_refund"}


def test_a_pressed_entry_of_our_menu_is_a_press_with_the_buttons_value() -> None:
    menu_id = to_menu_id({"action": "rate", "turn": "tn_1", "words": "满意"})
    assert menu_id is not None
    found = heard(row("text", content="满意", menu_id=menu_id))
    assert isinstance(found, PressedEntry)
    assert found.press.value == {"action": "rate", "turn": "tn_1", "words": "满意"}
    assert (found.press.press_id, found.press.operator.person_id) == ("new", CUSTOMER)
    assert found.press.chat_id == found.message.room.chat_id
    assert found.message.text == "满意"


def test_staff_cannot_press_our_menus() -> None:
    by_staff = {
        **row("text", content="满意", menu_id=to_menu_id({"action": "x"})),
        "origin": 5,
        "servicer_userid": "li",
    }
    assert isinstance(heard(by_staff), IncomingMessage)


def test_somebody_who_opens_the_chat_may_be_welcomed_for_twenty_seconds() -> None:
    entered = event("kfmsg0000")
    assert (entered.kind, entered.sender.person_id) == (EventKind.ENTERED, CUSTOMER)
    assert entered.detail == {"scene": "web_help", "scene_param": "order%3D12345"}
    assert entered.reply_handle == {"code": "MADE_UP_WELCOME_CODE", "code_expires": "1760000020"}
    again = event("kfmsg0020")
    assert again.detail == {"scene": "123", "scene_param": "abc", "wechat_channels": "示例视频号"}
    assert not again.reply_handle


def test_a_message_that_could_not_be_delivered_is_named_with_the_reason() -> None:
    failed = event("kfmsg0021")
    assert (failed.kind, failed.subject) == (EventKind.UNDELIVERED, "out-0001")
    assert failed.detail == {"msgid": "out-0001", "fail_type": "6", "reason": "over_5_messages"}


def test_a_failed_part_of_a_long_answer_points_to_the_answer() -> None:
    failing = copy.deepcopy(ROWS["kfmsg0021"])
    failing["event"]["fail_msgid"] = f"hy{'a' * 26}-3"
    found = heard(failing)
    assert isinstance(found, RoomEvent)
    assert (found.subject, found.detail["msgid"]) == (f"hy{'a' * 26}-0", f"hy{'a' * 26}-3")


def test_colleagues_who_take_and_end_a_chat_are_events_in_the_customers_lane() -> None:
    taken, passed_on, ended = event("kfmsg0023"), event("kfmsg0024"), event("kfmsg0025")
    assert (taken.kind, passed_on.kind, ended.kind) == (
        EventKind.STAFF_JOINED,
        EventKind.STAFF_JOINED,
        EventKind.STAFF_LEFT,
    )
    assert (taken.sender.person_id, passed_on.sender.person_id, ended.sender.person_id) == ("lisi", "wangwu", "wangwu")
    assert {one.sender.speaker for one in (taken, passed_on, ended)} == {Speaker.STAFF}
    assert {one.lane for one in (taken, passed_on, ended)} == {message("kfmsg0001").lane}
    assert passed_on.detail == {"change": "transferred", "from": "lisi", "to": "wangwu"}
    assert taken.reply_handle == {"code": "MADE_UP_MSG_CODE", "code_expires": str(1_760_000_023 + 48 * 3600)}
    assert ended.reply_handle == {"code": "MADE_UP_MSG_CODE_END", "code_expires": str(1_760_000_025 + 20)}


def test_taking_up_an_ended_chat_again_is_joining_too() -> None:
    again = copy.deepcopy(ROWS["kfmsg0024"])
    again["event"]["change_type"] = 4
    found = heard(again)
    assert isinstance(found, RoomEvent)
    assert (found.kind, found.detail["change"]) == (EventKind.STAFF_JOINED, "rejoined")


def test_messages_that_were_taken_back_are_named_by_whoever_took_them_back() -> None:
    by_customer, by_staff = event("kfmsg0026"), event("kfmsg0027")
    assert (by_customer.kind, by_customer.subject) == (EventKind.RECALLED, "kfmsg0001")
    assert by_customer.sender.speaker is Speaker.CUSTOMER
    assert (by_staff.kind, by_staff.subject) == (EventKind.RECALLED, "kfmsg0005")
    assert (by_staff.sender.person_id, by_staff.sender.speaker) == ("lisi", Speaker.STAFF)


@pytest.mark.parametrize(
    ("msgid", "reason"),
    [
        ("kfmsg0022", "event servicer_status_change servicer_userid=lisi status=1"),
        ("kfmsg0028", "event reject_customer_msg_switch_change servicer_userid=lisi reject_switch=1"),
    ],
)
def test_events_that_we_have_no_words_for_are_recorded_with_their_ids(msgid: str, reason: str) -> None:
    found = heard(ROWS[msgid])
    assert isinstance(found, Unsupported)
    assert found.message_id == msgid
    assert found.reason.startswith(reason)


def test_the_customer_and_the_account_of_an_event_may_stand_beside_it() -> None:
    beside = copy.deepcopy(ROWS["kfmsg0026"])
    beside["external_userid"] = beside["event"].pop("external_userid")
    beside["open_kfid"] = beside["event"].pop("open_kfid")
    assert heard(beside) == event("kfmsg0026")
    del beside["open_kfid"]
    assert heard(beside) == event("kfmsg0026")


@pytest.mark.parametrize(
    "change",
    [
        {"origin": 4},
        {"origin": 1},
        {"origin": None},
        {"origin": 5},  # staff, but nobody is named
        {"msgid": ""},
        {"msgid": "m" * 257},
        {"external_userid": ""},
        {"external_userid": {"id": 1}},
    ],
)
def test_a_message_of_nobody_known_is_recorded_and_not_guessed(change: dict[str, Any]) -> None:
    assert isinstance(heard({**ROWS["kfmsg0001"], **change}), Unsupported)


@pytest.mark.parametrize("send_time", [None, "soon", -1, 0, 1e300, True, [], "1760000001000000"])
def test_a_time_that_is_none_is_now(send_time: object) -> None:
    found = heard({**ROWS["kfmsg0001"], "send_time": send_time})
    assert isinstance(found, IncomingMessage)
    assert found.sent_at == NOW


def test_an_endless_text_is_cut_and_nul_is_left_out() -> None:
    found = heard(row("text", content="\x00a" * TEXT_LIMIT))
    assert isinstance(found, IncomingMessage)
    assert len(found.text) <= TEXT_LIMIT
    assert "\x00" not in found.text


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=5))
def test_a_buttons_value_comes_back_from_its_menu_id_or_has_none(value: dict[str, str]) -> None:
    menu_id = to_menu_id(value)
    if menu_id is not None:
        assert len(menu_id.encode()) <= ID_LIMIT
        assert menu_id.replace("_", "").isalnum()
        assert menu_id.isascii()
        assert from_menu_id(menu_id) == value


@pytest.mark.parametrize("menu_id", ["", "m_refund", "hy_1", "hy_!!!!", "hy_zzz", "hy_\ud800"])
def test_an_id_that_is_not_ours_is_no_button(menu_id: str) -> None:
    assert not from_menu_id(menu_id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("msgid", "open_kfid", "external_userid", "send_time", "origin", "servicer_userid", "msgtype", "event")


@given(st.sampled_from(sorted(ROWS)), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), JSON)
def test_rows_of_any_shape_are_heard_or_recorded(msgid: str, change: dict[str, Any], part: Any) -> None:
    odd = {**ROWS[msgid], **change}
    if isinstance(odd.get("msgtype"), str):
        odd[odd["msgtype"]] = part
    found = heard(odd)
    assert isinstance(found, IncomingMessage | RoomEvent | PressedEntry | Unsupported)
