"""One callback of a 公众号 or 小程序: proven to be the platform's, opened, read (XML or JSON), and answered alike.

Protocol: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Message_encryption_and_decryption_instructions.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import PlainTextResponse, Response

from channels.wechat_xml import read_xml, write_xml
from channels.wxbiz import WINDOW_S, Opened, PlainSignature, WxBizEnvelope
from conversation.errors import RefusedInput

#: The platform sends a message again 5 and 10 seconds after the first time, perhaps with the very same signature.
REDELIVERY_S = 30.0
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Callback:
    """What a callback says. `opened` is None in plain mode; the rest is for answering in kind."""

    fields: Mapping[str, Any]
    as_json: bool
    opened: Opened | None = None


class MpCallbacks:
    """The callback URL of one account. With an EncodingAESKey only encrypted callbacks are taken (安全模式, 兼容模式).

    `app_id` is what the ciphertext must be meant for. Raises `BadSettings` for a key that is none.
    """

    def __init__(
        self, token: str, encoding_aes_key: str, app_id: str, previous_key: str = "", *, clock: Callable[[], float]
    ) -> None:
        self._plain = PlainSignature(token, clock=clock)
        self._sealed = (
            WxBizEnvelope(token, encoding_aes_key, app_id, previous_key, clock=clock) if encoding_aes_key else None
        )
        self._repeats = _Repeats(clock)

    def echo(self, query: Mapping[str, str]) -> Response:
        """The answer to the URL check of the platform's console. Raises `RefusedInput`."""
        self._plain.check(query)
        return PlainTextResponse(query.get("echostr", ""))

    def read(self, query: Mapping[str, str], body: bytes) -> Callback:
        """What was posted. Raises `RefusedInput`: 403 for a forgery, 400 for what cannot be read."""
        if self._sealed is None:
            self._plain.check(query)
            self._plain.forgive(query)
            self._repeats.take(query.get("signature", ""), body)
            fields = _fields(body)
            if "Encrypt" in fields and "MsgType" not in fields:
                raise RefusedInput("the callback is encrypted, but the settings have no encoding_aes_key")
            return Callback(fields, _is_json(body))
        encrypt = _fields(body).get("Encrypt")
        if not isinstance(encrypt, str):
            # In 兼容模式 the plain fields stand beside the sealed ones: anybody could write those.
            raise RefusedInput(
                "the callback is not encrypted: choose 安全模式 or 兼容模式 in the platform's console", 403
            )
        opened = self._sealed.open(query, encrypt)
        self._sealed.forgive(opened)
        self._repeats.take(opened.signature, encrypt.encode())
        return Callback(_fields(opened.plain), _is_json(body), opened)

    def reply(self, fields: Mapping[str, Any], callback: Callback) -> Response:
        """The passive reply `fields`, in the form and under the key that the callback came with."""
        plain = orjson.dumps(dict(fields)) if callback.as_json else write_xml(fields)
        if callback.opened is not None and self._sealed is not None:
            sealed = self._sealed.seal(plain, callback.opened)
            envelope = {
                "Encrypt": sealed.encrypt,
                "MsgSignature": sealed.signature,
                "TimeStamp": sealed.timestamp,
                "Nonce": sealed.nonce,
            }
            plain = orjson.dumps(envelope) if callback.as_json else write_xml(envelope)
        return Response(plain, media_type="application/json" if callback.as_json else "application/xml")


class _Repeats:
    """The same signature may come again with the same body while the platform redelivers, and with no other ever.

    It refuses what `SeenSignatures` refuses, but for a message whose acknowledgement got lost: the ledger knows that.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, bytes]] = {}

    def take(self, signature: str, body: bytes) -> None:
        """Raises `RefusedInput` 403 for a replay."""
        now, digest = self._clock(), hashlib.blake2b(body, digest_size=16).digest()
        first, known = self._seen.setdefault(signature, (now, digest))
        if known != digest or now - first > REDELIVERY_S:
            raise RefusedInput("the same signed request came before", 403)
        # A signature dies with its timestamp, which may be as far in the future as it may be in the past.
        while len(self._seen) > _REMEMBERED or next(iter(self._seen.values()))[0] < now - 2 * WINDOW_S:
            del self._seen[next(iter(self._seen))]


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """The field as text, whether it came as text or as a number (JSON); empty for anything else."""
    value = fields.get(name)
    if isinstance(value, str):
        return value.strip() if name != "Content" else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def _fields(body: bytes) -> dict[str, Any]:
    if not _is_json(body):
        return read_xml(body)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as broken:
        raise RefusedInput(f"the body is no JSON: {broken.msg}") from None
    return found if isinstance(found, dict) else {}
