"""The port of a language model, consumed by the agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from conversation.errors import HuiyingError
from conversation.findings import Usage

Shape = TypeVar("Shape", bound=BaseModel)


class ModelUnavailable(HuiyingError):
    """No model could answer in time or in form: take the LLM-off path. `usage` is what the vain tries cost."""

    def __init__(self, reason: str, usage: Usage | None = None) -> None:
        super().__init__(reason)
        self.usage = usage or Usage()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: fixed instructions first (stable, so that providers can cache them), then the case.

    `version` names the prompt file and its content hash, e.g. `answer@3f9a`.
    """

    system: str
    user: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Completion(Generic[Shape]):
    """A structured answer and what it cost."""

    value: Shape
    usage: Usage


class ChatModel(Protocol):
    """A language model that fills a form."""

    async def fill(self, prompt: Prompt, shape: type[Shape], *, budget_s: float) -> Completion[Shape]:
        """One structured answer within `budget_s` seconds, with one repair try on a malformed one.

        Raises `ModelUnavailable` when no answer in form came; never anything else.
        """
        ...
