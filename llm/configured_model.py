"""Builds the model of the settings: endpoints in order of preference, behind breakers; none means the LLM is off."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm.fallback_model import FallbackModel
from llm.form import FormMethod

if TYPE_CHECKING:
    from llm.openai_model import OpenAIModel


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model at an OpenAI-compatible address, e.g. `https://api.deepseek.com/v1`."""

    base_url: str
    model: str
    api_key: str = ""
    method: FormMethod = FormMethod.FUNCTION_CALLING
    temperature: float = 0.0
    max_tokens: int = 800


class ConfiguredModel(FallbackModel):
    """The models of the settings as one; closes their connections with the service."""

    def __init__(self, models: Sequence[OpenAIModel], *, clock: Callable[[], float]) -> None:
        super().__init__(models, clock=clock)
        self._models = tuple(models)

    async def close(self) -> None:
        """Closes all connections."""
        for model in self._models:
            await model.close()


def configured_model(
    endpoints: Sequence[Endpoint], *, clock: Callable[[], float] = time.monotonic
) -> ConfiguredModel | None:
    """The model to think with, or None where no endpoint is configured (then nothing of langchain-openai is loaded)."""
    if not endpoints:
        return None
    # Customers' words go to no tracing service unless the deployer asks for it.
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    from llm.openai_model import OpenAIModel  # noqa: PLC0415 - two seconds of import that a keyless start must not pay

    models = [
        OpenAIModel(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            model=endpoint.model,
            clock=clock,
            method=endpoint.method,
            temperature=endpoint.temperature,
            max_tokens=endpoint.max_tokens,
        )
        for endpoint in endpoints
    ]
    return ConfiguredModel(models, clock=clock)
