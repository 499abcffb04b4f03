"""An OpenAI-compatible chat-completions endpoint on request slow, failing or malformed; it records every call."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.llm_brain import completion, estimated_tokens


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call: when it started and ended (seconds of `time.perf_counter`), its status, its tokens by estimate."""

    started: float
    ended: float
    status: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(slots=True)
class Mood:
    """How the double behaves: seconds of latency, every n-th call failing (0: none) with these statuses in turn,
    every n-th answer malformed (0: none)."""

    latency_s: float = 0.0
    fail_every: int = 0
    fail_statuses: tuple[int, ...] = (429, 500)
    malformed_every: int = 0


@dataclass(slots=True)
class LlmDouble:
    """The endpoint. `app` serves `/v1/chat/completions` and `/v1/models`."""

    mood: Mood = field(default_factory=Mood)
    calls: list[ModelCall] = field(default_factory=list)
    _count: int = 0

    @property
    def app(self) -> Starlette:
        """The endpoint as an ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
            ]
        )

    def reset(self, mood: Mood | None = None) -> None:
        """Forgets all calls and takes on another mood."""
        self.calls.clear()
        self._count = 0
        self.mood = mood or Mood()

    async def _complete(self, request: Request) -> Response:
        started = time.perf_counter()
        body = await request.json()
        self._count += 1
        count, mood = self._count, self.mood
        prompt = estimated_tokens(json.dumps(body.get("messages"), ensure_ascii=False))
        await asyncio.sleep(mood.latency_s)
        if mood.fail_every and count % mood.fail_every == 0:
            status = mood.fail_statuses[(count // mood.fail_every) % len(mood.fail_statuses)]
            return self._answer(started, status, prompt, {"error": {"message": f"the double fails with {status}"}}, "")
        content, tool_calls = completion(body)
        if mood.malformed_every and count % mood.malformed_every == 0:
            content, tool_calls = '{"answer": "半句话', []
        message = {"role": "assistant", "content": content, **({"tool_calls": tool_calls} if tool_calls else {})}
        done = estimated_tokens(content or json.dumps(tool_calls, ensure_ascii=False))
        answer = {
            "id": f"chatcmpl-{count}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body.get("model", "double"),
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if tool_calls else "stop"}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done},
        }
        return self._answer(started, 200, prompt, answer, content or "")

    def _answer(self, started: float, status: int, prompt: int, body: object, content: str) -> Response:
        tokens = estimated_tokens(content) if status == 200 else 0
        self.calls.append(ModelCall(started, time.perf_counter(), status, prompt, tokens))
        return JSONResponse(body, status)

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "double", "object": "model"}]})
