"""The console's pages under /console/, and its static files."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from console import conversation_pages, playground_page
from console.screens import FOLDER, Screens

#: Served by name, so that no path from outside ever reaches the file system.
STATIC = {
    "huiying.css": "text/css",
    "playground.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "sse.min.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}


def build_console(screens: Screens) -> APIRouter:
    """All pages as one router."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home() -> Response:
        return RedirectResponse("/console/")

    @router.get("/console")
    async def console() -> Response:
        return RedirectResponse("/console/")

    @router.get("/console/static/{name}")
    async def static(name: str, request: Request) -> Response:
        if name not in STATIC:
            return PlainTextResponse("not found", 404)
        headers = {"Cache-Control": "public, max-age=3600"}
        return FileResponse(FOLDER / "static" / name, media_type=STATIC[name], headers=headers)

    router.include_router(conversation_pages.build(screens))
    router.include_router(playground_page.build(screens))
    return router
