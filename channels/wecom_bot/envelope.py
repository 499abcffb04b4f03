"""The bot's callbacks in their JSON envelope; the cryptography is `channels.wxbiz`'s.

Protocol: https://developer.work.weixin.qq.com/document/path/101033 (same scheme as /91144, receiveid is empty).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from channels.wxbiz import Opened, WxBizEnvelope, aes_key, unpadded

__all__ = ["Envelope", "Opened", "aes_key", "unpadded"]

_RECEIVE_ID = ""  # of an enterprise's own AI bot


class Envelope:
    """One bot's Token and keys. Raises `BadSettings` for a key that is none."""

    def __init__(
        self, token: str, encoding_aes_key: str, previous_key: str = "", *, clock: Callable[[], float]
    ) -> None:
        self._envelope = WxBizEnvelope(token, encoding_aes_key, _RECEIVE_ID, previous_key, clock=clock)

    def open(self, query: Mapping[str, str], encrypt: str) -> Opened:
        """See `WxBizEnvelope.open`."""
        return self._envelope.open(query, encrypt)

    def forgive(self, opened: Opened) -> None:
        """See `WxBizEnvelope.forgive`."""
        self._envelope.forgive(opened)

    def seal(self, plain: bytes, opened: Opened) -> bytes:
        """The JSON body that answers the request `opened`."""
        sealed = self._envelope.seal(plain, opened)
        return orjson.dumps(
            {
                "encrypt": sealed.encrypt,
                "msgsignature": sealed.signature,
                "timestamp": sealed.timestamp,
                "nonce": sealed.nonce,
            }
        )
