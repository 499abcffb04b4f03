"""What the contents that a WeCom self-built app sends must be like, and how people see them.

Protocol: https://developer.work.weixin.qq.com/document/path/90236.
"""

from __future__ import annotations

import re
from collections.abc import Container

from playground.ledger import DoubleLedger
from playground.wecom_answers import card_problem, card_words
from playground.wecom_app_gate import Json, Refusal

TEXT_LIMIT = 2048
TITLE_LIMIT, DESCRIPTION_LIMIT = 128, 512
MEDIA_KINDS = frozenset({"image", "voice", "video", "file"})


class WecomAppContent:
    """Reads bodies. A broken rule refuses one; too many bytes are cut, as the platform does, and noted."""

    def __init__(self, ledger: DoubleLedger, media: Container[str]) -> None:
        self._ledger = ledger
        self._media = media
        self._tasks: set[str] = set()

    def read(self, body: Json, response_code: str = "") -> Json:
        """Give the message's ledger fields: kind, text, card, extra."""
        kind = str(body.get("msgtype", ""))
        part = body.get(kind)
        if not isinstance(part, dict):
            raise Refusal(40008, "invalid message type")
        if kind in ("text", "markdown"):
            return {"kind": kind, "text": self._cut(str(part.get("content", "")))}
        if kind == "textcard":
            return {"kind": kind, "text": self._text_card(part), "card": part}
        if kind == "template_card":
            return {
                "kind": "card",
                "text": card_text(part),
                "card": self._card(part),
                "extra": {"response_code": response_code},
            }
        if kind in MEDIA_KINDS:
            media_id = str(part.get("media_id", ""))
            if media_id not in self._media:
                raise Refusal(40007, "invalid media_id")
            return {"kind": kind, "text": f"[{kind}]", "extra": {"media_id": media_id}}
        raise Refusal(40008, "invalid message type")

    def _cut(self, text: str) -> str:
        if not text:
            raise Refusal(44004, "empty content")
        raw = text.encode()
        if len(raw) > TEXT_LIMIT:
            self._ledger.violation(f"wecom_app: a text of {len(raw)} bytes was cut to {TEXT_LIMIT}")
        return raw[:TEXT_LIMIT].decode("utf-8", "ignore")

    def _text_card(self, part: Json) -> str:
        title, description = str(part.get("title", "")), str(part.get("description", ""))
        if not (title and description and re.match(r"https?://", str(part.get("url", "")))):
            raise Refusal(41030, "missing title, description or url")
        if len(title.encode()) > TITLE_LIMIT or len(description.encode()) > DESCRIPTION_LIMIT:
            self._ledger.violation("wecom_app: a textcard is over its bytes")
        return f"{title}\n{description}\n{part['url']}"

    def _card(self, part: Json) -> Json:
        problem = card_problem(part)
        if problem or part.get("task_id") in self._tasks:
            raise Refusal(40058, problem or "task_id is used already")
        self._tasks.add(str(part.get("task_id")))
        return part


def card_text(card: Json) -> str:
    """Give the words on a template card."""
    rows = [f"{row.get('keyname')}：{row.get('value')}" for row in card.get("horizontal_content_list") or []]
    return "\n".join([card_words(card), *rows])
