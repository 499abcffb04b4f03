"""The HTTP surface and the way in: webhooks, console, API, health; `main` is the `huiying` command."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.web_widget.routes import widget_routes
from conversation.errors import RefusedInput, RetryLater

if TYPE_CHECKING:
    from wiring import Service

Endpoint = Callable[[Request], Awaitable[Response]]

logger = structlog.get_logger(__name__)


def build_app(service: Service, *, role: str = "all", on_ready: Callable[[], None] = lambda: None) -> FastAPI:
    """The web application around a built service; its lifespan starts and stops the service in `role`.

    `on_ready` is called once the service runs.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start(role)
        on_ready()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="Huiying 汇应",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.add_route("/healthz", _healthz, include_in_schema=False)
    app.add_route("/readyz", _readyz(service), include_in_schema=False)
    app.add_route("/metrics", _metrics(service), include_in_schema=False)
    app.router.routes.extend(widget_routes(service.channels))
    _mount_screens(app, service)
    # Added last, so it stands outermost: the pages' guards and layers are not run for an acknowledgement.
    app.add_middleware(WebhooksFirst, service=service)
    return app


class WebhooksFirst:
    """Answers `/channels/{platform}/{account}` before anything else looks at the request."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or not scope["path"].startswith("/channels/"):
            await self._app(scope, receive, send)
            return
        response = await self._answer(Request(scope, receive, send), scope["path"].split("/")[2:])
        await response(scope, receive, send)

    async def _answer(self, request: Request, name_parts: list[str]) -> Response:
        service, name = self._service, tuple(name_parts)
        channel = service.channels.get((name[0], name[1])) if len(name) == 2 else None
        if channel is None:
            return PlainTextResponse("no such channel", 404)
        if request.method not in ("GET", "POST"):
            return PlainTextResponse("GET or POST", 405, {"Allow": "GET, POST"})
        try:
            response = await channel.receive(request)
        except RefusedInput as refusal:
            logger.warning("webhook.refused", platform=name[0], account=name[1], reason=refusal.reason)
            response = PlainTextResponse("refused", refusal.status)
        except RetryLater as busy:
            # The platform delivers again: better late than acknowledged and lost.
            logger.error("webhook.not_kept", platform=name[0], account=name[1], reason=str(busy))
            response = PlainTextResponse("try again", 503, {"Retry-After": "5"})
        service.metrics.webhooks.labels(name[0], response.status_code).inc()
        return response


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


def _readyz(service: Service) -> Endpoint:
    async def readyz(_: Request) -> Response:
        problems = await service.problems()
        return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)

    return readyz


def _metrics(service: Service) -> Endpoint:
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return metrics


def _mount_screens(app: FastAPI, service: Service) -> None:
    from console.api import build_api
    from console.local_only import LocalOnly
    from console.pages import build_console

    app.include_router(build_api(service.screens))
    app.include_router(build_console(service.screens))
    app.add_middleware(LocalOnly, open_to_all=service.screens.open_to_all)
    if service.stage is not None:
        app.mount("/playground/wecom", service.stage.wecom.app)
        app.router.routes.extend(service.stage.feishu.app.routes)


def settle_memory() -> None:
    """Takes what stands at start out of the collector's sight: a full collection would stop every acknowledgement
    for about 100 ms, measured with 64 connections."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def main() -> None:
    """The `huiying` command."""
    # One search multiplies small matrices: threads of its own would double its cost. Read when numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from commands.root import command_line

    command_line()


if __name__ == "__main__":
    main()
