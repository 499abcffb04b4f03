"""The stage's messages as the playground shows them: pane, speaker, card in parts, and what the mail went through."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground import stage as scene
from playground.ledger import Message
from playground.stage import Stage

#: Which pane shows which chat; a Feishu p2p chat is any chat that is neither the group nor the staff's.
PANES = {scene.WECOM_GROUP: "wecom", scene.STAFF_CHAT: "staff"}
#: A pane that was played in for long shows its newest lines.
PANE_LINES = 60
_SECTION = re.compile(r"\*\*(?P<name>.+?)\*\*：(?P<value>.*)", re.DOTALL)
_SENDS = ("reply", "create")


@dataclass(frozen=True, slots=True)
class ShownButton:
    """A button of a card. `value` is what the platform sends back when it is pressed."""

    text: str
    value: Mapping[str, Any]
    style: str


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A Feishu card JSON 2.0 in parts: head, named sections, notes in small print, buttons."""

    title: str
    tone: str
    sections: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    buttons: tuple[ShownButton, ...]


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One message. `staff` names the person whose words the bot carries; `root` is the card whose thread it is in,
    and `to` whom it answers in a group.

    `deliveries` and `sends` count how often the platform posted it to us, and how often we sent it to the platform.
    """

    message_id: str
    pane: str
    chat: str
    role: str
    name: str
    text: str
    at: float
    waiting: bool
    recalled: bool
    to: str
    card: ShownCard | None
    root: str
    staff: str
    undelivered: str
    deliveries: int
    sends: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each message came to us (by message id), and how often each of ours left (by Feishu's uuid)."""

    deliveries: Mapping[str, int]
    sends: Mapping[str, int]

    def of(self, message: Message) -> tuple[int, int]:
        """(deliveries, sends) of a message."""
        return self.deliveries.get(message.message_id, 0), self.sends.get(str(message.extra.get("uuid") or ""), 0)


def counted(stage: Stage) -> Counts:
    """What the mail went through so far. A stream's refreshes are the platform asking on, not delivering again."""
    deliveries = Counter(one.key for one in stage.ledger.deliveries if one.kind != "stream")
    sends = Counter(str(one.body.get("uuid") or "") for one in stage.ledger.calls if one.call in _SENDS)
    return Counts(deliveries, sends)


def pane_of(chat_id: str) -> str:
    """The pane that shows a chat."""
    return PANES.get(chat_id, "feishu")


def shown_line(stage: Stage, message: Message, counts: Counts, sayings: Mapping[str, str]) -> ShownLine:
    """A message as the page shows it. `sayings` tells which of the bot's messages carry a person's words."""
    extra, pane = message.extra, pane_of(message.chat_id)
    root = str(extra.get("root_id") or "")
    deliveries, sends = counts.of(message)
    token = str(extra.get("uuid") or extra.get("feedback_id") or "")
    return ShownLine(
        message_id=message.message_id,
        pane=pane,
        chat=message.chat_id,
        role=message.sender_role,
        name=message.sender_name or message.sender,
        text=message.text,
        at=message.at,
        waiting=message.kind == "stream" and not extra.get("finish", True),
        recalled=message.recalled,
        to=_asker(stage, message) if pane == "wecom" else "",
        card=shown_card(message.card) if message.card else None,
        root=root if pane == "staff" and stage.ledger.knows(root) else "",
        staff=sayings.get(token, "") if message.sender_role == "bot" else "",
        undelivered=_undelivered(extra.get("undelivered")),
        deliveries=deliveries,
        sends=sends,
    )


def shown_lines(stage: Stage, sayings: Mapping[str, str]) -> dict[str, list[ShownLine]]:
    """The newest lines of each pane, oldest first; `threads` holds those that hang under a card."""
    counts = counted(stage)
    panes: dict[str, list[ShownLine]] = {"wecom": [], "feishu": [], "staff": [], "threads": []}
    for message in stage.ledger.messages:
        line = shown_line(stage, message, counts, sayings)
        panes["threads" if line.root else line.pane].append(line)
    return {pane: lines if pane == "threads" else lines[-PANE_LINES:] for pane, lines in panes.items()}


def shown_card(card: dict[str, Any]) -> ShownCard:
    """A card in parts. Its markdown is read as the platform reads it: bold names, signs by their number."""
    header = card.get("header", {})
    sections, notes = [], []
    for element in card.get("body", {}).get("elements", []):
        content = str(element.get("content") or "")
        if element.get("tag") != "markdown" or not content:
            continue
        named = _SECTION.fullmatch(content)
        if named:
            sections.append((html.unescape(named["name"]), html.unescape(named["value"])))
        else:
            notes.append(html.unescape(content))
    return ShownCard(
        title=header.get("title", {}).get("content", ""),
        tone=header.get("template", "blue"),
        sections=tuple(sections),
        notes=tuple(notes),
        buttons=tuple(_buttons(card.get("body", {}))),
    )


def _asker(stage: Stage, message: Message) -> str:
    """Whom a line in the group answers."""
    asked = message.reply_to if message.sender_role == "bot" else None
    return stage.ledger.message(asked).sender_name if asked and stage.ledger.knows(asked) else ""


def _buttons(node: Any) -> list[ShownButton]:
    if isinstance(node, list):
        return [button for item in node for button in _buttons(item)]
    if not isinstance(node, dict):
        return []
    if node.get("tag") != "button":
        return [button for item in node.values() for button in _buttons(item)]
    calls = [way for way in node.get("behaviors", []) if way.get("type") == "callback"]
    value = calls[0].get("value", {}) if calls else {}
    return [ShownButton(node.get("text", {}).get("content", ""), value, node.get("type", "default"))]


def _undelivered(reason: object) -> str:
    if not reason:
        return ""
    if "mentioned" in str(reason):
        return "没有送到机器人：群里要 @ 它才听得到"
    return "没有送到机器人：这位客户还有 3 条没答完，平台先不送"
