"""A small OpenAI-compatible endpoint on loopback that misbehaves on request: slow, busy, broken, hanging, babbling."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the endpoint does with one request. `fields` is the filled form, `text` stands for anything else."""

    fields: dict[str, Any] | None = None
    text: str | None = None
    status: int = 200
    body: bytes | None = None
    headers: str = ""
    delay_s: float = 0.0
    hangs_up: bool = False


GOOD = Reply(fields={"can_answer": True, "answer": "七天内可退", "citations": [1]})


@dataclass
class Endpoint:
    """The replies in order, the last one for ever; `requests` keeps the bodies that came in."""

    replies: Sequence[Reply]
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def next_reply(self) -> Reply:
        return self.replies[min(len(self.requests), len(self.replies)) - 1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
                self.requests.append(json.loads(await reader.readexactly(length)))
                self.asked.set()
                reply = self.next_reply()
                if reply.delay_s:
                    await asyncio.sleep(reply.delay_s)
                if reply.hangs_up:
                    break
                body = (
                    reply.body if reply.body is not None else json.dumps(completion(reply, self.requests[-1])).encode()
                )
                writer.write(
                    f"HTTP/1.1 {reply.status} X\r\ncontent-type: application/json\r\n{reply.headers}"
                    f"content-length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def completion(reply: Reply, request: dict[str, Any]) -> dict[str, Any]:
    """A chat completion in the form that the request asked for."""
    written = reply.text if reply.text is not None else json.dumps(reply.fields, ensure_ascii=False)
    message: dict[str, Any] = {"role": "assistant", "content": written}
    if request.get("tools") and reply.fields is not None:
        call = {"id": "call_1", "type": "function", "function": {"name": "fill", "arguments": written}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150},
    }


@asynccontextmanager
async def endpoint(*replies: Reply) -> AsyncIterator[Endpoint]:
    """A running endpoint on a free port."""
    stage = Endpoint(replies)
    server = await asyncio.start_server(stage.serve, "127.0.0.1", 0)
    stage.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield stage
    finally:
        server.close()
