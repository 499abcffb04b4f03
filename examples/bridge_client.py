"""The smallest gateway: lines typed here are a customer's messages, commands of the service are printed as replies.

BRIDGE_URL=http://127.0.0.1:8000/channels/bridge/main BRIDGE_SECRET=… python examples/bridge_client.py
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
import time
from datetime import UTC, datetime

import httpx

URL, SECRET = os.environ["BRIDGE_URL"], os.environ["BRIDGE_SECRET"].encode()
ROOM, SENDER = {"id": "room-1", "type": "direct"}, {"id": "contact-1", "display_name": "王先生"}
DONE: dict[str, dict] = {}  # command_id → what became of it; a real gateway keeps this on disk


def call(method: str, payload: dict | None = None) -> dict:
    """At least once: the same body goes again, newly signed, until the service says that it has it."""
    body = json.dumps(payload, ensure_ascii=False).encode() if payload else b""
    while True:
        at, nonce = str(int(time.time())), secrets.token_hex(16)
        proof = hmac.new(SECRET, f"{at}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Bridge-Timestamp": at, "X-Bridge-Nonce": nonce, "X-Bridge-Signature": f"v1={proof}"}
        try:
            answer = httpx.request(method, URL, content=body, headers=headers, timeout=30)
            if answer.status_code < 500 and answer.status_code != 429:
                return answer.raise_for_status().json()
        except httpx.TransportError as error:
            sys.stderr.write(f"{error}\n")
        time.sleep(2)


def listen() -> None:
    """Fetches commands, does each once, and says what became of it, however often it comes."""
    while True:
        for command in call("GET")["commands"]:
            key, message = command["command_id"], command["message"]
            if key not in DONE:
                print(message.get("text") or message["url"], flush=True)  # noqa: T201 - this is what it is for
                DONE[key] = {"status": "delivered", "gateway_message_id": secrets.token_hex(8)}
            call("POST", {"schema": "bridge.receipt.v1", "command_id": key, **DONE[key]})


if __name__ == "__main__":
    threading.Thread(target=listen, daemon=True).start()
    for line in sys.stdin:
        event = {"schema": "bridge.message.v1", "event_id": secrets.token_hex(12), "event_type": "message.created"}
        words = {"id": secrets.token_hex(12), "type": "text", "text": line.strip()}
        event |= {"occurred_at": datetime.now(UTC).isoformat(), "conversation": ROOM, "sender": SENDER}
        call("POST", {**event, "message": words})
    threading.Event().wait()
