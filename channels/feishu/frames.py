"""The frames of the long connection: a small protobuf message each way, and events that come in several. Pure.

The form is that of the vendor's SDK (`lark_oapi.ws.pb.pbbp2`): all numbers are varints, all the rest is length and
bytes. Written out here, for the SDK takes seconds and 170 MB to import.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

CONTROL, DATA = 0, 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SEQ_ID, _LOG_ID, _SERVICE, _METHOD, _HEADERS, _ENCODING, _TYPE, _PAYLOAD, _LOG_ID_NEW = range(1, 10)
_KEY, _VALUE = 1, 2
_LONGEST_VARINT = 10

PARTS_LIMIT = 256
#: An event as long as a webhook's body may be.
EVENT_LIMIT = 1024 * 1024
EVENTS_IN_PARTS = 64
#: The SDK waits as long for the parts of an event.
PARTS_WITHIN_S = 5.0


class BrokenFrame(ValueError):
    """The bytes are no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `headers` keep their order; the answer to a frame is the same frame with another payload."""

    method: int
    service: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes = b""
    seq_id: int = 0
    log_id: int = 0
    payload_encoding: str = ""
    payload_type: str = ""
    log_id_new: str = ""

    def header(self, name: str) -> str:
        """The value of a header; empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def answered(self, payload: bytes, spent_ms: int) -> Frame:
        """The answer to this frame."""
        return replace(self, headers=(*self.headers, ("biz_rt", str(spent_ms))), payload=payload)


def ping(service: int) -> Frame:
    """What keeps the connection alive."""
    return Frame(CONTROL, service, (("type", "ping"),))


def read_frame(raw: bytes) -> Frame:
    """The frame in `raw`; fields that we do not know are passed over. Raises `BrokenFrame`."""
    numbers: dict[int, int] = {}
    texts: dict[int, bytes] = {}
    headers: list[tuple[str, str]] = []
    for number, value in _fields(raw):
        if isinstance(value, int):
            numbers[number] = value
        elif number == _HEADERS:
            headers.append(_header(value))
        else:
            texts[number] = value
    if _METHOD not in numbers:
        raise BrokenFrame("the frame has no method")
    return Frame(
        method=numbers[_METHOD],
        service=_signed(numbers.get(_SERVICE, 0)),
        headers=tuple(headers),
        payload=texts.get(_PAYLOAD, b""),
        seq_id=numbers.get(_SEQ_ID, 0),
        log_id=numbers.get(_LOG_ID, 0),
        payload_encoding=_text(texts.get(_ENCODING, b"")),
        payload_type=_text(texts.get(_TYPE, b"")),
        log_id_new=_text(texts.get(_LOG_ID_NEW, b"")),
    )


def write_frame(frame: Frame) -> bytes:
    """The frame's bytes; the four numbers are required, even where they are 0."""
    numbers = {_SEQ_ID: frame.seq_id, _LOG_ID: frame.log_id, _SERVICE: frame.service, _METHOD: frame.method}
    parts = [_tag(number, _VARINT) + _varint(value) for number, value in numbers.items()]
    for key, value in frame.headers:
        parts.append(_piece(_HEADERS, _piece(_KEY, key.encode()) + _piece(_VALUE, value.encode())))
    texts = {_ENCODING: frame.payload_encoding, _TYPE: frame.payload_type}
    parts += [_piece(number, text.encode()) for number, text in texts.items() if text]
    if frame.payload:
        parts.append(_piece(_PAYLOAD, frame.payload))
    if frame.log_id_new:
        parts.append(_piece(_LOG_ID_NEW, frame.log_id_new.encode()))
    return b"".join(parts)


class Parts:
    """Puts events together that come in several frames; forgets those whose parts do not all come in time."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, tuple[float, dict[int, bytes]]] = OrderedDict()

    def whole(self, frame: Frame, now: float) -> bytes | None:
        """The event's payload once it is whole, None until then. `now` is monotonic seconds. Raises `BrokenFrame`."""
        total, seq = _count(frame.header("sum") or "1"), _count(frame.header("seq") or "0")
        if total <= 1:
            return frame.payload
        if total > PARTS_LIMIT or seq >= total:
            raise BrokenFrame(f"part {seq} of {total}")
        self._forget(now)
        _, parts = self._waiting.setdefault(frame.header("message_id"), (now, {}))
        parts[seq] = frame.payload
        if sum(map(len, parts.values())) > EVENT_LIMIT:
            del self._waiting[frame.header("message_id")]
            raise BrokenFrame("the event is too long")
        if len(parts) < total:
            return None
        del self._waiting[frame.header("message_id")]
        return b"".join(parts[number] for number in sorted(parts))

    def _forget(self, now: float) -> None:
        while self._waiting:
            since, _ = next(iter(self._waiting.values()))
            if now - since < PARTS_WITHIN_S and len(self._waiting) < EVENTS_IN_PARTS:
                break
            self._waiting.popitem(last=False)


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(raw):
        tag, place = _read_varint(raw, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _read_varint(raw, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _read_varint(raw, place)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if length < 0 or place + length > len(raw):
            raise BrokenFrame("a field points beyond the end")
        if kind == _BYTES:
            yield number, raw[place : place + length]
        place += length


def _read_varint(raw: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if place + shift >= len(raw):
            break
        byte = raw[place + shift]
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value & (1 << 64) - 1, place + shift + 1
    raise BrokenFrame("a number has no end")


def _varint(value: int) -> bytes:
    rest, found = value & (1 << 64) - 1, bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*found, rest])


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _piece(number: int, content: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(content)) + content


def _header(raw: bytes) -> tuple[str, str]:
    found = {number: value for number, value in _fields(raw) if isinstance(value, bytes)}
    return _text(found.get(_KEY, b"")), _text(found.get(_VALUE, b""))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as broken:
        raise BrokenFrame("a text is no UTF-8") from broken


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BrokenFrame("a part without its number")
    return int(text)
