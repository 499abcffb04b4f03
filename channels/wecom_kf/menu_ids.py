"""A button's value as the id of a menu entry and back: the platform gives the id back when the entry is pressed.

Protocol: https://developer.work.weixin.qq.com/document/path/94677 (letters, digits and "_" alone; at most 128 bytes)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

ID_LIMIT = 128
_OURS = "hy_"


def to_menu_id(value: Mapping[str, str]) -> str | None:
    """The id that stands for a button's value; None where it is too long for one."""
    packed = urlencode(dict(value), errors="replace").encode()
    found = _OURS + base64.b32encode(packed).decode().rstrip("=").lower()
    return found if len(found) <= ID_LIMIT else None


def from_menu_id(menu_id: str) -> dict[str, str] | None:
    """The value behind an id of ours; None for an entry that somebody else wrote."""
    if not menu_id.startswith(_OURS):
        return None
    packed = menu_id[len(_OURS) :].upper()
    try:
        raw = base64.b32decode(packed + "=" * (-len(packed) % 8)).decode()
    except (binascii.Error, ValueError):
        return None
    return dict(parse_qsl(raw, keep_blank_values=True))
