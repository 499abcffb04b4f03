"""The long connection's frames: written and read by two hands, ours and the double's, and hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.feishu.frames import (
    CONTROL,
    DATA,
    EVENT_LIMIT,
    BrokenFrame,
    Frame,
    Parts,
    ping,
    read_frame,
    write_frame,
)
from playground.feishu_frames import WireFrame, decoded

HEADERS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5)
NUMBERS = st.integers(0, 2**63)


def part(total: int, seq: int, payload: bytes, message_id: str = "m1") -> Frame:
    return Frame(DATA, headers=(("message_id", message_id), ("sum", str(total)), ("seq", str(seq))), payload=payload)


@settings(deadline=None)
@given(headers=HEADERS, payload=st.binary(max_size=300), seq_id=NUMBERS, service=st.integers(0, 2**31 - 1))
def test_what_the_platform_writes_is_read_and_what_we_write_it_reads(
    headers: dict[str, str], payload: bytes, seq_id: int, service: int
) -> None:
    theirs = WireFrame(DATA, headers, payload, seq_id=seq_id, log_id=7, service=service)

    frame = read_frame(theirs.encoded())

    assert (dict(frame.headers), frame.payload, frame.seq_id, frame.service) == (headers, payload, seq_id, service)
    back = decoded(write_frame(frame.answered(b"{}", 3)))
    assert (back.headers, back.payload, back.seq_id) == ({**headers, "biz_rt": "3"}, b"{}", seq_id)
    assert back.missing == []


@settings(deadline=None)
@given(
    numbers=st.tuples(st.integers(0, 1), st.integers(-(2**31), 2**31), NUMBERS, NUMBERS),
    headers=st.lists(st.tuples(st.text(), st.text()), max_size=4),
    texts=st.tuples(st.text(), st.text(), st.text()),
    payload=st.binary(),
)
def test_any_frame_comes_back_as_it_was(
    numbers: tuple[int, int, int, int],
    headers: list[tuple[str, str]],
    texts: tuple[str, str, str],
    payload: bytes,
) -> None:
    method, service, seq_id, log_id = numbers
    frame = Frame(method, service, tuple(headers), payload, seq_id, log_id, *texts)

    assert read_frame(write_frame(frame)) == frame


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_can_break_the_reading(raw: bytes) -> None:
    try:
        frame = read_frame(raw)
    except BrokenFrame:
        return
    assert isinstance(frame.payload, bytes)


@settings(deadline=None)
@given(st.data())
def test_a_frame_with_a_changed_byte_is_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(write_frame(Frame(DATA, 5, (("type", "event"), ("message_id", "m")), b'{"a":1}')))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = read_frame(bytes(raw))
    except BrokenFrame:
        return
    assert isinstance(frame.payload, bytes)
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in frame.headers)


def test_a_ping_names_its_service_and_lacks_nothing() -> None:
    frame = decoded(write_frame(ping(33554678)))

    assert (frame.method, frame.headers, frame.service, frame.missing) == (CONTROL, {"type": "ping"}, 33554678, [])


def test_an_event_in_parts_is_whole_once_all_parts_are_there_in_whatever_order() -> None:
    parts = Parts()

    assert parts.whole(part(3, 2, b"c"), 0.0) is None
    assert parts.whole(part(2, 0, b"x", "m2"), 0.1) is None
    assert parts.whole(part(3, 0, b"a"), 0.2) is None
    assert parts.whole(part(3, 1, b"b"), 0.3) == b"abc"
    assert parts.whole(part(2, 1, b"y", "m2"), 0.4) == b"xy"
    assert parts.whole(part(1, 0, b"alone"), 0.5) == b"alone"
    assert parts.whole(Frame(DATA, payload=b"bare"), 0.6) == b"bare"


def test_parts_that_do_not_come_in_time_are_forgotten() -> None:
    parts = Parts()
    assert parts.whole(part(2, 0, b"a"), 0.0) is None

    assert parts.whole(part(2, 1, b"b"), 6.0) is None
    assert parts.whole(part(2, 0, b"a"), 6.1) == b"ab"


@pytest.mark.parametrize(("total", "seq"), [(2, 2), (100_000, 0)])
def test_parts_that_cannot_be_are_refused(total: int, seq: int) -> None:
    with pytest.raises(BrokenFrame):
        Parts().whole(part(total, seq, b"a"), 0.0)


def test_an_endless_event_is_refused() -> None:
    parts = Parts()
    parts.whole(part(9, 0, b"a" * EVENT_LIMIT), 0.0)

    with pytest.raises(BrokenFrame, match="too long"):
        parts.whole(part(9, 1, b"a"), 0.0)
