"""Webhook calls made beforehand, signed and encrypted as the platforms do it, each with a message id of its own."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from evals.bench.load import http_post
from evals.rig import platforms as rig
from playground import wecom_inbound
from playground.feishu_envelope import seal
from playground.llm_brain import MESSAGES
from playground.wecom_envelope import WecomEnvelope

FEISHU_PATH = f"/channels/feishu/{rig.ACCOUNT}"
WECOM_PATH = f"/channels/wecom_bot/{rig.ACCOUNT}"
#: So many people speak in turn: a busy hour of a shop, not one person.
PEOPLE = 200


def feishu_people() -> list[str]:
    """The open ids of everybody who speaks."""
    return [f"ou_bench_{number:03}" for number in range(PEOPLE)]


def feishu_posts(number: int) -> list[bytes]:
    """So many messages from Feishu, as raw HTTP requests."""
    return [_feishu_post(who, text) for who, text in itertools.islice(_spoken(feishu_people()), number)]


def wecom_posts(number: int, own_url: str) -> list[bytes]:
    """So many messages from WeCom, as raw HTTP requests."""
    envelope = WecomEnvelope(rig.TOKEN, rig.AES_KEY)
    people = [f"bench_{number:03}" for number in range(PEOPLE)]
    return [_wecom_post(envelope, who, text, own_url) for who, text in itertools.islice(_spoken(people), number)]


def _spoken(people: list[str]) -> Iterator[tuple[str, str]]:
    texts = itertools.cycle(text for _, text in MESSAGES)
    return zip(itertools.cycle(people), texts, strict=False)


def _feishu_post(open_id: str, text: str) -> bytes:
    now_ms = str(int(time.time() * 1000))
    message_id = f"om_{secrets.token_hex(16)}"
    header = {
        "event_id": secrets.token_hex(16),
        "event_type": "im.message.receive_v1",
        "create_time": now_ms,
        "token": rig.VERIFICATION,
        "app_id": rig.APP_ID,
        "tenant_key": "736588c9260f175d",
    }
    sender = {"sender_id": {"open_id": open_id, "union_id": "on_bench"}, "sender_type": "user", "tenant_key": "t"}
    message = {
        "message_id": message_id,
        "create_time": now_ms,
        "update_time": now_ms,
        "chat_id": f"oc_{open_id}",
        "chat_type": "p2p",
        "message_type": "text",
        "content": json.dumps({"text": text}, ensure_ascii=False),
    }
    payload = {"schema": "2.0", "header": header, "event": {"sender": sender, "message": message}}
    body, headers = seal(rig.ENCRYPT_KEY, payload, time.time())
    return http_post(FEISHU_PATH, body, headers)


def _wecom_post(envelope: WecomEnvelope, user_id: str, text: str, own_url: str) -> bytes:
    fields = wecom_inbound.envelope_fields(wecom_inbound.new_msgid(), rig.BOT_ID, None, user_id)
    fields |= wecom_inbound.message_content("text", text, {})
    fields["response_url"] = f"{own_url}/wecom/cgi-bin/aibot/response?response_code={secrets.token_urlsafe(24)}"
    timestamp, nonce = str(int(time.time())), secrets.token_hex(8)
    encrypt, signature = envelope.seal(json.dumps(fields, ensure_ascii=False), timestamp, nonce)
    query = urlencode({"msg_signature": signature, "timestamp": timestamp, "nonce": nonce})
    body = json.dumps({"encrypt": encrypt}).encode()
    return http_post(f"{WECOM_PATH}?{query}", body, {"content-type": "application/json"})
