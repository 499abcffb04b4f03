"""What a gateway says about commands: that it has them, and what became of them. Pure."""

from __future__ import annotations

import math
import re
from typing import Any

from channels.bridge.commands import ReceiptNote
from channels.bridge.reading import ID_LIMIT, Json, identifier, text
from conversation.errors import RefusedInput

#: Failures that pass by themselves, with the seconds to wait where the gateway names none.
PASSING = {"rate_limited": 30.0, "busy": 5.0, "offline": 30.0}
_PAUSE_LIMIT_S = 3600.0
_CODE = re.compile(r"[a-z][a-z_]{0,40}")
_ACKS_LIMIT = 200


def read_receipt(payload: Json) -> ReceiptNote | None:
    """What became of a command; None where the gateway only says that it has it. Raises `RefusedInput`."""
    command_id, status = identifier(payload, "command_id", of="receipt"), payload.get("status")
    if status == "accepted":
        return None
    if status == "delivered":
        return ReceiptNote(command_id, True, gateway_message_id=text(payload, "gateway_message_id"))
    if status == "failed":
        return failure(command_id, payload.get("error"))
    raise RefusedInput('receipt.status must be "accepted", "delivered" or "failed"')


def failure(command_id: str, error: Any) -> ReceiptNote:
    """Why a command failed. The gateway's own words are left out: nobody knows whom they quote."""
    told: Json = error if isinstance(error, dict) else {}
    given = text(told, "code")
    code = given if _CODE.fullmatch(given) else "unknown"
    pause = told.get("retry_after_s")
    if isinstance(pause, bool) or not isinstance(pause, int | float) or not math.isfinite(pause):
        pause = PASSING.get(code)
    bounded = None if pause is None else min(max(float(pause), 0.0), _PAUSE_LIMIT_S)
    return ReceiptNote(command_id, False, error_code=code, retry_after_s=bounded)


def read_acks(payload: Json) -> list[str]:
    """The ids of the commands that the gateway has. Raises `RefusedInput`."""
    ids = payload.get("command_ids")
    if not isinstance(ids, list) or len(ids) > _ACKS_LIMIT:
        raise RefusedInput(f"ack.command_ids must be an array of at most {_ACKS_LIMIT} ids")
    return [one for one in ids if isinstance(one, str) and one.isprintable() and len(one) <= ID_LIMIT]
