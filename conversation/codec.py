"""Our values to JSON text and back, for the tables that keep them."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

Value = TypeVar("Value")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def to_json(value: object, kind: Hashable = None) -> str:
    """`value` (a frozen dataclass, or a member of the union `kind`) as compact JSON text."""
    return _adapter(kind or cast(Hashable, type(value))).dump_json(value).decode()


def from_json(kind: type[Value], text: str | bytes) -> Value:
    """The value of `kind` written by `to_json`. Raises pydantic's ValidationError when the text is something else."""
    return cast(Value, _adapter(cast(Hashable, kind)).validate_json(text))
