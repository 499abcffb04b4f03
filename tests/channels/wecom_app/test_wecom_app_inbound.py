"""What a callback of a self-built app says, type by type; whatever is odd is ignored with a reason, never a crash."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wechat_xml import read_xml
from channels.wecom_app.inbound import Ignored, PressedCard, Translated, event_id_of, translate
from conversation.identity import RoomKind
from conversation.messages import ContentKind, EventKind, IncomingMessage, RoomEvent
from tests.channels.wecom_app.stage import PAYLOADS

NOW = 1_760_000_105.0


def sample(name: str) -> dict[str, Any]:
    return read_xml((PAYLOADS / f"{name}.xml").read_bytes())


def translated(fields: dict[str, Any]) -> Translated:
    return translate(fields, account="main", menu={"MENU_HELP": "怎么使用"}, now=NOW)


def message(name: str) -> IncomingMessage:
    said = translated(sample(name))
    assert isinstance(said, IncomingMessage)
    return said


def test_a_text_is_a_message_of_the_member_in_their_chat_with_the_app() -> None:
    said = message("inbound_text")
    assert (said.text, said.kind, said.message_id) == ("我要报修打印机", ContentKind.TEXT, "7234567890123456781")
    assert (said.sender.person_id, said.room.chat_id, said.room.kind) == ("zhangsan", "zhangsan", RoomKind.DIRECT)
    assert said.sent_at == 1_760_000_000.0
    assert said.key == "wecom_app:main:7234567890123456781"


@pytest.mark.parametrize(
    ("name", "kind", "reference", "text"),
    [
        ("inbound_image", ContentKind.IMAGE, "1Yv-zXfHjSjU-7LH-GwtYqDGS-zz6w22KmWAT5COgP7o", ""),
        ("inbound_voice", ContentKind.VOICE, "1Yv-voice-made-up", ""),
        ("inbound_video", ContentKind.VIDEO, "1Yv-video-made-up", ""),
        ("inbound_location", ContentKind.LOCATION, "23.134,113.358", "广州市海珠区客村艺苑路"),
        (
            "inbound_link",
            ContentKind.LINK,
            "https://help.example.invalid/1",
            "帮助文档\n常见问题\nhttps://help.example.invalid/1",
        ),
    ],
)
def test_media_places_and_links_are_attachments(name: str, kind: ContentKind, reference: str, text: str) -> None:
    said = message(name)
    assert (said.kind, said.text) == (kind, text)
    assert [(one.kind, one.reference) for one in said.attachments] == [(kind, reference)]


def test_a_type_that_nobody_knows_is_a_message_that_says_so() -> None:
    said = translated({**sample("inbound_text"), "MsgType": "hologram"})
    assert isinstance(said, IncomingMessage)
    assert (said.kind, said.text) == (ContentKind.OTHER, "[hologram]")


@pytest.mark.parametrize("name", ["event_subscribe", "event_enter_agent"])
def test_somebody_who_joins_or_opens_the_app_has_entered(name: str) -> None:
    said = translated(sample(name))
    assert isinstance(said, RoomEvent)
    assert (said.kind, said.sender.person_id) == (EventKind.ENTERED, "zhangsan")


def test_a_menu_key_that_the_settings_know_is_a_question_and_another_is_ignored() -> None:
    said = message("event_click")
    assert (said.text, said.kind) == ("怎么使用", ContentKind.TEXT)
    ignored = translated({**sample("event_click"), "EventKey": "MENU_OTHER"})
    assert isinstance(ignored, Ignored)
    assert "MENU_OTHER" in ignored.reason


def test_a_pressed_button_brings_its_value_its_card_and_the_code_that_changes_it() -> None:
    said = translated(sample("event_template_card"))
    assert isinstance(said, PressedCard)
    assert said.response_code == "MADE_UP_RESPONSE_CODE"
    assert (said.press.card_message_id, said.press.value) == ("task_20251009_0002", {"key": "handoff_human"})
    ours = translated({**sample("event_template_card"), "EventKey": '{"action":"hand_off","n":1}'})
    assert isinstance(ours, PressedCard)
    assert ours.press.value == {"action": "hand_off", "n": "1"}


def test_choices_of_a_card_stand_beside_its_key() -> None:
    said = translated(sample("event_template_card_multi"))
    assert isinstance(said, PressedCard)
    assert said.press.value == {"key": "submit_ticket", "category": "refund", "urgency": "high"}


def test_events_are_known_by_who_when_what_and_about_what() -> None:
    base = sample("event_click")
    assert event_id_of(base) == event_id_of(dict(base))
    for name, other in (("FromUserName", "lisi"), ("CreateTime", "1760000001"), ("Event", "view"), ("EventKey", "B")):
        assert event_id_of({**base, name: other}) != event_id_of(base)
    card = sample("event_template_card")
    assert event_id_of({**card, "TaskId": "other"}) != event_id_of(card)
    assert event_id_of({**card, "ResponseCode": "other"}) != event_id_of(card)


@pytest.mark.parametrize("event", ["view", "LOCATION", "sys_approval_change", "kf_msg_or_event", "nobody_knows"])
def test_an_event_that_means_nothing_to_us_is_ignored_by_name(event: str) -> None:
    said = translated({**sample("event_click"), "Event": event})
    assert isinstance(said, Ignored)
    assert event in said.reason


@pytest.mark.parametrize("missing", ["FromUserName", "MsgType", "MsgId"])
def test_a_message_without_its_fields_is_ignored_with_a_reason(missing: str) -> None:
    fields = sample("inbound_text")
    del fields[missing]
    assert isinstance(translated(fields), Ignored)


@pytest.mark.parametrize("moment", ["", "soon", "-1", "0", "9" * 30, "1e9", "٣"])
def test_a_time_that_is_none_is_now(moment: str) -> None:
    said = translated({**sample("inbound_text"), "CreateTime": moment})
    assert isinstance(said, IncomingMessage)
    assert said.sent_at == NOW


VALUES = st.recursive(
    st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)
NAMES = ["FromUserName", "MsgType", "MsgId", "Event", "EventKey", "CreateTime", "Content", "MediaId", "SelectedItems"]
TYPES = st.sampled_from(["text", "image", "voice", "event", "link", "location", "x"])
EVENTS = st.sampled_from(["template_card_event", "click", "subscribe", "x"])


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), TYPES, EVENTS)
def test_no_fields_make_it_crash(fields: dict[str, Any], msgtype: str, event: str) -> None:
    assert isinstance(translated(fields), Translated)
    named = translated({"FromUserName": "u", "MsgId": "1", **fields, "MsgType": msgtype, "Event": event})
    assert isinstance(named, Translated)
