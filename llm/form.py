"""A form that a model fills: its compact JSON schema on the way out, a strict reading of the answer on the way in."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from llm.chat_model import Shape

#: Keywords that cost tokens and tell a model nothing.
NOISE = frozenset({"title", "default"})
FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


class FormMethod(StrEnum):
    """How a form is asked for; endpoints differ in what they know."""

    FUNCTION_CALLING = "function_calling"
    JSON_SCHEMA = "json_schema"
    JSON_MODE = "json_mode"


class MalformedForm(ValueError):
    """What the model wrote is not the form; the text says why, for the repair try."""


@cache
def form_schema(shape: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `shape` as strict endpoints want it: every field required, nothing else allowed."""
    schema = _strip(shape.model_json_schema())
    schema.pop("description", None)  # the class docstring is for us, the prompt speaks to the model
    return schema


def _strip(schema: dict[str, Any]) -> dict[str, Any]:
    tidy = {key: value for key, value in schema.items() if key not in NOISE}
    for group in ("properties", "$defs"):
        if group in tidy:
            tidy[group] = {name: _strip(part) for name, part in tidy[group].items()}
    if isinstance(tidy.get("items"), dict):
        tidy["items"] = _strip(tidy["items"])
    if tidy.get("type") == "object" and "properties" in tidy:
        tidy["required"] = list(tidy["properties"])
        tidy["additionalProperties"] = False
    return tidy


def read_form(answer: str | dict[str, Any], shape: type[Shape]) -> Shape:
    """The filled form. Takes JSON text, also fenced or with words around it. Raises `MalformedForm`."""
    try:
        if isinstance(answer, str):
            return shape.model_validate(json.loads(_json_part(answer)))
        return shape.model_validate(answer)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:4])
        raise MalformedForm(problems) from error
    except (ValueError, RecursionError) as error:
        raise MalformedForm(f"not JSON: {error}") from error


def _json_part(text: str) -> str:
    fenced = FENCED.search(text)
    if fenced:
        return fenced.group(1)
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text
