"""Reads what a gateway posted, field by field; whatever has the wrong shape is refused in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from conversation.errors import RefusedInput

Json = Mapping[str, Any]

ID_LIMIT = 200
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def json_object(raw: bytes) -> Json:
    """The object that the body is. Half a character, where a gateway cut an emoji, becomes U+FFFD.

    Raises `RefusedInput` for everything that is no JSON object.
    """
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        found = _mended(raw)
    if not isinstance(found, dict):
        raise RefusedInput("the body is no JSON object")
    return found


def identifier(part: Json, name: str, *, of: str) -> str:
    """An id that must be there. Raises `RefusedInput` for one that is missing, long, or not printable."""
    found = part.get(name)
    if not isinstance(found, str) or not found.strip() or len(found) > ID_LIMIT or not found.isprintable():
        raise RefusedInput(f"{of}.{name} must be an id of 1 to {ID_LIMIT} printable characters")
    return found


def section(part: Json, name: str) -> Json:
    """An object that must be there. Raises `RefusedInput`."""
    found = part.get(name)
    if not isinstance(found, dict):
        raise RefusedInput(f"{name} must be an object")
    return found


def text(part: Json, name: str, limit: int = ID_LIMIT) -> str:
    """Words, at most `limit` characters of them, without NUL; empty where there are none."""
    found = part.get(name)
    return found.replace("\x00", "")[:limit] if isinstance(found, str) else ""


def objects(part: Json, name: str, limit: int) -> Iterator[Json]:
    """The objects of an array, at most `limit`; nothing where there is no array."""
    found = part.get(name)
    for one in found[:limit] if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield one


def moment(value: object, now: float) -> float:
    """An ISO 8601 time as Unix seconds; `now` where it is none, or lies ahead of our clock."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
        at = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() if read else now
    except (ValueError, OverflowError):
        return now
    return at if 0 < at <= now else now


def _mended(raw: bytes) -> object:
    try:
        whole = _ESCAPES.sub(lambda one: r"\ufffd" if one["half"] else one[0], raw.decode())
        return orjson.loads(whole)
    except UnicodeDecodeError:
        raise RefusedInput("the body is no UTF-8") from None
    except orjson.JSONDecodeError as broken:
        raise RefusedInput(f"the body is no JSON: {broken.msg}") from None
