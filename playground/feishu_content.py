"""Feishu message contents: mentions into placeholders, what people see, the buttons of a card. No state.

Protocol: https://open.feishu.cn/document/server-docs/im-v1/message-content-description/message_content
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TENANT_KEY = "playground0tenant"


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the tenant; the other two ids follow from the open_id unless the platform would hide them."""

    open_id: str
    name: str
    is_bot: bool = False

    def ids(self) -> dict[str, str]:
        """Give the id triple of events. A bot has no user_id."""
        print_ = hashlib.sha256(self.open_id.encode()).hexdigest()
        return {
            "union_id": f"on_{print_[:32]}",
            "user_id": "" if self.is_bot else print_[32:40],
            "open_id": self.open_id,
        }

    def mention(self, key: str) -> dict[str, Any]:
        """Give this person's entry of a mentions array."""
        return {"key": key, "id": self.ids(), "name": self.name, "tenant_key": TENANT_KEY}


def with_mentions(text: str, people: Sequence[Person]) -> tuple[str, list[dict[str, Any]]]:
    """Put `@_user_N` where `@Name` stands, or in front where the name is not in the text; give the mentions array.

    `@所有人` becomes `@_all`, which is in no array. A text that has the placeholder already keeps it.
    """
    keys = {f"@_user_{n}": person for n, person in enumerate(people, 1)}
    front = []
    for key, person in sorted(keys.items(), key=lambda pair: -len(pair[1].name)):
        if re.search(rf"{key}(?!\d)", text):
            continue
        if f"@{person.name}" in text:
            text = text.replace(f"@{person.name}", key, 1)
        else:
            front.append(key)
    text = " ".join([*sorted(front, key=lambda key: int(key[7:])), text]) if front else text
    return text.replace("@所有人", "@_all"), [person.mention(key) for key, person in keys.items()]


def seen_text(
    msg_type: str,
    content: dict[str, Any],
    mentions: Sequence[dict[str, Any]] = (),
    names: Mapping[str, str] | None = None,
) -> str:
    """Give the words of a message as people see them; empty for pure media. `names`: open_id to name, for `<at>`."""

    def at(tag: re.Match[str]) -> str:
        return f"@{(names or {}).get(tag[1]) or tag[2] or tag[1]}"

    if msg_type == "interactive":
        return card_words(content)
    if msg_type == "post":
        return _post_words(content)
    text = str(content.get("text", ""))
    text = re.sub(r'<at user_id="all">[^<]*</at>|@_all', "@所有人", text)
    text = re.sub(r'<at user_id="([^"]*)">([^<]*)</at>', at, text)
    for entry in sorted(mentions, key=lambda entry: -len(entry["key"])):
        text = text.replace(entry["key"], f"@{entry['name']}")
    return text


def card_words(card: dict[str, Any]) -> str:
    """Give the words on a card, one element a line, buttons left out."""
    header = card.get("header", {}).get("title", {}).get("content", "")
    lines = [str(part["content"]) for part in _parts(card.get("body", card)) if _is_words(part)]
    return "\n".join(line for line in [header, *lines] if line)


def card_buttons(card: dict[str, Any]) -> list[dict[str, Any]]:
    """Give every button, nested columns and forms too, as {"text", "value", "name"?}."""
    return [_button(part) for part in _parts(card) if part.get("tag") == "button"]


def card_problem(card: Any) -> str | None:
    """Give why the platform would not render a card, or None."""
    if not isinstance(card, dict):
        return "card is not an object"
    if card.get("type") in ("template", "card"):
        return None if isinstance(card.get("data"), dict) else "data is missing"
    if card.get("schema") != "2.0":
        return None if isinstance(card.get("elements"), list) else "elements is missing"
    if not isinstance(card.get("body", {}).get("elements"), list):
        return "body.elements is missing"
    # JSON 2.0 dropped these containers; such a card is refused, not degraded.
    gone = next((part["tag"] for part in _parts(card["body"]) if part.get("tag") in ("action", "note")), None)
    return f"unsupported tag {gone} in schema 2.0" if gone else None


def lossy_card(card: dict[str, Any]) -> dict[str, Any]:
    """Give the text form in which the API shows a card that was sent."""
    title = card.get("header", {}).get("title", {}).get("content", "")
    words = card_words({**card, "header": {}})
    return {"title": title, "elements": [[{"tag": "text", "text": line}] for line in words.split("\n")]}


def json_object(raw: object) -> dict[str, Any] | None:
    """Give the object in a JSON string, None for anything else."""
    if not isinstance(raw, str):
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "tag" in node:
            yield node
        # What a button says and brings is the button's own, not a part of the card.
        inner = [] if node.get("tag") == "button" else node.values()
        for value in inner:
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)


def _is_words(part: dict[str, Any]) -> bool:
    return part["tag"] in ("markdown", "plain_text", "lark_md") and isinstance(part.get("content"), str)


def _button(part: dict[str, Any]) -> dict[str, Any]:
    callbacks = [way for way in part.get("behaviors", []) if way.get("type") == "callback"]
    value = callbacks[0].get("value", {}) if callbacks else part.get("value", {})
    button = {"text": part.get("text", {}).get("content", ""), "value": value}
    return button | ({"name": part["name"]} if "name" in part else {})


def _post_words(content: dict[str, Any]) -> str:
    post = content.get("post", content)
    if "content" not in post:
        post = next(iter(post.values()), {})
    rows = ["".join(_span(span) for span in row) for row in post.get("content", [])]
    return "\n".join(line for line in [post.get("title", ""), *rows] if line)


def _span(span: dict[str, Any]) -> str:
    if span.get("tag") == "at":
        return f"@{span.get('user_name') or span.get('user_id', '')}"
    return str(span.get("text", ""))
