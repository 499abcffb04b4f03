"""Bodies that the WeCom AI bot platform posts, before encryption.

Protocol: https://developer.work.weixin.qq.com/document/path/100719 (messages), /101027 (events).
"""

from __future__ import annotations

import secrets
from typing import Any

SINGLE_ONLY = frozenset({"image", "voice", "file", "video"})


def new_msgid() -> str:
    """Give an id that no run of any double has used."""
    return f"CAIQ{secrets.token_hex(12)}"


def envelope_fields(msgid: str, bot_id: str, chat_id: str | None, user_id: str) -> dict[str, Any]:
    """Give what every body starts with; `chat_id` None means a single chat."""
    chat = {"chatid": chat_id, "chattype": "group"} if chat_id else {"chattype": "single"}
    return {"msgid": msgid, "aibotid": bot_id, **chat, "from": {"userid": user_id}}


def message_content(msgtype: str, text: str, body: dict[str, Any]) -> dict[str, Any]:
    """Give the msgtype and the part named like it; `body` may bring that part ready-made."""
    if msgtype in body:
        return {"msgtype": msgtype, **body}
    if msgtype in ("text", "voice"):
        return {"msgtype": msgtype, msgtype: {"content": text}, **body}
    if msgtype == "mixed":
        return {"msgtype": "mixed", "mixed": {"msg_item": [{"msgtype": "text", "text": {"content": text}}]}, **body}
    raise ValueError(f"pass {msgtype}={{...}} for a message of type {msgtype}")


def event_content(eventtype: str, at: float, detail: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give the event part; the detail is nested under the event's own name, as the documentation shows it."""
    event: dict[str, Any] = {"eventtype": eventtype}
    if detail is not None:
        event[eventtype] = detail
    return {"create_time": int(at), "msgtype": "event", "event": event}


def selected_items(chosen: dict[str, list[str]]) -> dict[str, Any]:
    """Give `selected_items` for {question_key: [option ids]}."""
    rows = [{"question_key": key, "option_ids": {"option_id": ids}} for key, ids in chosen.items()]
    return {"selected_item": rows}


def shown_text(content: dict[str, Any]) -> str:
    """Give the words of a message as people see them; empty for pure media."""
    part = content.get(content["msgtype"], {})
    if content["msgtype"] == "mixed":
        return "".join(item.get("text", {}).get("content", "") for item in part.get("msg_item", []))
    return str(part.get("content", ""))
