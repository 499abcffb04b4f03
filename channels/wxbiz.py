"""The WXBiz envelope that WeCom, 公众号 and 小程序 share: checks and opens what is posted, seals what is answered.

Protocol: https://developer.work.weixin.qq.com/document/path/91144, plain mode:
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wechatpy.crypto.base import WeChatCipher

from conversation.errors import BadSettings, RefusedInput

#: The platform publishes no window; five minutes is ours.
WINDOW_S = 300.0
#: How many signatures are remembered at most; beyond that the inbox's ledger is the only guard against replays.
REPLAYS_LIMIT = 50_000

_BLOCK = 32  # PKCS7 over 32 bytes, not AES's 16
_RANDOM_BYTES = 16
_HEAD = _RANDOM_BYTES + 4


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that proved to be the platform's. `plain` is what was inside; the rest is for answering it."""

    plain: bytes
    nonce: str
    cipher: WeChatCipher
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An answer under our signature; `timestamp` is Unix seconds. JSON or XML around it is the caller's."""

    encrypt: str
    signature: str
    timestamp: int
    nonce: str


class SeenSignatures:
    """What was signed lately and taken: nothing is taken twice, nor what was signed long ago."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def take(self, signature: str, timestamp: int) -> None:
        """Notes a right signature of a moment (Unix seconds). Raises `RefusedInput` 403 for a stale or known one."""
        now = self._clock()
        if abs(now - timestamp) > WINDOW_S:
            raise RefusedInput(f"the timestamp is {now - timestamp:.0f} s away from our clock", 403)
        if signature in self._until:
            raise RefusedInput("the same signed request came before", 403)
        self._until[signature] = timestamp + WINDOW_S
        while len(self._until) > REPLAYS_LIMIT or next(iter(self._until.values())) < now:
            del self._until[next(iter(self._until))]

    def forget(self, signature: str) -> None:
        """Takes a note back, so that the very same request may come again."""
        self._until.pop(signature, None)


class WxBizEnvelope:
    """One Token with the current EncodingAESKey and, after a change, the previous one.

    `receive_id` is the corpid or appid, and empty for an enterprise's own AI bot. Raises `BadSettings` for a key that
    is none.
    """

    def __init__(
        self,
        token: str,
        encoding_aes_key: str,
        receive_id: str,
        previous_key: str = "",
        *,
        clock: Callable[[], float],
    ) -> None:
        self._token = token
        self._receive_id = receive_id.encode()
        self._ciphers = [WeChatCipher(aes_key(key)) for key in (encoding_aes_key, previous_key) if key]
        self._clock = clock
        self._seen = SeenSignatures(clock)

    def open(self, query: Mapping[str, str], encrypt: str) -> Opened:
        """The bytes inside `encrypt`, which came with the callback's `query`.

        Raises `RefusedInput`: 400 for what is malformed, 403 for a wrong signature, a stale timestamp, a replay, a
        ciphertext that none of our keys opens, or one that was meant for another receiveid.
        """
        signature, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        if not (signature and nonce and encrypt.isascii() and _is_moment(timestamp)):
            raise RefusedInput("the callback lacks a signature, a nonce, a timestamp or its content")
        if not _same(_signature(self._token, timestamp, nonce, encrypt), signature):
            raise RefusedInput("the signature is not ours: check the Token on both sides", 403)
        self._seen.take(signature, int(timestamp))
        return self._decrypted(encrypt, nonce, signature)

    def forgive(self, opened: Opened) -> None:
        """Call when an opened request could not be kept: the platform may then send the very same bytes again."""
        self._seen.forget(opened.signature)

    def seal(self, plain: bytes, opened: Opened) -> Sealed:
        """The answer to the request `opened`, with its nonce and under the key it came with."""
        packed = b"".join((secrets.token_bytes(_RANDOM_BYTES), len(plain).to_bytes(4, "big"), plain, self._receive_id))
        pad = _BLOCK - len(packed) % _BLOCK
        encrypt = base64.b64encode(opened.cipher.encrypt(packed + bytes([pad]) * pad)).decode()
        now = int(self._clock())
        return Sealed(encrypt, _signature(self._token, str(now), opened.nonce, encrypt), now, opened.nonce)

    def _decrypted(self, encrypt: str, nonce: str, signature: str) -> Opened:
        reasons = []
        for cipher in self._ciphers:
            try:
                plain = self._unpacked(unpadded(cipher.decrypt(_from_base64(encrypt))))
                return Opened(plain, nonce, cipher, signature)
            except ValueError as broken:
                reasons.append(str(broken))
        raise RefusedInput(f"the content cannot be opened: {'; '.join(reasons)}", 403)

    def _unpacked(self, packed: bytes) -> bytes:
        end = _HEAD + int.from_bytes(packed[_RANDOM_BYTES:_HEAD], "big")
        if len(packed) < _HEAD or end > len(packed):
            raise ValueError("the length points beyond the end")
        if packed[end:] != self._receive_id:
            raise ValueError("the receiveid is not ours")
        return packed[_HEAD:end]


class PlainSignature:
    """The signature over token, timestamp and nonce alone, of 公众号 and 小程序 in plain mode.

    It does not cover the body: whoever can, uses the encrypted mode.
    """

    def __init__(self, token: str, *, clock: Callable[[], float]) -> None:
        self._token = token
        self._seen = SeenSignatures(clock)

    def check(self, query: Mapping[str, str]) -> None:
        """Returns for a request that is the platform's. Raises `RefusedInput`, 400 or 403, as `WxBizEnvelope.open`."""
        signature, timestamp, nonce = (query.get(name, "") for name in ("signature", "timestamp", "nonce"))
        if not (signature and nonce and _is_moment(timestamp)):
            raise RefusedInput("the callback lacks a signature, a nonce or a timestamp")
        if not _same(_signature(self._token, timestamp, nonce), signature):
            raise RefusedInput("the signature is not ours: check the Token on both sides", 403)
        self._seen.take(signature, int(timestamp))

    def forgive(self, query: Mapping[str, str]) -> None:
        """Call when a checked request could not be kept: the platform may then send the very same one again."""
        self._seen.forget(query.get("signature", ""))


def aes_key(encoding_aes_key: str) -> bytes:
    """The 32 bytes of an EncodingAESKey. Raises `BadSettings`."""
    try:
        # The last character may carry unused bits, which a strict decoder would refuse.
        key = base64.b64decode(encoding_aes_key + "=")
    except ValueError:
        key = b""
    if len(key) != 32 or len(encoding_aes_key) != 43:
        raise BadSettings("encoding_aes_key must be the 43 letters and digits that the platform's page shows")
    return key


def unpadded(padded: bytes) -> bytes:
    """`padded` without its PKCS7 padding of block 32. Raises ValueError where that is not whole."""
    pad = padded[-1] if padded else 0
    if not 1 <= pad <= _BLOCK or len(padded) % _BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise ValueError("the padding is broken")
    return padded[:-pad]


def _from_base64(encrypt: str) -> bytes:
    raw = base64.b64decode(encrypt, validate=True)
    if not raw or len(raw) % _BLOCK:
        raise ValueError("the ciphertext is no whole number of blocks")
    return raw


def _signature(*parts: str) -> str:
    joined = "".join(sorted(parts))
    return hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()  # the platform's choice


def _same(expected: str, signature: str) -> bool:
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def _is_moment(timestamp: str) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
