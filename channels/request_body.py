"""Reads a webhook's body within a limit, before anything is parsed."""

from __future__ import annotations

from starlette.requests import Request

from conversation.errors import RefusedInput

BODY_LIMIT = 1024 * 1024


async def read_body(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The whole body, at most `limit` bytes. Raises `RefusedInput` 413 for a longer one."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise RefusedInput(f"the body is larger than {limit} bytes", 413)
        parts.append(part)
    return b"".join(parts)
