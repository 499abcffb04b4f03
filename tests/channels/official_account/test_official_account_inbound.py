"""Every callback sample of a 公众号, in our words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mp_messages import Terms, Unsupported, message_id_of, translate
from channels.wechat_xml import read_xml
from conversation.messages import Attachment, ContentKind, EventKind, IncomingMessage, RoomEvent
from tests.channels.mp_stage import inbound_samples
from tests.channels.official_account.stage import FOLDER

SAMPLES = {name: read_xml(raw) for name, raw in inbound_samples(FOLDER).items()}
TERMS = Terms("official_account", "main", now=1.0, menu={"MENU_KEFU": "人工客服"})
OPENID = "oUser_made_up_0001"

MESSAGES = {
    "inbound_text.xml": (ContentKind.TEXT, "怎么申请退款", ()),
    "inbound_image.xml": (ContentKind.IMAGE, "", (Attachment(ContentKind.IMAGE, "oa-media-1"),)),
    "inbound_voice.xml": (ContentKind.VOICE, "", (Attachment(ContentKind.VOICE, "oa-voice-1"),)),
    "inbound_video.xml": (ContentKind.VIDEO, "", (Attachment(ContentKind.VIDEO, "oa-video-1"),)),
    "inbound_location.xml": (
        ContentKind.LOCATION,
        "海珠区",
        (Attachment(ContentKind.LOCATION, "23.134521,113.358803", "海珠区"),),
    ),
    "inbound_link.xml": (ContentKind.LINK, "公众平台\n说明\nhttps://help.example.invalid/", ()),
    "event_click.xml": (ContentKind.TEXT, "人工客服", ()),
}
EVENTS = {
    "event_subscribe.xml": (EventKind.ENTERED, {"event": "subscribe"}),
    "event_subscribe_qrscene.xml": (EventKind.ENTERED, {"event": "subscribe", "text": "order_12345"}),
    "event_scan.xml": (EventKind.ENTERED, {"event": "scan", "text": "order_12345"}),
    "event_unsubscribe.xml": (EventKind.BOT_REMOVED, {"event": "unsubscribe"}),
}
UNSUPPORTED = {"event_kf_close_session.xml", "event_kf_create_session.xml", "event_template_send_finish.xml"}


def test_every_sample_is_spoken_of() -> None:
    assert set(SAMPLES) == set(MESSAGES) | set(EVENTS) | UNSUPPORTED


@pytest.mark.parametrize("name", MESSAGES)
def test_a_sample_message(name: str) -> None:
    said = translate(SAMPLES[name], TERMS)
    assert isinstance(said, IncomingMessage)
    assert (said.kind, said.text, said.attachments) == MESSAGES[name]
    assert (said.room.chat_id, said.sender.person_id, said.sent_at) == (OPENID, OPENID, 1_760_000_000.0)


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event(name: str) -> None:
    said = translate(SAMPLES[name], TERMS)
    assert isinstance(said, RoomEvent)
    assert (said.kind, said.detail) == EVENTS[name]


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_a_sample_without_a_word_of_ours_is_named(name: str) -> None:
    said = translate(SAMPLES[name], TERMS)
    assert isinstance(said, Unsupported)
    assert SAMPLES[name]["Event"].lower() in said.what
    assert said.sender == OPENID


def test_a_menu_key_that_asks_nothing_is_a_visit() -> None:
    said = translate(SAMPLES["event_click.xml"], Terms("official_account", "main", 1.0))
    assert isinstance(said, RoomEvent)
    assert said.detail == {"event": "click", "text": "MENU_KEFU"}


def test_a_voice_that_the_platform_understood_brings_its_words() -> None:
    said = translate({**SAMPLES["inbound_voice.xml"], "Recognition": "我要退货。"}, TERMS)
    assert isinstance(said, IncomingMessage)
    assert (said.kind, said.text) == (ContentKind.VOICE, "我要退货。")


def test_a_message_of_an_unknown_type_says_so() -> None:
    said = translate({**SAMPLES["inbound_text.xml"], "MsgType": "hologram"}, TERMS)
    assert isinstance(said, IncomingMessage)
    assert (said.kind, said.text) == (ContentKind.OTHER, "[暂不支持的消息类型：hologram]")


def test_two_customers_messages_with_one_msgid_are_two() -> None:
    sample = SAMPLES["inbound_voice.xml"]
    assert message_id_of(sample) != message_id_of({**sample, "FromUserName": "oSomebodyElse"})


def test_two_events_of_one_second_are_told_apart() -> None:
    ids = {message_id_of(SAMPLES[name]) for name in (*EVENTS, *UNSUPPORTED, "event_click.xml")}
    assert len(ids) == len(EVENTS) + len(UNSUPPORTED) + 1


NAMES = st.sampled_from(
    ["ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "Content", "Event", "EventKey", "MediaId", "Title"]
)
VALUES = st.one_of(
    st.text(max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(["event", "text", "image", "location", "CLICK", "subscribe", "1760000000"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)


@given(st.dictionaries(NAMES, VALUES))
def test_no_fields_can_break_the_translation(fields: dict[str, object]) -> None:
    said = translate(fields, TERMS)
    if isinstance(said, Unsupported):
        assert said.what
    else:
        assert said.key
        assert said.room.chat_id
