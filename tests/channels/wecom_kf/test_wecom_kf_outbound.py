"""Our words in the platform's JSON, held against the platform's own samples and limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wecom_kf import outbound
from channels.wecom_kf.account import Chat, chat_of
from channels.wecom_kf.menu_ids import from_menu_id
from conversation.errors import GiveUp
from conversation.identity import Room, RoomKind
from conversation.messages import Attachment, Button, Card, ContentKind, OutgoingMessage
from playground.wecom_kf_messages import check_msgid, read_message
from tests.channels.wecom_kf.stage import CUSTOMER, KF, sample

CHAT = Chat(KF, CUSTOMER)
RATING = Card(
    "您对本次服务是否满意？",
    (),
    (Button("满意", {"action": "rate", "good": "1"}), Button("不满意", {"action": "rate", "good": "0"})),
    note="感谢您的反馈",
)


def said(text: str = "", card: Card | None = None) -> OutgoingMessage:
    return OutgoingMessage(CHAT.room("main"), text=text, card=card)


def test_a_text_is_the_platforms_sample() -> None:
    (body,) = outbound.words_of(said("您的订单预计明天发货"))
    assert outbound.to_chat(body, CHAT, "out-0001") == sample("send_msg_text_request")


def test_a_picture_is_the_platforms_sample() -> None:
    body = outbound.to_chat(outbound.media(ContentKind.IMAGE, "MEDIA"), CHAT, "x")
    assert {name: value for name, value in body.items() if name != "msgid"} == sample("send_msg_image_request")


def test_a_link_is_the_platforms_sample_but_for_its_description() -> None:
    wanted = sample("send_msg_link_request")["link"]
    body = outbound.link(Attachment(ContentKind.LINK, wanted["url"], wanted["title"]), "MEDIA")
    assert body == {"msgtype": "link", "link": {name: wanted[name] for name in ("title", "url", "thumb_media_id")}}


def test_a_card_with_buttons_is_a_menu_of_the_samples_shape() -> None:
    (body,) = outbound.words_of(said(card=RATING))
    wanted = sample("send_msg_menu_request")["msgmenu"]
    menu = body["msgmenu"]
    assert menu["head_content"] == "【您对本次服务是否满意？】"
    assert [entry["click"]["content"] for entry in menu["list"]] == ["满意", "不满意"]
    assert [from_menu_id(entry["click"]["id"]) for entry in menu["list"]] == [one.value for one in RATING.buttons]
    assert menu["tail_content"] == wanted["tail_content"]
    assert set(menu) == set(wanted)
    assert menu["list"][0].keys() == wanted["list"][0].keys()


def test_a_welcome_and_a_rating_at_the_end_are_the_platforms_samples() -> None:
    (text,) = outbound.words_of(said("欢迎咨询，请问有什么可以帮您？"))
    welcome = sample("send_msg_on_event_welcome_request")
    assert outbound.to_event(text, "MADE_UP_WELCOME_CODE", "welcome-0001") == welcome
    (menu,) = outbound.words_of(said(card=RATING))
    ended = sample("send_msg_on_event_menu_request")
    assert outbound.to_event(menu, "c", "m").keys() == ended.keys()


def test_markdown_becomes_plain_words() -> None:
    (body,) = outbound.words_of(said("**退款**：[说明](https://help.example.invalid/r)"))
    assert body["text"]["content"] == "退款：说明 https://help.example.invalid/r"


def test_a_card_without_buttons_is_a_text() -> None:
    (body,) = outbound.words_of(said(card=Card("工单", (("单号", "TK1"),))))
    assert body == {"msgtype": "text", "text": {"content": "【工单】\n单号：TK1"}}


def test_a_button_whose_value_does_not_fit_makes_the_card_a_text() -> None:
    card = Card("工单", (), (Button("看", {"action": "x" * 200}),))
    assert outbound.words_of(said(card=card))[0]["msgtype"] == "text"


def test_what_is_too_long_for_a_menus_head_goes_before_it() -> None:
    card = Card("工单", (("情况", "屏幕有划痕。" * 80),), RATING.buttons)
    before, menu = outbound.words_of(said(card=card))
    assert before["text"]["content"].startswith("【工单】\n情况：屏幕有划痕。")
    assert menu["msgmenu"]["head_content"] == "【工单】"
    assert len(menu["msgmenu"]["list"]) == 2


def test_a_text_beyond_five_messages_ends_with_an_ellipsis() -> None:
    bodies = outbound.texts("请您先检查电源。" * 1000)
    assert len(bodies) == 5
    assert bodies[-1]["text"]["content"].endswith("…")
    assert all(len(body["text"]["content"].encode()) <= 2048 for body in bodies)


def test_a_link_without_a_picture_is_an_entry_of_a_menu() -> None:
    body = outbound.link(Attachment(ContentKind.LINK, "https://help.example.invalid/r", "退款流程"), "")
    assert body["msgmenu"]["list"] == [
        {"type": "view", "view": {"url": "https://help.example.invalid/r", "content": "退款流程"}}
    ]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "ftp://x/y", "https://x/" + "y" * 2048])
def test_an_address_that_is_none_is_not_sent(url: str) -> None:
    with pytest.raises(GiveUp):
        outbound.link(Attachment(ContentKind.LINK, url), "MEDIA")


def test_only_a_code_that_still_lives_is_used_and_the_newest_first() -> None:
    handles = [{"code": "old", "code_expires": "100"}, {"code": "new", "code_expires": "200"}, {"menu_id": "m"}]
    assert outbound.code_of(handles, 90.0) == "new"
    assert outbound.code_of(handles[:1], 97.0) == "old"
    assert outbound.code_of(handles[:1], 98.0) == ""
    assert outbound.code_of([{"code": "x", "code_expires": "soon"}, {"code": "", "code_expires": "999"}], 0.0) == ""


@pytest.mark.parametrize("chat_id", ["", "wk", "wk/", "/wm"])
def test_a_room_of_another_making_is_no_chat(chat_id: str) -> None:
    with pytest.raises(GiveUp):
        chat_of(Room("wecom_kf", "main", chat_id, RoomKind.DIRECT))


@given(st.text(min_size=1), st.integers(0, 99))
def test_a_msgid_keeps_the_platforms_form_and_leads_back_to_the_first_part(key: str, part: int) -> None:
    msgid = outbound.msgid_of(key, part)
    assert check_msgid(msgid) == msgid
    assert outbound.first_msgid(msgid) == outbound.msgid_of(key, 0)
    assert (outbound.msgid_of(key, part + 1) == msgid) is False


def test_other_keys_have_other_msgids_and_the_same_key_the_same() -> None:
    assert outbound.msgid_of("a", 0) != outbound.msgid_of("b", 0)
    assert outbound.msgid_of("a", 0) == outbound.msgid_of("a", 0)
    assert outbound.first_msgid("out-0001") == "out-0001"


BUTTONS = st.builds(
    Button, st.text(max_size=80), st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=2)
)
CARDS = st.builds(
    Card,
    st.text(max_size=900),
    st.lists(st.tuples(st.text(max_size=20), st.text(max_size=900)), max_size=4).map(tuple),
    st.lists(BUTTONS, max_size=12).map(tuple),
    note=st.text(max_size=900),
)


@given(CARDS)
def test_any_card_becomes_bodies_that_the_platform_takes(card: Card) -> None:
    bodies = outbound.words_of(said(card=card))
    assert 0 < len(bodies) <= 5
    for body in bodies:
        assert not read_message(body, ()).broken


@given(st.text(max_size=3000))
def test_any_text_becomes_bodies_that_the_platform_takes(text: str) -> None:
    bodies = outbound.texts(text)
    assert len(bodies) <= 5
    for body in bodies:
        assert not read_message(body, ()).broken
    whole = re.sub(r"\s", "", "".join(body["text"]["content"] for body in bodies))
    assert whole == re.sub(r"\s", "", text.encode("utf-8", "replace").decode())
