"""The protobuf frames of Feishu's long connection, as the platform writes and reads them.

The form is that of the vendor's SDK: SeqID 1, LogID 2, service 3, method 4 (varints), headers 5 {key 1, value 2},
payload 8 (bytes).
"""

from __future__ import annotations

from dataclasses import dataclass, field

CONTROL, DATA = 0, 1
_NUMBERS = ("seq_id", "log_id", "service", "method")
_HEADERS, _PAYLOAD = 5, 8


@dataclass(slots=True)
class WireFrame:
    """One frame; `headers` as a dict, for none of them comes twice."""

    method: int
    headers: dict[str, str]
    payload: bytes = b""
    seq_id: int = 0
    log_id: int = 0
    service: int = 0
    missing: list[str] = field(default_factory=list)

    def encoded(self) -> bytes:
        """Give the frame's bytes."""
        found = b"".join(
            _number(number << 3) + _number(getattr(self, name)) for number, name in enumerate(_NUMBERS, start=1)
        )
        for key, value in self.headers.items():
            found += _bytes(_HEADERS, _bytes(1, key.encode()) + _bytes(2, value.encode()))
        return found + (_bytes(_PAYLOAD, self.payload) if self.payload else b"")


def decoded(raw: bytes) -> WireFrame:
    """Give the frame in `raw`; `missing` names required numbers that are not there. ValueError for broken bytes."""
    frame, seen = WireFrame(0, {}), set()
    for number, value in _fields(raw):
        if 1 <= number <= len(_NUMBERS) and isinstance(value, int):
            seen.add(_NUMBERS[number - 1])
            setattr(frame, _NUMBERS[number - 1], value)
        elif number == _HEADERS and isinstance(value, bytes):
            pair = dict(_fields(value))
            frame.headers[_words(pair.get(1))] = _words(pair.get(2))
        elif number == _PAYLOAD and isinstance(value, bytes):
            frame.payload = value
    frame.missing = [name for name in _NUMBERS if name not in seen]
    return frame


def _fields(raw: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    place = 0
    while place < len(raw):
        tag, place = _read(raw, place)
        value, place = _read(raw, place)
        if tag & 7 == 0:
            found.append((tag >> 3, value))
        elif tag & 7 == 2:
            found.append((tag >> 3, raw[place : place + value]))
            place += value
        else:
            raise ValueError(f"wire type {tag & 7} in a frame")
    return found


def _read(raw: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(raw):
            raise ValueError("a number has no end")
        byte = raw[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _bytes(number: int, content: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(content)) + content


def _words(value: int | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else ""
