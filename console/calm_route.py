"""Routes that stay calm while the database is gone: the answer is a 503 that says so, instead of a fault."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from conversation.errors import RetryLater

logger = structlog.get_logger(__name__)

Excuse = Callable[[Request], Response]


def calm_route(excuse: Excuse) -> type[APIRoute]:
    """A route class whose endpoints answer `excuse(request)` when they raise `RetryLater`."""

    class CalmRoute(APIRoute):
        """See `calm_route`."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """The endpoint, guarded."""
            endpoint = super().get_route_handler()

            async def calm(request: Request) -> Response:
                try:
                    return await endpoint(request)
                except RetryLater as gone:
                    logger.warning("console.database_gone", path=request.url.path, reason=str(gone))
                    return excuse(request)

            return calm

    return CalmRoute
