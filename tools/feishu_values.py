"""Reads Feishu's loose JSON values: numbers that come as strings, parts that are missing or null."""

from __future__ import annotations

from typing import Any

_MILLISECONDS_FROM = 1e11
_MICROSECONDS_FROM = 1e14


def as_dict(value: object) -> dict[str, Any]:
    """The object itself, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The list itself, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """A string as it is and a number in digits, without NUL (which PostgreSQL cannot keep); else nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).replace("\x00", "")


def as_number(value: object) -> int:
    """A whole number that may have come as a string; 0 when it is none."""
    try:
        return int(as_text(value))
    except ValueError:
        return 0


def moment(value: object) -> float | None:
    """Unix seconds of a time given in seconds, ms or µs, as string or number; None where Feishu says "unset" (-1)."""
    try:
        number = float(as_text(value))
    except ValueError:
        return None
    if not 0 < number < float("inf"):
        return None
    if number >= _MICROSECONDS_FROM:
        return number / 1e6
    return number / 1e3 if number >= _MILLISECONDS_FROM else number
