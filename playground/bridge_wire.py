"""Signs what the gateway double posts and checks what it gets: HMAC-SHA256 over time, nonce and the raw body."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

WINDOW_S = 300.0


class BridgeWire:
    """One secret, known to both sides."""

    def __init__(self, secret: str, bridge_id: str, clock: Callable[[], float]) -> None:
        self._secret = secret.encode()
        self._bridge_id = bridge_id
        self._clock = clock
        self._seen: set[str] = set()

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers that sign `body` with a fresh nonce and the present time."""
        timestamp, nonce = str(int(self._clock())), secrets.token_hex(16)
        return {
            "Content-Type": "application/json",
            "X-Bridge-Id": self._bridge_id,
            "X-Bridge-Timestamp": timestamp,
            "X-Bridge-Nonce": nonce,
            "X-Bridge-Signature": self._signature(timestamp, nonce, body),
        }

    def problem(self, headers: Mapping[str, str], body: bytes) -> str:
        """Why these headers do not prove that the service sent `body` just now; empty when they do."""
        timestamp, nonce = headers.get("X-Bridge-Timestamp", ""), headers.get("X-Bridge-Nonce", "")
        if not timestamp.isdigit() or abs(self._clock() - int(timestamp)) > WINDOW_S:
            return "stale"
        if not hmac.compare_digest(self._signature(timestamp, nonce, body), headers.get("X-Bridge-Signature", "")):
            return "bad signature"
        if len(nonce) < 16 or nonce in self._seen:
            return "replay"
        self._seen.add(nonce)
        return ""

    def _signature(self, timestamp: str, nonce: str, body: bytes) -> str:
        return "v1=" + hmac.new(self._secret, f"{timestamp}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()


def packed(payload: Mapping[str, Any]) -> bytes:
    """The body as it travels."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def json_object(raw: bytes) -> dict[str, Any] | None:
    """The object that a body is, or None."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
