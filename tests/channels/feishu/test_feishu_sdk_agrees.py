"""The vendor's SDK as a second reader: where it is right, it and our envelope say the same of every vector."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from channels.feishu.envelope import Challenge, Envelope, Event
from channels.feishu.inbound import PressedCard, translate
from channels.feishu.translation import Terms
from conversation.errors import RefusedInput
from conversation.messages import IncomingMessage
from tests.channels.feishu.stage import BOT, DESK_VECTORS, SETTINGS, SIGNED_AT, VECTORS

#: In a process of its own: the SDK brings 11,000 modules, which the rest of the suite must not carry.
READER = """
import json, sys
import lark_oapi as lark
from lark_oapi.core.json import JSON
from lark_oapi.core.model import RawRequest
from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse

seen = []
def keep(event):
    seen.append(json.loads(JSON.marshal(event)))
def press(event):
    keep(event)
    return P2CardActionTriggerResponse({})

read = []
for vectors in json.load(sys.stdin):
    secrets = (vectors["encrypt_key"], vectors["verification_token"])
    handler = (
        lark.EventDispatcherHandler.builder(*secrets, lark.LogLevel.CRITICAL)
        .register_p2_im_message_receive_v1(keep)
        .register_p2_card_action_trigger(press)
        .register_p2_helpdesk_ticket_created_v1(keep)
        .register_p2_helpdesk_ticket_updated_v1(keep)
        .register_p2_helpdesk_ticket_message_created_v1(keep)
        .build()
    )
    for case in vectors["cases"]:
        seen.clear()
        request = RawRequest()
        request.uri, request.headers, request.body = "/hook", case["headers"], case["body"].encode()
        answer = handler.do(request)
        read.append({"status": answer.status_code, "body": answer.content.decode(), "events": list(seen)})
json.dump(read, sys.stdout)
"""


def sdk_reading() -> list[dict[str, Any]]:
    told = json.dumps([VECTORS, DESK_VECTORS])
    done = subprocess.run(
        [sys.executable, "-c", READER],
        input=told,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def our_reading(case: dict[str, Any]) -> Challenge | Event | RefusedInput:
    try:
        return Envelope(SETTINGS).open(case["headers"], case["body"].encode(), SIGNED_AT)
    except RefusedInput as refused:
        return refused


def without_nothing(value: Any) -> Any:
    """The SDK fills every field it knows with null."""
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if one is not None}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def test_our_reading_of_every_vector_is_the_sdks_where_the_sdk_is_right() -> None:
    cases = [*VECTORS["cases"], *DESK_VECTORS["cases"]]
    for case, sdk in zip(cases, sdk_reading(), strict=True):
        ours = our_reading(case)
        assert sdk["status"] == case["sdk_result"]["status"], case["name"]
        if case["kind"] == "negative":
            assert (sdk["status"], isinstance(ours, RefusedInput)) == (500, True), case["name"]
        elif case["kind"] == "trap":
            assert (sdk["status"], isinstance(ours, Event)) == (500, True), case["name"]
        elif case["kind"] == "url_verify":
            assert ours == Challenge(json.loads(sdk["body"])["challenge"])
        else:
            assert isinstance(ours, Event)
            agree(ours, sdk["events"][0])


def agree(ours: Event, sdk: dict[str, Any]) -> None:
    header, event = sdk["header"], without_nothing(sdk["event"])
    assert (ours.type, ours.event_id) == (header["event_type"], header["event_id"])
    translated = translate(ours, Terms("main", BOT, "", SIGNED_AT))
    if isinstance(translated, IncomingMessage):
        message = event["message"]
        assert translated.message_id == message["message_id"]
        assert translated.room.chat_id == message["chat_id"]
        assert translated.thread_id == message.get("root_id", "")
        assert translated.sender.person_id == event["sender"]["sender_id"]["open_id"]
        assert translated.sent_at == int(message["create_time"]) / 1000
    elif isinstance(translated, PressedCard):
        assert translated.update_token == event["token"]
        assert translated.press.operator.person_id == event["operator"]["open_id"]
        assert event["action"]["value"].items() <= translated.press.value.items()
    else:
        ticket = event.get("object") or event.get("ticket") or event
        assert ours.body.get("object", ours.body.get("ticket", ours.body))["ticket_id"] == ticket["ticket_id"]
