"""What the pages need, handed over once by the wiring, and how every page leaves: with the headers that guard it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter
from fastapi.templating import Jinja2Templates
from starlette.requests import Request
from starlette.responses import HTMLResponse

from console.assets import FOLDER, address
from console.calm_route import calm_route
from console.words import FILTERS, INTENTS, in_words
from conversation.findings import Retrieval
from playground.stage import Stage
from store.database import Database

#: (question, how many) → what the knowledge base holds on it.
Search = Callable[[str, int], Awaitable[Retrieval]]

#: Scripts and styles come from our own files alone: words that slipped through escaping could still do nothing.
GUARDS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Screens:
    """The pages' sources. `stage` is None where no playground runs; `clock` gives Unix seconds.

    `search` answers the knowledge search of the API. `open_to_all` lets others than this machine in (`LocalOnly`).
    `leaving` is set when the process is asked to stop: live streams end at once instead of holding it up.
    """

    database: Database
    clock: Callable[[], float]
    stage: Stage | None
    templates: Jinja2Templates
    search: Search | None = None
    open_to_all: bool = False
    leaving: asyncio.Event = field(default_factory=asyncio.Event)

    def page(
        self, request: Request, name: str, context: Mapping[str, Any] | None = None, *, status: int = 200
    ) -> HTMLResponse:
        """The template `name` as an answer."""
        shown = {**(context or {}), "now": self.clock()}
        return self.templates.TemplateResponse(request, name, shown, status_code=status, headers=GUARDS)

    def missing(self, request: Request, what: str) -> HTMLResponse:
        """The page that says that `what` is not there."""
        return self.page(request, "missing.html", {"what": what}, status=404)

    def router(self, prefix: str) -> APIRouter:
        """A router of pages: not in the API's schema, calm while the database is gone."""
        away = calm_route(lambda request: self.page(request, "away.html", status=503))
        return APIRouter(prefix=prefix, include_in_schema=False, route_class=away)


def load_templates(own_intents: Mapping[str, str] = MappingProxyType({})) -> Jinja2Templates:
    """The pages' templates; everything a customer wrote is escaped. `own_intents`: names of a deployer's own."""
    templates = Jinja2Templates(directory=FOLDER / "templates")
    templates.env.trim_blocks = templates.env.lstrip_blocks = True
    templates.env.filters.update(FILTERS)
    templates.env.filters["intent"] = lambda code: in_words(code, {**INTENTS, **own_intents})
    templates.env.globals["asset"] = address
    return templates
