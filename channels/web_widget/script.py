"""The one script that a website includes: our plain files one after another, with the widget's settings before them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import Response

from channels.web_widget.account import PICTURE_LIMIT, WebWidgetSettings

FOLDER = Path(__file__).resolve().parent / "static"
#: In the order in which they build on each other.
PARTS = ("words.js", "memory.js", "wire.js", "sender.js", "lines.js", "panel.js", "start.js")
STYLE = "widget.css"
#: A page may use the script for five minutes without asking; changed settings reach everybody after that.
_HEADERS = {
    "Cache-Control": "public, max-age=300",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}
_DARK_INK, _LIGHT_INK = "#14171a", "#ffffff"


class Script:
    """Built once per widget."""

    def __init__(self, settings: WebWidgetSettings) -> None:
        self.text = _written(settings)
        self._tag = f'"{hashlib.sha256(self.text.encode()).hexdigest()[:20]}"'

    def answer(self, request: Request) -> Response:
        """The script, or 304 for a browser that has it."""
        headers = {**_HEADERS, "ETag": self._tag}
        if self._tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.text, media_type="text/javascript", headers=headers)


def ink_on(colour: str) -> str:
    """Black or white, whichever can be read better on a colour (`#rrggbb`), by WCAG's contrast."""
    bright = _luminance(colour)
    on_dark, on_light = 1.05 / (bright + 0.05), (bright + 0.05) / (_luminance(_DARK_INK) + 0.05)
    return _LIGHT_INK if on_dark >= on_light else _DARK_INK


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _written(settings: WebWidgetSettings) -> str:
    shown = {
        "account": settings.account,
        "title": {"zh": settings.title, "en": settings.title_en},
        "greeting": {"zh": settings.greeting, "en": settings.greeting_en},
        "accent": settings.accent,
        "accentInk": ink_on(settings.accent),
        "maxText": settings.max_text,
        "pictures": settings.pictures,
        "maxPicture": PICTURE_LIMIT,
    }
    style = (FOLDER / STYLE).read_text(encoding="utf-8")
    head = f"const SETTINGS = {_literal(shown)};\nconst STYLE = {_literal(style)};\n"
    parts = [(FOLDER / name).read_text(encoding="utf-8") for name in PARTS]
    return "(() => {\n'use strict';\n" + head + "\n".join(parts) + "\n})();\n"


def _literal(value: object) -> str:
    return orjson.dumps(value).decode()
