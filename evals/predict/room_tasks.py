"""Tasks over group chats: topics, mention."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from agents.duplicate import LocalDuplicate
from agents.gate import Heard, LocalGate
from agents.local_classifier import LocalTriage
from agents.topic_board import Place, RoomLine, Senses, TopicBoard
from evals.predict.offline_knowledge import knowledge_at, texts_of
from evals.predict.options import Judge, PredictOptions
from evals.predict.row_files import BadRows, Row, text_of
from tools.mention import Mention, from_feishu, from_text


def mention(_: PredictOptions, __: ExitStack) -> Judge:
    """Whether the bot is spoken to, and the cleaned text."""

    def judge(row: Row) -> dict[str, Any]:
        read = _mention(row)
        return {"mentioned": read.mentioned, "text": read.text}

    return judge


def _mention(row: Row) -> Mention:
    bot = row.get("bot")
    if not isinstance(bot, dict):
        raise BadRows("`bot` must be an object with `name` (and `open_id` for feishu)")
    if row.get("platform") == "feishu":
        return from_feishu(text_of(row), row.get("mentions"), str(bot.get("open_id") or ""))
    return from_text(text_of(row), str(bot.get("name") or ""), tuple(row.get("room_members") or ()))


def topics(options: PredictOptions, _: ExitStack) -> Judge:
    """Sorts a transcript into topics, each line judged from the lines up to it."""
    triage = LocalTriage.shipped()
    duplicate = LocalDuplicate.shipped()
    base = knowledge_at(options.kb, options.resolved()) if options.kb else None
    gate = LocalGate.shipped().knowing(texts_of(base)) if base else LocalGate.shipped()

    def answerable(text: str) -> float:
        return gate.chance(Heard(text, base.find(text, k=1))) if base else gate.sounds(text)

    senses = Senses(triage.scores, duplicate.asked, duplicate.chance_of, gate.sounds, answerable)
    return lambda row: {"lines": [_placed(place) for place in _board(row, senses)]}


def _board(row: Row, senses: Senses) -> list[Place]:
    room, lines = row.get("room"), row.get("lines")
    if not isinstance(room, dict) or not isinstance(lines, list):
        raise BadRows("a transcript needs `room` (an object) and `lines` (a list)")
    members = [str(one.get("name")) for one in row.get("members") or () if isinstance(one, dict)]
    board = TopicBoard(senses, str(room.get("bot_name") or ""), members, str(room.get("mode") or "auto"))
    return [board.place(_line(line)) for line in lines]


def _line(line: Any) -> RoomLine:
    if not isinstance(line, dict) or "n" not in line:
        raise BadRows("every line must be an object with `n`")
    reply_to = line.get("reply_to")
    return RoomLine(
        n=line["n"],
        speaker=str(line.get("speaker") or ""),
        role=str(line.get("role") or "customer"),
        text=text_of(line),
        mentions=tuple(str(name) for name in line.get("mentions") or ()),
        reply_to=reply_to if isinstance(reply_to, int) else None,
        at=float(line.get("t") or 0.0),
    )


def _placed(place: Place) -> dict[str, Any]:
    return {
        "n": place.n,
        "topic": place.topic,
        "reply_to": place.reply_to,
        "addressed_to_bot": place.addressed_to_bot,
        "speak": place.speak,
        "duplicate_of": place.duplicate_of,
    }
