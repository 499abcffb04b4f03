"""The console's pages under /console/, and its static files."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console import assets, conversation_page, inbox_page, playground_page
from console.endpoint_list import endpoints
from console.screens import Screens


def build_console(screens: Screens) -> APIRouter:
    """All pages as one router."""
    router = screens.router("")

    @router.get("/")
    async def home() -> Response:
        return RedirectResponse("/console/")

    @router.get("/console")
    async def console() -> Response:
        return RedirectResponse("/console/")

    @router.get("/console/static/{name}")
    async def static(name: str, v: str = "") -> Response:
        return assets.serve(name, v)

    @router.get("/console/api")
    async def api(request: Request) -> HTMLResponse:
        return screens.page(request, "api.html", {"endpoints": endpoints(request.app)})

    router.include_router(inbox_page.build(screens))
    router.include_router(conversation_page.build(screens))
    router.include_router(playground_page.build(screens))

    @router.get("/console/{rest:path}")
    async def nowhere(request: Request) -> HTMLResponse:
        return screens.missing(request, "这个页面")

    return router
