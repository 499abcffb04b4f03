"""A model that says what it was told to say: for demos, evaluation suites and tests. Product code, no network."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from conversation.findings import Usage
from llm.chat_model import Completion, ModelUnavailable, Prompt, Shape
from llm.form import MalformedForm, read_form

#: A filled form, its fields, JSON text, or the error that takes its place.
Reply = BaseModel | dict[str, Any] | str | ModelUnavailable
Script = Callable[[Prompt, type[BaseModel]], Reply | Awaitable[Reply]]


class ScriptedModel:
    """Gives the replies of a list in order, or what a function (also an async one, which may take its time) says.

    A list that has run out is a model that is unavailable. `asked` keeps the prompts, oldest first.
    """

    def __init__(self, replies: Iterable[Reply] | Script) -> None:
        self.asked: list[Prompt] = []
        self._script: Script = replies if callable(replies) else _in_order(iter(replies))

    async def fill(self, prompt: Prompt, shape: type[Shape], *, budget_s: float) -> Completion[Shape]:
        """See `llm.chat_model.ChatModel.fill`; a malformed reply is followed by the next one as the repair try."""
        calls = 0
        try:
            async with asyncio.timeout(budget_s):
                for calls in (1, 2):
                    self.asked.append(prompt)
                    try:
                        value = read_form(await self._reply(prompt, shape), shape)
                    except MalformedForm:
                        continue
                    return Completion(value, Usage(calls=calls))
        except TimeoutError as error:
            raise ModelUnavailable("scripted: no answer in time", Usage(calls=calls)) from error
        raise ModelUnavailable("scripted: answer out of form", Usage(calls=calls))

    async def _reply(self, prompt: Prompt, shape: type[BaseModel]) -> str | dict[str, Any]:
        reply = self._script(prompt, shape)
        if inspect.isawaitable(reply):
            reply = await reply
        if isinstance(reply, ModelUnavailable):
            raise reply
        return reply.model_dump() if isinstance(reply, BaseModel) else reply


def _in_order(replies: Iterator[Reply]) -> Script:
    def script(prompt: Prompt, shape: type[BaseModel]) -> Reply:
        return next(replies, ModelUnavailable("scripted: nothing left to say"))

    return script
