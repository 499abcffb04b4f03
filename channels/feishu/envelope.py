"""Opens what Feishu posts to us: signature, decryption, verification token, app. Pure; the first step inbound.

Protocol: https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from channels.feishu.settings import FeishuSettings
from conversation.errors import RefusedInput
from tools.feishu_values import as_dict, as_text, moment

#: Our choice, for Feishu publishes none. A redelivery, hours later, is a post of its own with its own time.
TIMESTAMP_WINDOW_S = 300.0
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """The URL check that saving the request URL makes: `text` has to be echoed."""

    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event or callback in either envelope version. `created_at` is Unix seconds, None where it is missing."""

    type: str
    event_id: str
    created_at: float | None
    body: dict[str, Any]


class Envelope:
    """Opens posts for one app."""

    def __init__(self, settings: FeishuSettings) -> None:
        self._app_id = settings.app_id
        self._encrypt_key = settings.encrypt_key.encode()
        self._token = settings.verification_token
        self._aes = algorithms.AES(hashlib.sha256(self._encrypt_key).digest())

    def open(self, headers: Mapping[str, str], body: bytes, now: float) -> Challenge | Event:
        """What was posted, once it is proven to come from Feishu. `now` is Unix seconds.

        Raises `RefusedInput`: 403 for a wrong or missing proof, 400 for a body that cannot be read.
        """
        signed = self._signed(headers, body, now)
        outer = _json_object(body)
        inner = self._decrypted(outer, signed) if "encrypt" in outer else outer
        challenge = inner.get("type") == "url_verification"
        # Feishu's own SDK takes URL checks unsigned; their proof is the token inside.
        if self._encrypt_key and not signed and not challenge:
            raise RefusedInput("the post is not signed", 403)
        self._check_token(inner)
        if challenge:
            return Challenge(as_text(inner.get("challenge")))
        event = _event(inner)
        app_id = as_text(as_dict(inner.get("header")).get("app_id")) or as_text(event.body.get("app_id"))
        if app_id and app_id != self._app_id:
            raise RefusedInput("the post is meant for another app", 403)
        return event

    def _signed(self, headers: Mapping[str, str], body: bytes, now: float) -> bool:
        """True when the signature holds, False when there is none; without an encrypt key there is none to check."""
        low = {name.lower(): value for name, value in headers.items()}
        signature = low.get("x-lark-signature", "")
        if not (self._encrypt_key and signature):
            return False
        timestamp, nonce = low.get("x-lark-request-timestamp", ""), low.get("x-lark-request-nonce", "")
        digest = hashlib.sha256((timestamp + nonce).encode() + self._encrypt_key + body).hexdigest()
        if not _same(digest, signature.lower()):
            raise RefusedInput("the signature is wrong", 403)
        at = moment(timestamp)
        if at is None or abs(now - at) > TIMESTAMP_WINDOW_S:
            raise RefusedInput("the signature's time is outside the window", 403)
        return True

    def _decrypted(self, outer: dict[str, Any], signed: bool) -> dict[str, Any]:
        if not self._encrypt_key:
            raise RefusedInput("the post is encrypted, but no encrypt_key is set", 400)
        try:
            return _json_object(self._decrypt(as_text(outer.get("encrypt"))))
        except RefusedInput as unreadable:
            if signed:
                raise
            # Unsigned posts get one answer for every failure: anything finer would be a padding oracle.
            raise RefusedInput(f"unsigned, and {unreadable.reason}", 403) from unreadable

    def _decrypt(self, sealed: str) -> bytes:
        try:
            raw = base64.b64decode(sealed, validate=True)
            if len(raw) < 2 * _BLOCK or len(raw) % _BLOCK:
                raise RefusedInput("the ciphertext has an impossible length", 400)
            decryptor = Cipher(self._aes, modes.CBC(raw[:_BLOCK])).decryptor()
            unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
            padded = decryptor.update(raw[_BLOCK:]) + decryptor.finalize()
            return unpadder.update(padded) + unpadder.finalize()
        except (binascii.Error, ValueError) as broken:
            raise RefusedInput("the body cannot be decrypted", 400) from broken

    def _check_token(self, inner: dict[str, Any]) -> None:
        given = as_text(as_dict(inner.get("header")).get("token")) or as_text(inner.get("token"))
        if self._token and not _same(self._token, given):
            raise RefusedInput("the verification token is wrong", 403)


def _event(inner: dict[str, Any]) -> Event:
    header, body = as_dict(inner.get("header")), as_dict(inner.get("event"))
    if header:
        return Event(
            type=as_text(header.get("event_type")),
            event_id=as_text(header.get("event_id")),
            created_at=moment(header.get("create_time")),
            body=body,
        )
    return Event(as_text(body.get("type")), as_text(inner.get("uuid")), moment(inner.get("ts")), body)


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as broken:
        raise RefusedInput("the body is no JSON in UTF-8", 400) from broken
    if not isinstance(value, dict):
        raise RefusedInput("the body is no JSON object", 400)
    return value


def _same(known: str, given: str) -> bool:
    return hmac.compare_digest(known.encode(), given.encode("utf-8", "surrogatepass"))
