"""The API as the console lists it: read from the application's own OpenAPI schema, without a page from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call. `parameters` are (name, what it means); `link` opens it in a browser, empty where it needs an id."""

    method: str
    path: str
    summary: str
    parameters: tuple[tuple[str, str], ...]
    link: str


def endpoints(app: FastAPI) -> list[Endpoint]:
    """Every call of the schema, in its order."""
    paths: dict[str, dict[str, Any]] = app.openapi().get("paths", {})
    return [_endpoint(path, method, call) for path, calls in paths.items() for method, call in calls.items()]


def _endpoint(path: str, method: str, call: dict[str, Any]) -> Endpoint:
    parameters = call.get("parameters", [])
    needed = any(one.get("required") for one in parameters)
    return Endpoint(
        method=method.upper(),
        path=path,
        summary=call.get("description") or call.get("summary", ""),
        parameters=tuple((one["name"], one.get("description", "")) for one in parameters),
        link="" if needed or method != "get" else path,
    )
