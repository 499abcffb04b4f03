from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.wecom_bot import frames
from channels.wecom_bot.frames import Frame, FrameRefused, read_frame, refusal, write_frame
from channels.wecom_bot.inbound import media_reference, split_reference, translate
from conversation.errors import GiveUp, RetryLater
from conversation.messages import IncomingMessage
from tests.channels.wecom_bot.stage import BOT_NAME, PAYLOADS, sample

WS_SAMPLES = sorted(path.stem for path in PAYLOADS.glob("ws_*.json"))


@pytest.mark.parametrize("name", WS_SAMPLES)
def test_every_sample_of_a_frame_is_read_whole_and_written_as_it_was(name: str) -> None:
    raw = sample(name)

    frame = read_frame(json.dumps(raw))

    assert frame is not None
    assert frame.req_id == raw["headers"]["req_id"]
    assert frame.body == raw.get("body", {})
    if "cmd" in raw:
        assert json.loads(write_frame(frame.cmd, frame.req_id, raw.get("body"))) == raw


def test_an_active_send_has_the_platforms_form() -> None:
    group, single = sample("ws_send_msg_group")["body"], sample("ws_send_msg_single")["body"]

    assert frames.push(group["chatid"], group=True, content=group["markdown"]["content"]) == group
    assert frames.push(single["chatid"], group=False, content=single["markdown"]["content"]) == single


def test_a_take_over_is_recognised_and_nothing_else_is_taken_for_one() -> None:
    displaced, entered, asked = (
        read_frame(json.dumps(sample(f"ws_{name}")))
        for name in ("event_callback_disconnected", "event_callback_enter_chat", "msg_callback_text")
    )

    assert displaced and displaced.displaces
    assert entered and not entered.displaces
    assert asked and not asked.displaces


def test_a_message_of_the_long_connection_names_the_question_to_answer() -> None:
    raw = sample("ws_msg_callback_text")

    said = translate(raw["body"], account="main", bot_name=BOT_NAME, now=1.0, req_id=raw["headers"]["req_id"])

    assert isinstance(said, IncomingMessage)
    assert said.text == "订单 12345 什么时候发货？"
    assert said.reply_handle["req_id"] == "req-0001"


def test_a_file_keeps_the_key_that_came_beside_its_address() -> None:
    body = sample("ws_msg_callback_image")["body"]

    said = translate(body, account="main", bot_name=BOT_NAME, now=1.0, req_id="r")

    assert isinstance(said, IncomingMessage)
    assert split_reference(said.attachments[0].reference) == (body["image"]["url"], body["image"]["aeskey"])


@given(url=st.text(min_size=1), key=st.text(min_size=1))
def test_any_address_and_key_come_apart_as_they_were_put_together(url: str, key: str) -> None:
    usable = key.encode("utf-8", "ignore").decode() == key
    if usable:
        assert split_reference(media_reference(url, key)) == (url, key)


NAMES = st.sampled_from(["cmd", "headers", "req_id", "body", "errcode", "event", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
)


@given(st.one_of(st.binary(), st.text(), JSON.map(json.dumps)))
def test_no_frame_can_break_the_reading(raw: Any) -> None:
    frame = read_frame(raw)

    assert frame is None or (isinstance(frame.displaces, bool) and isinstance(frame.body, dict))


@pytest.mark.parametrize(
    ("code", "error"),
    [(0, None), (846609, RetryLater), (45009, RetryLater), (-1, RetryLater), (846608, FrameRefused), (93006, GiveUp)],
)
def test_an_answers_code_says_what_the_caller_can_do(code: int, error: type[Exception] | None) -> None:
    found = refusal("aibot_send_msg", Frame("", "r", errcode=code, errmsg="because"))

    assert found is None if error is None else isinstance(found, error)
