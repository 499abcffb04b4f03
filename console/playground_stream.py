"""The playground's live stream: what changes on the stage, who is being thought about, and when a turn is finished."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from console.playground_lines import Counts, counted, pane_of, shown_line
from console.relayed import staff_sayings
from console.screens import Screens
from conversation.errors import RetryLater
from playground import stage as scene
from playground.ledger import Message
from playground.stage import Stage
from store.schema import conversations, inbox, rooms, turns

#: Seconds between looks at the database while somebody waits for an answer, and while nobody does.
BUSY_S = 0.5
IDLE_S = 10.0
SHOWN = ("added", "updated", "recalled", "reacted")


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whom the bot is thinking about (chat ids of 1:1 chats), and the newest finished turn."""

    thinking: tuple[str, ...] = ()
    newest_turn: str = ""


class PlaygroundStream:
    """Server-sent events for any number of pages. `run` names this start: a page of an earlier one has to reload."""

    def __init__(self, screens: Screens, stage: Stage) -> None:
        self.run = secrets.token_hex(4)
        self._screens = screens
        self._stage = stage

    def mark(self) -> str:
        """Where a page that is rendered now stands."""
        return f"{self.run}-{self._stage.ledger.last_seq}"

    async def follow(self, mark: str) -> AsyncIterator[str]:
        """Everything after `mark`, until the process leaves. An unknown mark gives one event, `restart`."""
        run, _, seq = mark.partition("-")
        if run != self.run or not seq.isdigit():
            yield "event: restart\ndata: -\n\n"
            return
        yield "retry: 1000\n\n"
        told, beat, seen = counted(self._stage), Pulse(), int(seq)
        changes = self._stage.ledger.changes(seen)
        following = asyncio.ensure_future(anext(changes))
        leaving = asyncio.ensure_future(self._screens.leaving.wait())
        try:
            while not leaving.done():
                busy = bool(beat.thinking) or seen < self._stage.ledger.last_seq
                done, _ = await asyncio.wait(
                    {following, leaving}, timeout=BUSY_S if busy else IDLE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if following in done:
                    change = following.result()
                    following = asyncio.ensure_future(anext(changes))
                    seen = change["seq"]
                    event, told = await self._event(change, told)
                    yield event
                events, beat = await self._beat(beat)
                yield events
        finally:
            following.cancel()
            leaving.cancel()
            await asyncio.gather(following, leaving, return_exceptions=True)

    async def _event(self, change: dict[str, Any], told: Counts) -> tuple[str, Counts]:
        """One change of the stage as an event; a comment when the page shows nothing of it."""
        ledger = self._stage.ledger
        if change["change"] in SHOWN:
            added = change["change"] == "added"
            return await self._lines([ledger.message(change["message_id"])], change["seq"], added=added), told
        if change["change"] not in ("call", "delivery"):
            return ":\n\n", told
        now = counted(self._stage)
        repeated = [one for one in ledger.messages if max(now.of(one)) > max(1, *told.of(one))]
        return (await self._lines(repeated, change["seq"], added=False) if repeated else ":\n\n"), now

    async def _lines(self, messages: list[Message], seq: int, *, added: bool) -> str:
        sayings, counts = await self.sayings(), counted(self._stage)
        template = self._screens.templates.get_template("_change.html")
        shown = [shown_line(self._stage, message, counts, sayings) for message in messages]
        html = "\n".join(template.render(line=line, added=added) for line in shown)
        data = "".join(f"data: {row}\n" for row in html.splitlines())
        return f"id: {self.run}-{seq}\nevent: line\n{data}\n"

    async def sayings(self) -> dict[str, str]:
        """Which of the bot's messages carry a person's words; nothing while the database is gone."""
        try:
            return await self._screens.database.read(lambda connection: staff_sayings(connection, scene.ACCOUNT))
        except RetryLater:
            return {}

    async def _beat(self, before: Pulse) -> tuple[str, Pulse]:
        try:
            now = await self._screens.database.read(pulse)
        except RetryLater:
            return ":\n\n", before
        thinking = f"event: thinking\ndata: {json.dumps(now.thinking)}\n\n" if now.thinking != before.thinking else ""
        turn = "event: turn\ndata: -\n\n" if now.newest_turn != before.newest_turn else ""
        return thinking + turn or ":\n\n", now


def pulse(connection: Connection) -> Pulse:
    """What the stage's conversations are at. In the group the bubble itself says that somebody thinks."""
    lanes = connection.execute(
        select(inbox.c.conversation_key)
        .where(inbox.c.status == "waiting", inbox.c.conversation_key.startswith(f"feishu:{scene.ACCOUNT}:"))
        .distinct()
    ).scalars()
    chats = sorted(lane.split(":", 2)[2] for lane in lanes)
    newest = connection.execute(
        select(turns.c.id)
        .join(conversations, conversations.c.id == turns.c.conversation_id)
        .join(rooms, rooms.c.id == conversations.c.room_id)
        .where(rooms.c.account == scene.ACCOUNT)
        .order_by(turns.c.at.desc(), turns.c.id.desc())
        .limit(1)
    ).scalar()
    return Pulse(tuple(chat for chat in chats if pane_of(chat) == "feishu"), newest or "")
