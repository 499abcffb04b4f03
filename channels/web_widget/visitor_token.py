"""What a visitor is known by: an opaque signed token, good for one widget, made and checked without the database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from channels.web_widget.account import PLATFORM
from channels.web_widget.refusal import WidgetRefusal

#: A visitor who stays away for longer begins anew.
LIFE_S = 180 * 86400.0
#: A token older than this is replaced when its visitor comes back.
RENEW_AFTER_S = 86400.0
_PREFIX = "hw1"
_VISITOR_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 16, 6, 24
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody's browser. `issued_at` is when its token was signed, Unix seconds."""

    visitor_id: str
    issued_at: float


class VisitorTokens:
    """Signs with `key`; also accepts what `previous_key` signed."""

    def __init__(self, key: str, previous_key: str, account: str, *, clock: Callable[[], float]) -> None:
        keys = [one for one in (key, previous_key) if one]
        self._keys = [hashlib.sha256(f"{PLATFORM}\0{account}\0{one}".encode()).digest() for one in keys]
        self._clock = clock

    def fresh(self) -> tuple[Visitor, str]:
        """A visitor whom nobody knows yet, and the token."""
        return self._signed(secrets.token_bytes(_VISITOR_BYTES))

    def renewed(self, visitor: Visitor) -> str:
        """A token for the same visitor with a full life before it."""
        return self._signed(bytes.fromhex(visitor.visitor_id[2:]))[1]

    def is_old(self, visitor: Visitor) -> bool:
        """Whether the token should be replaced at the next occasion."""
        return self._clock() - visitor.issued_at > RENEW_AFTER_S

    def open(self, token: object) -> Visitor:
        """Whose token it is. Raises `WidgetRefusal` 403 for one that is not ours, or too old."""
        body, signature = _parts(token)
        known = [hmac.compare_digest(_signature(key, body), signature) for key in self._keys]
        if not any(known):
            raise WidgetRefusal("token", "a visitor token with a wrong signature", 403)
        visitor = _visitor(body)
        if self._clock() - visitor.issued_at > LIFE_S:
            raise WidgetRefusal("token", "a visitor token that is too old", 403)
        return visitor

    def _signed(self, visitor: bytes) -> tuple[Visitor, str]:
        body = visitor + int(self._clock()).to_bytes(_TIME_BYTES, "big")
        text = base64.urlsafe_b64encode(body + _signature(self._keys[0], body)).rstrip(b"=").decode()
        return _visitor(body), f"{_PREFIX}.{text}"


def _visitor(body: bytes) -> Visitor:
    return Visitor("wv" + body[:_VISITOR_BYTES].hex(), float(int.from_bytes(body[_VISITOR_BYTES:], "big")))


def _signature(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _parts(token: object) -> tuple[bytes, bytes]:
    prefix, _, text = token.partition(".") if isinstance(token, str) and len(token) <= _LONGEST else ("", "", "")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if prefix != _PREFIX or len(raw) != _VISITOR_BYTES + _TIME_BYTES + _SIGNATURE_BYTES:
        raise WidgetRefusal("token", "no visitor token of ours", 403)
    return raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
