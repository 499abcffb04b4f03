"""Our cards as Feishu card JSON 2.0. Pure; used by `outbound` and for the answer to a pressed button.

Protocol: https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-json-v2-structure
"""

from __future__ import annotations

from typing import Any

from channels.feishu.markup import markdown
from conversation.messages import Button, ButtonStyle, Card

_BUTTON_TYPES = {ButtonStyle.PRIMARY: "primary", ButtonStyle.DEFAULT: "default", ButtonStyle.DANGER: "danger"}


def to_card(card: Card) -> dict[str, Any]:
    """The card as Feishu takes it; `update_multi` lets every viewer see later changes."""
    elements: list[dict[str, Any]] = [
        {"tag": "markdown", "content": _section(name, value)} for name, value in card.sections if name or value
    ]
    if card.buttons:
        elements.append(_row([_button(button) for button in card.buttons]))
    if card.note:
        elements.append({"tag": "markdown", "content": markdown(card.note), "text_size": "notation"})
    rendered: dict[str, Any] = {"schema": "2.0", "config": {"update_multi": True}, "body": {"elements": elements}}
    if card.title:
        rendered["header"] = {"title": _words(card.title), "template": card.tone.value}
    return rendered


def _section(name: str, value: str) -> str:
    return f"**{markdown(name)}**：{markdown(value)}" if name else markdown(value)


def _row(buttons: list[dict[str, Any]]) -> dict[str, Any]:
    columns = [{"tag": "column", "width": "auto", "elements": [button]} for button in buttons]
    return {"tag": "column_set", "flex_mode": "flow", "horizontal_spacing": "8px", "columns": columns}


def _button(button: Button) -> dict[str, Any]:
    return {
        "tag": "button",
        "text": _words(button.text),
        "type": _BUTTON_TYPES[button.style],
        "behaviors": [{"type": "callback", "value": dict(button.value)}],
    }


def _words(text: str) -> dict[str, Any]:
    return {"tag": "plain_text", "content": text}
