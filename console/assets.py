"""The console's own files: served by name, so that no path from outside ever reaches the file system."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.responses import FileResponse, PlainTextResponse, Response

FOLDER = Path(__file__).resolve().parent
STATIC = {
    "huiying.css": "text/css",
    "console.js": "text/javascript",
    "playground.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}
#: An address carries the file's hash, so what a browser keeps can never be an old version.
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
_ASKED_AGAIN = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


@cache
def address(name: str) -> str:
    """Where a file is served. KeyError: there is no such file."""
    if name not in STATIC:
        raise KeyError(name)
    content = (FOLDER / "static" / name).read_bytes()
    return f"/console/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


def serve(name: str, version: str) -> Response:
    """One file by its name; `version` is what its address carried."""
    if name not in STATIC:
        return PlainTextResponse("not found", 404)
    current = address(name).endswith(f"?v={version}")
    return FileResponse(FOLDER / "static" / name, media_type=STATIC[name], headers=_KEPT if current else _ASKED_AGAIN)
