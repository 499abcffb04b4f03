"""The frames of the long connection: JSON in and out, and what a refusal means for the caller. Pure.

Protocol: https://developer.work.weixin.qq.com/document/path/101463.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from conversation.errors import GiveUp, HuiyingError, RetryLater
from conversation.identity import new_id

SUBSCRIBE, PING = "aibot_subscribe", "ping"
MESSAGE, EVENT = "aibot_msg_callback", "aibot_event_callback"
RESPOND, WELCOME, UPDATE = "aibot_respond_msg", "aibot_respond_welcome_msg", "aibot_respond_update_msg"
SEND = "aibot_send_msg"

#: Another connection of the same bot took over.
DISPLACED = "disconnected_event"

#: The stream is closed: it got its last text, or its six minutes are over.
STREAM_CLOSED = 846608
#: The bubble cannot be written in any more; 846605 is a req_id that is not, or no longer, one.
BUBBLE_GONE = frozenset({846605, STREAM_CLOSED})
#: The platform has forgotten that this connection subscribed.
NOT_SUBSCRIBED = 846609
_BUSY = frozenset({-1, 45009, 45033, 10001})
_RATE_LIMIT_PAUSE_S = 60.0

SINGLE, GROUP = 1, 2  # chat_type of aibot_send_msg

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `cmd` is empty in an answer to a frame of ours, which has `errcode` instead."""

    cmd: str
    req_id: str
    body: Json = field(default_factory=dict)
    errcode: int = 0
    errmsg: str = ""

    @property
    def displaces(self) -> bool:
        """Whether this says that another connection took over."""
        event = self.body.get("event")
        return self.cmd == EVENT and isinstance(event, dict) and event.get("eventtype") == DISPLACED


class FrameRefused(GiveUp):
    """The platform says no to a frame; `code` is its errcode."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def read_frame(raw: str | bytes) -> Frame | None:
    """What came over the connection, or None for what is no frame; nothing in it can raise."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    cmd, headers, body, code = (value.get(name) for name in ("cmd", "headers", "body", "errcode"))
    req_id = headers.get("req_id") if isinstance(headers, dict) else None
    if not isinstance(req_id, str) or not (isinstance(cmd, str) or isinstance(code, int)):
        return None
    return Frame(
        cmd=cmd if isinstance(cmd, str) else "",
        req_id=req_id,
        body=body if isinstance(body, dict) else {},
        errcode=code if isinstance(code, int) else 0,
        errmsg=str(value.get("errmsg", "")),
    )


def write_frame(cmd: str, req_id: str, body: Mapping[str, Any] | None = None) -> str:
    """A frame of ours as text."""
    frame: Json = {"cmd": cmd, "headers": {"req_id": req_id}}
    if body is not None:
        frame["body"] = dict(body)
    return orjson.dumps(frame).decode()


def new_req_id(cmd: str) -> str:
    """The id of a question of ours; the platform's SDKs begin theirs with the command too."""
    return new_id(cmd)


def push(chat_id: str, *, group: bool, content: str, card: str = "") -> Json:
    """The body of an active send: the card where there is one (JSON text), else Markdown."""
    chat: Json = {"chatid": chat_id, "chat_type": GROUP if group else SINGLE}
    if card:
        return {**chat, "msgtype": "template_card", "template_card": orjson.loads(card)}
    return {**chat, "msgtype": "markdown", "markdown": {"content": content}}


def refusal(cmd: str, answer: Frame) -> HuiyingError | None:
    """The error for an answer to a frame of ours; None when the platform did what was asked."""
    code = answer.errcode
    said = f"WeCom answers {cmd} with errcode {code}: {answer.errmsg[:200]}"
    if code == 0:
        return None
    if code == NOT_SUBSCRIBED:
        return RetryLater(said, 2.0)
    if code in _BUSY:
        return RetryLater(said, _RATE_LIMIT_PAUSE_S if code == 45009 else None)
    return FrameRefused(code, said)
