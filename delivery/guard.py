"""The one place that catches everything: a worker must outlive what goes wrong in one piece of its work."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


async def caught(work: Awaitable[Result]) -> Result | Exception:
    """The result of `work`, or what it raised, as a value. Cancellation passes through."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - the caller decides by the kind of error and logs it with its ids
        return error
