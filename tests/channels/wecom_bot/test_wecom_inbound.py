"""Every sample of the platform becomes our words, and whatever is odd becomes harmless."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wecom_bot.inbound import TEXT_LIMIT, Ignored, StreamRefresh, is_cut, stream_id_of, translate
from conversation.card_press import CardPress
from conversation.messages import ContentKind, EventKind, IncomingMessage, RoomEvent
from tests.channels.wecom_bot.stage import BOT_NAME, CASES, GROUP, PAYLOADS, SIGNED_AT, SINGLE, ZHANG, sample

NOW = 1_760_000_200.0


def translated(payload: Any) -> Any:
    return translate(payload, account="main", bot_name=BOT_NAME, now=NOW)


def message(name: str) -> IncomingMessage:
    found = translated(sample(name))
    assert isinstance(found, IncomingMessage)
    return found


def test_a_group_text_is_cleaned_of_the_bots_name() -> None:
    found = message("inbound_text_group")
    assert (found.room, found.sender, found.message_id) == (GROUP, ZHANG, "CAIQ16HMjQYY_NGagIOAgAMg0001")
    assert found.text == "订单 12345 什么时候发货？"
    assert found.raw_text == "@售后助手 订单 12345 什么时候发货？"
    assert found.mentions_bot
    assert found.kind is ContentKind.TEXT
    assert found.sent_at == NOW
    assert found.lane == "wecom_bot:main:wrGr0upMadeUp0001AAAA:zhangsan"


def test_a_single_chat_is_a_room_of_its_own() -> None:
    found = message("inbound_text_single")
    assert found.room == SINGLE
    assert (found.text, found.mentions_bot) == ("你好，想咨询退款", False)


def test_the_handle_holds_what_an_answer_needs() -> None:
    found = message("inbound_text_single")
    assert found.reply_handle == {
        "stream_id": stream_id_of("main", found.message_id),
        "opened_at": "1760000200.0",
        "response_url": sample("inbound_text_single")["response_url"],
        "response_expires": "1760003800",
    }
    assert stream_id_of("main", "m") == stream_id_of("main", "m")
    assert len({stream_id_of("main", "m"), stream_id_of("main", "n"), stream_id_of("other", "m")}) == 3


@pytest.mark.parametrize(
    ("name", "kind", "text", "url"),
    [
        ("inbound_image_single", ContentKind.IMAGE, "", "https://ww-aibot-img.example.invalid/abc?sign=made-up"),
        ("inbound_file_single", ContentKind.FILE, "", "https://ww-aibot-file.example.invalid/xyz?sign=made-up"),
        ("inbound_video_single", ContentKind.VIDEO, "", "https://ww-aibot-video.example.invalid/v?sign=made-up"),
        (
            "inbound_mixed_group",
            ContentKind.TEXT,
            "看看这个报错",
            "https://ww-aibot-img.example.invalid/m1?sign=made-up",
        ),
    ],
)
def test_media_keep_their_reference(name: str, kind: ContentKind, text: str, url: str) -> None:
    found = message(name)
    assert (found.kind, found.text) == (kind, text)
    assert [one.reference for one in found.attachments] == [url]


def test_a_voice_message_brings_its_words() -> None:
    found = message("inbound_voice_single")
    assert (found.kind, found.text) == (ContentKind.VOICE, "我的快递到哪里了")


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ({"msgtype": "text", "text": {"content": "客户说有划痕"}}, "客户说有划痕"),
        ({"msgtype": "voice", "voice": {"content": "喂"}}, "喂"),
        ({"msgtype": "image", "image": {"url": "https://x.invalid/1"}}, "[图片]"),
        ({"msgtype": "file", "file": {}}, "[文件]"),
        ({"msgtype": "video", "video": {"url": "https://x.invalid/1"}}, "[视频]"),
        (sample("inbound_text_quote_mixed_group")["quote"], "报错截图 [图片]"),
        ({"msgtype": "hologram"}, ""),
        ({}, ""),
    ],
)
def test_every_kind_of_quote_is_read(quote: dict[str, Any], text: str) -> None:
    found = translated({**sample("inbound_text_quote_group"), "quote": quote})
    assert found.quote is not None
    assert found.quote.text == text
    assert found.text == "这个怎么处理"


def test_a_refresh_names_its_stream() -> None:
    assert translated(sample("inbound_stream_refresh")) == StreamRefresh("st-7f3c9a2e")


def test_entering_the_chat_is_an_event_in_the_single_chat() -> None:
    found = translated(sample("event_enter_chat"))
    assert isinstance(found, RoomEvent)
    assert (found.room, found.kind, found.at, found.event_id) == (SINGLE, EventKind.ENTERED, 1_760_000_000.0, "EV0001")


def test_a_thumb_says_which_answer_it_is_about() -> None:
    found = translated(sample("event_feedback"))
    assert isinstance(found, RoomEvent)
    assert (found.kind, found.subject, found.room) == (EventKind.DISLIKED, "fb-7f3c9a2e", GROUP)
    assert found.detail == {"content": "答非所问", "reasons": "2,4"}
    liked = sample("event_feedback")
    liked["event"] = {"eventtype": "feedback_event", "id": "fb-1", "type": 1}
    found = translated(liked)
    assert (found.kind, found.subject, found.detail) == (EventKind.LIKED, "fb-1", {})


@pytest.mark.parametrize("thumb", [3, 4, None, "1", []])
def test_a_thumb_taken_back_or_unknown_is_ignored(thumb: Any) -> None:
    payload = sample("event_feedback")
    payload["event"]["feedback_event"]["type"] = thumb
    assert isinstance(translated(payload), Ignored)


@pytest.mark.parametrize("flat", [False, True])
def test_a_pressed_card_is_read_nested_and_flat(flat: bool) -> None:
    payload = sample("event_template_card_event")
    if flat:
        payload["event"] |= payload["event"].pop("template_card_event")
    found = translated(payload)
    assert isinstance(found, CardPress)
    assert (found.chat_id, found.card_message_id, found.operator) == (GROUP.chat_id, "task_20251009_0001", ZHANG)
    assert found.value == {"key": "submit_ticket", "category": "refund", "urgency": "high"}
    assert found.press_id == "EV0002"


def test_our_own_button_keys_come_back_as_values() -> None:
    payload = sample("event_template_card_button")
    payload["event"]["template_card_event"]["event_key"] = '{"do":"rate","stars":"5"}'
    assert translated(payload).value == {"do": "rate", "stars": "5"}


@pytest.mark.parametrize(
    "change",
    [
        {"msgid": ""},
        {"msgid": None},
        {"from": None},
        {"from": {"userid": 7}},
        {"msgtype": "stream", "stream": {}},
        {"msgtype": "event", "event": {"eventtype": "comet_event"}},
        {"msgtype": "event", "event": []},
        {"msgtype": "event"},
    ],
)
def test_callbacks_that_say_nothing_are_ignored(change: dict[str, Any]) -> None:
    found = translated({**sample("inbound_text_single"), **change})
    assert isinstance(found, Ignored)
    assert found.reason


@pytest.mark.parametrize("msgtype", ["hologram", "", None, 5, ["text"]])
def test_an_unknown_type_is_still_a_message_to_be_answered(msgtype: Any) -> None:
    found = translated({**sample("inbound_text_single"), "msgtype": msgtype})
    assert isinstance(found, IncomingMessage)
    assert (found.kind, found.text) == (ContentKind.OTHER, "")


@pytest.mark.parametrize("content", ["", "   ", "😀", "👨‍👩‍👧‍👦🇨🇳❤️"])
def test_empty_and_emoji_texts_are_texts(content: str) -> None:
    found = translated({**sample("inbound_text_single"), "text": {"content": content}})
    assert (found.kind, found.text) == (ContentKind.TEXT, content.strip())


def test_a_text_of_a_hundred_thousand_characters_is_cut() -> None:
    found = translated({**sample("inbound_text_single"), "text": {"content": "退" * 100_000}})
    assert len(found.text) == TEXT_LIMIT
    assert is_cut(found)
    assert not is_cut(message("inbound_text_single"))


@pytest.mark.parametrize(
    "mixed", [None, [], {"msg_item": None}, {"msg_item": [None, 3, {"msgtype": "mixed", "mixed": {"msg_item": []}}]}]
)
def test_an_odd_mixed_message_is_an_empty_text(mixed: Any) -> None:
    found = translated({**sample("inbound_mixed_group"), "mixed": mixed})
    assert (found.kind, found.text, found.attachments) == (ContentKind.TEXT, "", ())


def test_every_sample_and_vector_is_translated() -> None:
    names = [path.stem for path in PAYLOADS.glob("*.json") if path.stem.startswith(("inbound_", "event_"))]
    assert len(names) == 14
    for name in names:
        assert not isinstance(translated(sample(name)), Ignored)
    for case in CASES.values():
        if case["kind"] == "inbound":
            assert not isinstance(translated(json.loads(case["plaintext"])), Ignored)
    assert SIGNED_AT < NOW


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["msgid", "chatid", "chattype", "from", "response_url", "text", "mixed", "quote", "event", "stream"]


@given(
    st.sampled_from(["text", "image", "mixed", "voice", "file", "video", "stream", "event", "x"]),
    st.dictionaries(st.sampled_from(FIELDS), JSON),
    st.sampled_from(["enter_chat", "template_card_event", "feedback_event", "x"]),
    JSON,
)
def test_no_json_object_is_an_exception(msgtype: str, odd: dict[str, Any], eventtype: str, detail: Any) -> None:
    whole = {**sample("inbound_text_group"), "event": {"eventtype": eventtype, eventtype: detail}}
    assert translated({**whole, "msgtype": msgtype, **odd}) is not None
    assert translated({**odd, "msgtype": msgtype}) is not None
