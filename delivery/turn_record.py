"""What a finished turn writes, as rows and as the message that leaves. Pure; used by `delivery.turn_commit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from conversation.codec import to_json
from conversation.findings import Citation, Emotion, Findings
from conversation.identity import RoomKind, Speaker
from conversation.messages import Attachment, IncomingMessage, OutgoingMessage
from conversation.outcomes import Acted, Answered, Clarified, HandedOff, Outcome, TicketOpened, TurnResult
from conversation.turn import SendRight, Turn
from store.outbox_rows import outbox_row

MOODS_KEPT = 8
#: Kinds of outbox rows that turns write: words, or the end of waiting without any.
REPLY, SILENCE = "reply", "silence"
#: What the bot's line is called in a room where it may not speak by itself.
UNSENT = {SendRight.OBSERVE: "observed", SendRight.DRAFT: "draft", SendRight.TAP: "draft"}


def reply_key(turn_id: str) -> str:
    """The idempotency key of a turn's reply; 29 characters, short enough for every platform's own key."""
    return f"{turn_id}:0"


def is_gap(outcome: Outcome) -> bool:
    """True when the knowledge base could not answer."""
    if isinstance(outcome, Clarified):
        return outcome.unknown
    return isinstance(outcome, HandedOff) and outcome.reason.startswith("unknown")


def state_after(turn: Turn, result: TurnResult, now: float) -> dict[str, Any]:
    """The conversation's columns after the turn."""
    conversation, outcome = turn.conversation, result.outcome
    moods = (*conversation.moods, result.findings.emotion)[-MOODS_KEPT:]
    unknown = conversation.unknown_count
    if isinstance(outcome, Answered | Acted | TicketOpened | Clarified):
        unknown = unknown + 1 if is_gap(outcome) else 0
    return {
        "room": to_json(conversation.room),
        "person": to_json(conversation.customer),
        "moods": to_json(moods, tuple[Emotion, ...]),
        "unknown_count": unknown,
        "last_handles": orjson.dumps(_handles(turn)).decode(),
        "last_message_at": now,
    }


def _handles(turn: Turn) -> list[Mapping[str, str]]:
    return [message.reply_handle for message in turn.burst if message.reply_handle]


def turn_row(turn: Turn, result: TurnResult, reply: str, duration_s: float, now: float) -> dict[str, Any]:
    """The row of the turn itself."""
    outcome = result.outcome
    citations = outcome.citations if isinstance(outcome, Answered) else ()
    return {
        "id": turn.turn_id,
        "conversation_id": turn.conversation.conversation_id,
        "outcome": type(outcome).__name__,
        "reason": outcome.reason,
        "route": result.route,
        "reply": reply.replace("\x00", ""),
        "findings": to_json(result.findings, Findings),
        "citations": to_json(citations, tuple[Citation, ...]),
        "prompt_versions": orjson.dumps(result.prompt_versions).decode(),
        "llm_calls": result.usage.calls,
        "prompt_tokens": result.usage.prompt_tokens,
        "completion_tokens": result.usage.completion_tokens,
        "duration_ms": round(duration_s * 1000),
        "at": now,
    }


def lines_of(turn: Turn, reply: str, now: float) -> list[dict[str, Any]]:
    """The customer's lines in the order they were written, then the bot's, if it said something."""
    lines = [_customer_line(turn, message) for message in turn.burst]
    return [*lines, _bot_line(turn, reply, now)] if reply else lines


def _customer_line(turn: Turn, message: IncomingMessage) -> dict[str, Any]:
    return {
        "conversation_id": turn.conversation.conversation_id,
        "spoken_by": message.sender.speaker.value,
        "sender_id": message.sender.person_id,
        "sender_name": message.sender.name,
        "kind": message.kind.value,
        "text": message.text,
        "attachments": to_json(message.attachments, tuple[Attachment, ...]),
        "platform_message_id": message.message_id,
        "turn_id": turn.turn_id,
        "idempotency_key": "",
        "status": "received",
        "at": message.sent_at,
    }


def _bot_line(turn: Turn, reply: str, now: float) -> dict[str, Any]:
    return {
        "conversation_id": turn.conversation.conversation_id,
        "spoken_by": Speaker.BOT.value,
        "sender_id": "",
        "sender_name": "",
        "kind": "text",
        "text": reply,
        "attachments": "[]",
        "platform_message_id": "",
        "turn_id": turn.turn_id,
        "idempotency_key": reply_key(turn.turn_id),
        "status": UNSENT.get(turn.send_right, "queued"),
        "at": now,
    }


def gap_row(turn: Turn, result: TurnResult, now: float) -> dict[str, Any]:
    """The question that could not be answered."""
    return {
        "turn_id": turn.turn_id,
        "conversation_id": turn.conversation.conversation_id,
        "question": turn.text.replace("\x00", ""),
        "answerable": result.findings.retrieval.answerable,
        "asked_at": now,
    }


def is_awaited(turn: Turn) -> bool:
    """True when the platform shows the customer that an answer is being written."""
    return any(message.awaits for message in turn.burst)


def reply_row(turn: Turn, reply: str, now: float) -> dict[str, Any]:
    """The reply as an outbox row: to the room, at the customer in a group, in the thread they wrote in.

    Without words it only ends the waiting of an awaited turn.
    """
    room, last = turn.conversation.room, turn.burst[-1]
    message = OutgoingMessage(
        room=room,
        text=reply,
        at=turn.conversation.customer if room.kind is RoomKind.GROUP else None,
        reply_to=last.message_id,
        in_thread=bool(last.thread_id),
        handles=tuple(_handles(turn)),
    )
    return outbox_row(
        message,
        key=reply_key(turn.turn_id),
        now=now,
        conversation_id=turn.conversation.conversation_id,
        owner_epoch=turn.conversation.epoch,
        kind=REPLY if reply else SILENCE,
    )
