"""One question thought through the real graph, outside of any platform; used by `huiying ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from conversation.codec import from_json
from conversation.errors import BadSettings
from conversation.findings import Citation, Emotion
from conversation.identity import Person, Room, RoomKind, new_id
from conversation.messages import IncomingMessage
from conversation.outcomes import Answered, TurnResult, reply_of
from conversation.turn import Conversation, Line, Turn
from desk.tickets import known_tickets
from store.conversation_rows import last_lines
from store.schema import conversations

if TYPE_CHECKING:
    from wiring import Service

NUMBER_PLACE = "（工单号）"


async def ask_once(service: Service, question: str, *, room: str | None, customer: str | None) -> dict[str, Any]:
    """Everything that a turn over `question` concludes. `room` and `customer` bring in their stored conversation."""
    now = service.clock()
    where, who = _room(room), Person(customer or "ask")
    message = IncomingMessage(where, who, new_id("ask"), question, now, mentions_bot=True)
    conversation, history = await service.database.read(lambda connection: _known(connection, message))
    turn = Turn(new_id("tn"), conversation, (message,), history, now, desk=service.desk_hours(now))
    return as_answer(await service.thinker.think(turn))


def as_answer(result: TurnResult) -> dict[str, Any]:
    """A turn's result in the form that scripts read."""
    outcome, findings = result.outcome, result.findings
    citations: tuple[Citation, ...] = outcome.citations if isinstance(outcome, Answered) else ()
    return {
        "outcome": type(outcome).__name__,
        # Nothing is kept, so no ticket has a number.
        "reply": reply_of(outcome).replace("{number}", NUMBER_PLACE),
        "citations": [{"entry": one.entry_id, "version": one.version, "quote": one.quote} for one in citations],
        "triage": {
            "intent": findings.triage.intent,
            "category": findings.triage.category,
            "confidence": round(findings.triage.confidence, 4),
        },
        "emotion": {"label": findings.emotion.label, "score": round(findings.emotion.score, 4)},
        "reason": outcome.reason,
        "llm_calls": result.usage.calls,
    }


def _room(room: str | None) -> Room:
    if room is None:
        return Room("ask", "command_line", "ask", RoomKind.DIRECT)
    parts = room.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise BadSettings(f"--room {room} is no room id: write it as platform:account:chat, e.g. feishu:main:oc_1")
    return Room(parts[0], parts[1], parts[2], RoomKind.GROUP)


def _known(connection: Connection, message: IncomingMessage) -> tuple[Conversation, tuple[Line, ...]]:
    """The stored conversation of this person in this room, or a new one."""
    keys = (message.lane, message.room.room_id)
    row = connection.execute(
        select(conversations)
        .where(conversations.c.key.in_(keys), conversations.c.status != "resolved")
        .order_by(conversations.c.opened_at.desc())
        .limit(1)
    ).first()
    if row is None:
        return Conversation(new_id("cv"), message.room, new_id("cu"), message.sender), ()
    conversation = Conversation(
        conversation_id=row.id,
        room=message.room,
        customer_id=row.customer_id,
        customer=message.sender,
        owner=row.owner,
        epoch=row.owner_epoch,
        waiting_for_staff=row.status == "waiting",
        summary=row.summary,
        unknown_count=row.unknown_count,
        moods=from_json(tuple[Emotion, ...], row.moods),
        tickets=known_tickets(connection, row.customer_id),
    )
    return conversation, last_lines(connection, [row.id])[row.id]
