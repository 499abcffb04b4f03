"""The short address of the script, `/widget/ACCOUNT.js`; everything else is under the channel's own address."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.channel import Channel
from channels.web_widget.account import PLATFORM
from channels.web_widget.channel import WebWidgetChannel


def widget_routes(channels: Mapping[tuple[str, str], Channel]) -> list[Route]:
    """The routes that the web application adds; they need no login."""

    async def script(request: Request) -> Response:
        channel = channels.get((PLATFORM, request.path_params["account"]))
        if not isinstance(channel, WebWidgetChannel):
            return PlainTextResponse("no such widget", 404)
        return channel.script(request)

    return [Route("/widget/{account}.js", script, methods=["GET"])]
