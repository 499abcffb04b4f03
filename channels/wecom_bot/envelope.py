"""The WXBiz envelope: checks and opens what the platform posts, seals what we answer.

Protocol: https://developer.work.weixin.qq.com/document/path/101033 (same scheme as /91144, receiveid is empty).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from wechatpy.crypto.base import WeChatCipher

from conversation.errors import BadSettings, RefusedInput

#: The platform publishes no window; five minutes is ours.
WINDOW_S = 300.0
#: How many signatures are remembered at most; beyond that the inbox's ledger is the only guard against replays.
REPLAYS_LIMIT = 50_000

_BLOCK = 32  # PKCS7 over 32 bytes, not AES's 16
_RANDOM_BYTES = 16
_HEAD = _RANDOM_BYTES + 4
_RECEIVE_ID = b""  # empty for an enterprise's own AI bot


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that proved to be the platform's. `plain` is what was inside; the rest is for sealing the answer."""

    plain: bytes
    nonce: str
    cipher: WeChatCipher


class Envelope:
    """One Token with the current EncodingAESKey and, after a change, the previous one.

    Raises `BadSettings` for a key that is none.
    """

    def __init__(
        self, token: str, encoding_aes_key: str, previous_key: str = "", *, clock: Callable[[], float]
    ) -> None:
        self._token = token
        self._ciphers = [WeChatCipher(aes_key(key)) for key in (encoding_aes_key, previous_key) if key]
        self._clock = clock
        self._seen: dict[str, float] = {}

    def open(self, query: Mapping[str, str], encrypt: str) -> Opened:
        """The bytes inside `encrypt`, which came with the callback's `query`.

        Raises `RefusedInput`: 400 for what is malformed, 403 for a wrong signature, a stale timestamp, a replay, or a
        ciphertext that none of our keys opens.
        """
        signature, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        if not (signature and nonce and encrypt.isascii() and _is_moment(timestamp)):
            raise RefusedInput("the callback lacks a signature, a nonce, a timestamp or its content")
        expected = _signature(self._token, timestamp, nonce, encrypt)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise RefusedInput("the signature is not ours: check the Token on both sides", 403)
        self._refuse_repeats(signature, int(timestamp))
        return self._decrypted(encrypt, nonce)

    def seal(self, plain: bytes, opened: Opened) -> bytes:
        """The JSON body that answers the request `opened`, with its nonce and under the key it came with."""
        packed = b"".join((secrets.token_bytes(_RANDOM_BYTES), len(plain).to_bytes(4, "big"), plain, _RECEIVE_ID))
        pad = _BLOCK - len(packed) % _BLOCK
        encrypt = base64.b64encode(opened.cipher.encrypt(packed + bytes([pad]) * pad)).decode()
        now = int(self._clock())
        signature = _signature(self._token, str(now), opened.nonce, encrypt)
        return orjson.dumps({"encrypt": encrypt, "msgsignature": signature, "timestamp": now, "nonce": opened.nonce})

    def _refuse_repeats(self, signature: str, timestamp: int) -> None:
        now = self._clock()
        if abs(now - timestamp) > WINDOW_S:
            raise RefusedInput(f"the timestamp is {now - timestamp:.0f} s away from our clock", 403)
        if signature in self._seen:
            raise RefusedInput("the same signed request came before", 403)
        self._seen[signature] = timestamp + WINDOW_S
        while len(self._seen) > REPLAYS_LIMIT or next(iter(self._seen.values())) < now:
            del self._seen[next(iter(self._seen))]

    def _decrypted(self, encrypt: str, nonce: str) -> Opened:
        reasons = []
        for cipher in self._ciphers:
            try:
                return Opened(_unpacked(unpadded(cipher.decrypt(_from_base64(encrypt)))), nonce, cipher)
            except ValueError as broken:
                reasons.append(str(broken))
        raise RefusedInput(f"the content cannot be opened: {'; '.join(reasons)}", 403)


def aes_key(encoding_aes_key: str) -> bytes:
    """The 32 bytes of an EncodingAESKey. Raises `BadSettings`."""
    try:
        # The last character may carry unused bits, which a strict decoder would refuse.
        key = base64.b64decode(encoding_aes_key + "=")
    except ValueError:
        key = b""
    if len(key) != 32 or len(encoding_aes_key) != 43:
        raise BadSettings("encoding_aes_key must be the 43 letters and digits that the bot's page shows")
    return key


def unpadded(padded: bytes) -> bytes:
    """`padded` without its PKCS7 padding of block 32. Raises ValueError where that is not whole."""
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= _BLOCK or len(padded) % _BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise ValueError("the padding is broken")
    return padded[:-pad]


def _unpacked(packed: bytes) -> bytes:
    end = _HEAD + int.from_bytes(packed[_RANDOM_BYTES:_HEAD], "big")
    if len(packed) < _HEAD or end > len(packed):
        raise ValueError("the length points beyond the end")
    if packed[end:] != _RECEIVE_ID:
        raise ValueError("the receiveid is not ours")
    return packed[_HEAD:end]


def _from_base64(encrypt: str) -> bytes:
    raw = base64.b64decode(encrypt, validate=True)
    if not raw or len(raw) % _BLOCK:
        raise ValueError("the ciphertext is no whole number of blocks")
    return raw


def _signature(token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    joined = "".join(sorted((token, timestamp, nonce, encrypt)))
    return hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()  # the platform's choice


def _is_moment(timestamp: str) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
