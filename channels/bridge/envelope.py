"""The signature that both sides put on every request: HMAC-SHA256 over time, nonce and the raw body.

Protocol: docs/channels/bridge.md.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping

from conversation.errors import RefusedInput

WINDOW_S = 300.0
#: A nonce is remembered for twice the window: a clock may be ahead of ours by one.
NONCE_KEEP_S = 600.0
#: How many nonces are remembered at most; beyond that the ledger of events is the only guard against replays.
NONCES_LIMIT = 50_000

TIMESTAMP, NONCE, SIGNATURE, BRIDGE_ID = "X-Bridge-Timestamp", "X-Bridge-Nonce", "X-Bridge-Signature", "X-Bridge-Id"
_VERSION = "v1="
_NONCE_LIMIT = 128
_UNPROVEN = 401


def signature(secret: str, timestamp: str, nonce: str, body: bytes) -> str:
    """What `X-Bridge-Signature` must say."""
    signed = f"{timestamp}.{nonce}.".encode("utf-8", "replace") + body
    return _VERSION + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class BridgeEnvelope:
    """One gateway's secret and, after a change, the previous one, which is good for checking only."""

    def __init__(
        self, secret: str, previous_secret: str = "", *, bridge_id: str = "", clock: Callable[[], float]
    ) -> None:
        self._secret = secret
        self._secrets = [one for one in (secret, previous_secret) if one]
        self._bridge_id = bridge_id
        self._clock = clock
        self._seen: dict[str, float] = {}

    def check(self, headers: Mapping[str, str], body: bytes) -> str:
        """Proves that the gateway sent this just now, once; gives the nonce. Header names must match in any case.

        Raises `RefusedInput` 401 for a missing, wrong or stale signature, a nonce that was used, a foreign gateway.
        """
        timestamp, nonce, signed = (headers.get(name, "") for name in (TIMESTAMP, NONCE, SIGNATURE))
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise RefusedInput("the request has no usable timestamp", _UNPROVEN)
        if not 0 < len(nonce) <= _NONCE_LIMIT:
            raise RefusedInput("the request has no usable nonce", _UNPROVEN)
        if headers.get(BRIDGE_ID, self._bridge_id) != self._bridge_id:
            raise RefusedInput("the request names another gateway in X-Bridge-Id", _UNPROVEN)
        now = self._clock()
        if abs(now - int(timestamp)) > WINDOW_S:
            raise RefusedInput(f"the timestamp is {now - int(timestamp):.0f} s away from our clock", _UNPROVEN)
        given = signed.encode("utf-8", "replace")
        # Every secret is compared, so that the time taken tells nothing.
        proven = [hmac.compare_digest(signature(one, timestamp, nonce, body).encode(), given) for one in self._secrets]
        if not any(proven):
            raise RefusedInput("the signature is wrong: check the secret on both sides", _UNPROVEN)
        self._use_up(nonce, now)
        return nonce

    def give_back(self, nonce: str) -> None:
        """Lets the same request come again: it could not be kept."""
        self._seen.pop(nonce, None)

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that sign `body` as ours, now."""
        timestamp, nonce = str(int(self._clock())), secrets.token_hex(16)
        return {
            "Content-Type": "application/json",
            BRIDGE_ID: self._bridge_id,
            TIMESTAMP: timestamp,
            NONCE: nonce,
            SIGNATURE: signature(self._secret, timestamp, nonce, body),
        }

    def _use_up(self, nonce: str, now: float) -> None:
        if self._seen.get(nonce, 0.0) > now:
            raise RefusedInput("the nonce was used before", _UNPROVEN)
        self._seen.pop(nonce, None)
        self._seen[nonce] = now + NONCE_KEEP_S
        while len(self._seen) > NONCES_LIMIT or next(iter(self._seen.values())) < now:
            del self._seen[next(iter(self._seen))]
