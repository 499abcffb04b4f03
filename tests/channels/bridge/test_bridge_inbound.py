"""A gateway's events in our words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.bridge.inbound import TEXT_LIMIT, Event, translate
from channels.bridge.reading import json_object, moment
from conversation.errors import RefusedInput
from conversation.identity import RoomKind, Speaker
from conversation.messages import ContentKind, EventKind, IncomingMessage, RoomEvent
from tests.channels.bridge.stage import GROUP, SETTINGS, SIGNED_AT, sample


def read(payload: dict[str, Any]) -> Event:
    return translate(payload, SETTINGS, SIGNED_AT)


def message(**changes: Any) -> IncomingMessage:
    payload = sample("inbound_message_text")
    payload["message"] |= changes
    (found,) = read(payload).items
    assert isinstance(found, IncomingMessage)
    return found


def event(event_type: str, **changes: Any) -> Event:
    return read({**sample("inbound_message_text"), "event_type": event_type, **changes})


def test_a_text_of_a_group_is_read_whole() -> None:
    (found,) = read(sample("inbound_message_text")).items
    assert isinstance(found, IncomingMessage)
    assert found.room == GROUP
    assert (found.sender.person_id, found.sender.name, found.sender.speaker) == (
        "contact-1",
        "王先生",
        Speaker.CUSTOMER,
    )
    assert (found.message_id, found.text) == ("wxmsg-1", "订单 12345 什么时候发货")
    assert found.raw_text == "@售后助手 订单 12345 什么时候发货"
    assert found.mentions_bot
    assert found.sent_at == 1_760_000_000.0


def test_a_picture_keeps_its_address_and_its_proof() -> None:
    payload = sample("inbound_message_image")
    payload["message"]["attachments"][0]["sha256"] = "AB" * 32
    (found,) = read(payload).items
    assert isinstance(found, IncomingMessage)
    assert found.kind is ContentKind.IMAGE
    assert found.attachments[0].reference == f"https://gw.example.invalid/f/1#sha256={'ab' * 32}"


def test_the_sample_with_no_real_digest_is_fetched_without_one() -> None:
    (found,) = read(sample("inbound_message_image")).items
    assert isinstance(found, IncomingMessage)
    assert found.attachments[0].reference == "https://gw.example.invalid/f/1"


def test_voice_carries_its_words_and_its_file() -> None:
    found = message(
        type="voice", text="我的快递呢", attachments=[{"kind": "voice", "url": "http://gw/v", "name": "v.amr"}]
    )
    assert (found.kind, found.text) == (ContentKind.VOICE, "我的快递呢")
    assert (found.attachments[0].kind, found.attachments[0].name) == (ContentKind.VOICE, "v.amr")


def test_a_file_of_an_unknown_sort_is_a_file() -> None:
    found = message(type="file", text="", attachments=[{"kind": "hologram", "url": "https://gw/x"}])
    assert found.attachments[0].kind is ContentKind.FILE


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:1", "", None, 7, "https://" + "x" * 3000])
def test_an_attachment_without_a_usable_address_is_left_out(url: object) -> None:
    assert message(type="file", attachments=[{"kind": "file", "url": url}]).attachments == ()


def test_a_place_and_a_link_are_told_in_words() -> None:
    place = message(type="location", text="", location={"latitude": 39.9, "longitude": 116.4, "name": "国贸"})
    assert (place.text, place.attachments[0].reference) == ("国贸", "39.9,116.4")
    link = message(type="link", text="", link={"title": "退换货政策", "url": "https://shop.example/r"})
    assert link.text == "退换货政策 https://shop.example/r"


def test_what_we_have_no_word_for_is_honestly_named() -> None:
    found = message(type="red_packet", text="")
    assert (found.kind, found.text) == (ContentKind.OTHER, "[red_packet]")


def test_a_mention_counts_by_the_gateways_list_and_by_what_is_written() -> None:
    assert message(text="帮我看看", mentions=[{"id": "bot-1"}]).mentions_bot
    assert message(text="@售后助手 帮我看看", mentions=[]).mentions_bot
    assert not message(text="@所有人 开会", mentions=[]).mentions_bot


def test_a_mention_of_somebody_else_is_told_by_name() -> None:
    found = message(text="@小李 麻烦看下", mentions=[{"id": "u2", "display_name": "小李"}])
    assert not found.mentions_bot
    assert found.mentions_others == ("小李",)
    silent = message(text="麻烦看下", mentions=[{"id": "u2", "display_name": "小李"}])
    assert silent.mentions_others == ("小李",)


def test_an_answer_names_what_it_answers() -> None:
    assert message(reply_to="wxmsg-0").quote is not None
    quote = message(reply_to={"id": "wxmsg-0", "text": "明天发货", "is_bot": True}).quote
    assert quote is not None
    assert (quote.message_id, quote.text, quote.of_bot) == ("wxmsg-0", "明天发货", True)


def test_staff_are_staff_even_when_they_write_by_the_accounts_own_hand() -> None:
    payload = sample("inbound_message_text")
    payload["sender"] |= {"is_self": True, "is_staff": True}
    (found,) = read(payload).items
    assert found.sender.speaker is Speaker.STAFF


def test_the_accounts_own_messages_are_nobodys_question() -> None:
    payload = sample("inbound_message_text")
    payload["sender"]["is_self"] = True
    assert read(payload).items == ()
    assert read(payload).ignored == "a message of the account itself"


def test_a_recall_names_the_message_in_its_writers_lane() -> None:
    (found,) = event("message.recalled", message={"id": "wxmsg-1"}).items
    assert isinstance(found, RoomEvent)
    assert (found.kind, found.subject, found.event_id) == (
        EventKind.RECALLED,
        "wxmsg-1",
        "01J9MADEUP0000000000000001",
    )
    assert found.lane == message().lane


def test_members_come_and_the_bot_comes_and_goes() -> None:
    members = [{"id": "u1", "display_name": "新人"}, {"id": "bot-1", "is_bot": True}]
    came, bot_came = event("member.joined", members=members).items
    assert isinstance(came, RoomEvent)
    assert isinstance(bot_came, RoomEvent)
    assert (came.kind, came.sender.name, bot_came.kind) == (EventKind.ENTERED, "新人", EventKind.BOT_ADDED)
    assert came.key != bot_came.key
    (gone,) = event("member.left", members=members).items
    assert isinstance(gone, RoomEvent)
    assert gone.kind is EventKind.BOT_REMOVED


def test_what_is_of_no_concern_says_why() -> None:
    assert "nobody" in event("member.left", members=[{"id": "u1"}]).ignored
    assert "room.renamed" in event("room.renamed").ignored


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("event_id", None),
        ("event_id", ""),
        ("event_id", "x" * 201),
        ("event_id", "a\x00b"),
        ("event_id", 7),
        ("conversation", None),
        ("conversation", {"id": "r", "type": "channel"}),
        ("conversation", {"id": "", "type": "group"}),
        ("sender", None),
        ("sender", {"id": None}),
        ("message", None),
        ("message", {"id": "\u2028"}),
    ],
)
def test_an_event_without_its_ids_is_refused(path: str, value: object) -> None:
    with pytest.raises(RefusedInput) as refused:
        read({**sample("inbound_message_text"), path: value})
    assert refused.value.status == 400


def test_a_direct_chat_is_one() -> None:
    payload = sample("inbound_message_text")
    payload["conversation"] = {"id": "contact-1", "type": "direct"}
    assert read(payload).items[0].room.kind is RoomKind.DIRECT


def test_a_very_long_text_is_cut() -> None:
    assert len(message(text="长" * 30_000).raw_text) == TEXT_LIMIT


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2025-10-09T08:53:20Z", 1_760_000_000.0),
        ("2025-10-09T16:53:20+08:00", 1_760_000_000.0),
        ("2025-10-09T08:53:20.5", 1_760_000_000.5),
        ("2099-01-01T00:00:00Z", SIGNED_AT),
        ("0001-01-01T00:00:00+23:59", SIGNED_AT),
        ("yesterday", SIGNED_AT),
        (None, SIGNED_AT),
        (1_760_000_000, SIGNED_AT),
    ],
)
def test_a_time_is_read_and_never_lies_ahead(told: object, at: float) -> None:
    assert moment(told, SIGNED_AT) == at


def test_half_an_emoji_does_not_lose_the_message() -> None:
    found = json_object(rb'{"a":"\ud83d","b":"\ud83d\ude00","c":"\\ud83d","d":"x\udc00y"}')
    assert found == {"a": "\ufffd", "b": "😀", "c": "\\ud83d", "d": "x\ufffdy"}


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 5000, b'{"a":"\\ud83d"'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedInput):
        json_object(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
PLACES = ["event_id", "event_type", "occurred_at", "conversation", "sender", "message", "members"]


@given(place=st.sampled_from(PLACES), value=json_values, deep=st.booleans())
def test_any_shape_anywhere_is_read_or_refused(place: str, value: Any, deep: bool) -> None:
    payload = sample("inbound_message_text")
    part = payload.get(place)
    if deep and isinstance(part, dict):
        for name in part:
            part[name] = value
    else:
        payload[place] = value
    try:
        found = read(json.loads(json.dumps(payload)))
    except RefusedInput:
        return
    assert found.items or found.ignored
