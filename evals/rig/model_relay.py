"""A recording relay in front of a real model endpoint: the same face as the model double, so that figures compare."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.llm_brain import estimated_tokens
from playground.llm_double import ModelCall, Mood

TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """An OpenAI-compatible endpoint. `url` ends before `/chat/completions`."""

    url: str
    model: str
    api_key: str = ""


@dataclass(slots=True)
class ModelRelay:
    """Passes every call on and records it; what a relayed call costs is inside its recorded time."""

    endpoint: ModelEndpoint
    client: httpx.AsyncClient
    calls: list[ModelCall] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        """The relay as an ASGI application."""
        return Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])

    def reset(self, mood: Mood | None = None) -> None:
        """Forgets all calls. A real endpoint has its own moods: `mood` is not for it."""
        self.calls.clear()

    async def _complete(self, request: Request) -> Response:
        started = time.perf_counter()
        body = orjson.loads(await request.body()) | {"model": self.endpoint.model}
        prompt = estimated_tokens(orjson.dumps(body.get("messages")).decode())
        try:
            answer = await self.client.post(
                f"{self.endpoint.url.rstrip('/')}/chat/completions",
                json=body,
                headers={"Authorization": f"Bearer {self.endpoint.api_key}"} if self.endpoint.api_key else {},
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError as gone:
            self.calls.append(ModelCall(started, time.perf_counter(), 502, prompt, 0))
            return JSONResponse({"error": {"message": f"the endpoint behind the relay: {gone!r}"}}, 502)
        said = estimated_tokens(answer.text) if answer.is_success else 0
        self.calls.append(ModelCall(started, time.perf_counter(), answer.status_code, prompt, said))
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))
