"""Any OpenAI-compatible endpoint (DeepSeek, Qwen, vLLM, Ollama, OpenAI) behind the port, through langchain-openai.

Importing this module costs two seconds; `llm/configured_model.py` does it only where an endpoint is configured.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openai
import structlog
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from conversation.findings import Usage
from llm.chat_model import Completion, ModelUnavailable, Prompt, Shape
from llm.form import FormMethod, MalformedForm, form_schema, read_form

logger = structlog.get_logger(__name__)

FORM = "fill"
RETRY_PAUSE_S = 0.2
RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
#: What the SDK raises when a body is JSON of another shape, HTML, or nothing at all.
STRANGE_ANSWERS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError)

Messages = list[tuple[str, str]]


@dataclass(slots=True)
class _Attempt:
    """One `fill` under way: until when, and what it has cost so far."""

    deadline: float
    usage: Usage = field(default_factory=Usage)


class OpenAIModel:
    """One model at one endpoint; built once, shared by all turns, closed by the lifespan.

    `method` says how forms are asked for. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        clock: Callable[[], float],
        method: FormMethod = FormMethod.FUNCTION_CALLING,
        temperature: float = 0.0,
        max_tokens: int = 800,
    ) -> None:
        self.name = model
        self._method = method
        self._clock = clock
        self._max_tokens = max_tokens
        # An own connection pool: the default one is shared by all models of the process and cannot be closed alone.
        self._http = openai.DefaultAsyncHttpxClient()
        self._chat = ChatOpenAI(
            base_url=base_url,
            api_key=SecretStr(api_key or "none"),
            model=model,
            temperature=temperature,
            max_retries=0,
            http_async_client=self._http,
        )

    async def fill(self, prompt: Prompt, shape: type[Shape], *, budget_s: float) -> Completion[Shape]:
        """See `llm.chat_model.ChatModel.fill`."""
        attempt = _Attempt(self._clock() + budget_s)
        try:
            async with asyncio.timeout(budget_s):
                return await self._fill(prompt, shape, attempt)
        except TimeoutError as error:
            raise self._unavailable("no answer in time", attempt) from error
        except openai.OpenAIError as error:
            raise self._unavailable(f"{type(error).__name__} {getattr(error, 'status_code', '')}", attempt) from error
        except STRANGE_ANSWERS as error:
            raise self._unavailable(f"answer out of form: {type(error).__name__}", attempt) from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    def _unavailable(self, reason: str, attempt: _Attempt) -> ModelUnavailable:
        logger.warning("llm.unavailable", model=self.name, reason=reason, calls=attempt.usage.calls)
        return ModelUnavailable(f"{self.name}: {reason}", attempt.usage)

    async def _fill(self, prompt: Prompt, shape: type[Shape], attempt: _Attempt) -> Completion[Shape]:
        messages: Messages = [("system", self._instructions(prompt, shape)), ("user", prompt.user)]
        answer = await self._ask(messages, shape, attempt)
        try:
            return Completion(read_form(answer, shape), attempt.usage)
        except MalformedForm as problem:
            logger.info("llm.repair", model=self.name, prompt=prompt.version, problem=str(problem)[:200])
            wrong = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
            messages += [
                ("assistant", wrong[:2000] or "{}"),
                ("user", f"格式不对（{problem}）。请只按要求的 JSON 重新输出。"),
            ]
            return Completion(read_form(await self._ask(messages, shape, attempt), shape), attempt.usage)

    def _instructions(self, prompt: Prompt, shape: type[Shape]) -> str:
        if self._method is not FormMethod.JSON_MODE:
            return prompt.system
        schema = json.dumps(form_schema(shape), ensure_ascii=False, separators=(",", ":"))
        return f"{prompt.system}\n只输出一个 JSON 对象，符合此 JSON Schema：{schema}"

    def _form_request(self, shape: type[Shape]) -> dict[str, Any]:
        # response_format goes by extra_body: as a keyword it takes the SDK's parsing path, at 1.1 ms CPU more a call.
        body: dict[str, Any] = {"max_tokens": self._max_tokens}
        if self._method is FormMethod.FUNCTION_CALLING:
            function = {"name": FORM, "description": "提交结果", "parameters": form_schema(shape)}
            return {
                "tools": [{"type": "function", "function": function}],
                "tool_choice": {"type": "function", "function": {"name": FORM}},
                "extra_body": body,
            }
        if self._method is FormMethod.JSON_SCHEMA:
            schema = {"name": FORM, "schema": form_schema(shape), "strict": True}
            return {"extra_body": {**body, "response_format": {"type": "json_schema", "json_schema": schema}}}
        return {"extra_body": {**body, "response_format": {"type": "json_object"}}}

    async def _ask(self, messages: Messages, shape: type[Shape], attempt: _Attempt) -> str | dict[str, Any]:
        """One answer, with one retry where the endpoint is busy or broken and the budget allows it."""
        try:
            return await self._call(messages, shape, attempt)
        except openai.APIError as error:
            pause = _retry_after(error)
            if pause is None or self._clock() + pause >= attempt.deadline:
                raise
            await asyncio.sleep(pause)
            return await self._call(messages, shape, attempt)

    async def _call(self, messages: Messages, shape: type[Shape], attempt: _Attempt) -> str | dict[str, Any]:
        attempt.usage += Usage(calls=1)
        message = await self._chat.ainvoke(messages, **self._form_request(shape))
        spent = message.usage_metadata
        if spent is not None:
            attempt.usage += Usage(0, spent["input_tokens"], spent["output_tokens"])
        return _written(message)


def _written(message: AIMessage) -> str | dict[str, Any]:
    """What the model wrote: the tool call's arguments, or the text where it chose to answer with text."""
    if message.tool_calls:
        return message.tool_calls[0]["args"]
    if message.invalid_tool_calls:
        return message.invalid_tool_calls[0]["args"] or ""
    return message.text


def _retry_after(error: openai.APIError) -> float | None:
    """The seconds to wait before the one retry; None where a retry is vain."""
    if isinstance(error, openai.APITimeoutError):
        return None
    if isinstance(error, openai.APIConnectionError):
        return RETRY_PAUSE_S
    if not isinstance(error, openai.APIStatusError) or error.status_code not in RETRIED_STATUSES:
        return None
    try:
        return max(RETRY_PAUSE_S, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return RETRY_PAUSE_S
