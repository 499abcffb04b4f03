"""The real service in this process, beside its platforms: what replay and the suites run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

from app import build_app
from evals.rig.loopback import listening, port_of, serving, url_of
from evals.rig.model_relay import ModelEndpoint
from evals.rig.platforms import SAMPLE, Platforms, platforms_at, settings_for
from evals.rig.scratch_folder import scratch_folder
from evals.rig.shifted_clock import ShiftedClock
from settings import Settings
from wiring import Service, build_service


@dataclass(frozen=True, slots=True)
class Scene:
    """A running service, its platforms, and the one clock that both go by."""

    service: Service
    platforms: Platforms
    clock: ShiftedClock


@dataclass(frozen=True, slots=True)
class SceneTerms:
    """What the service of a scene is given. `llm_url` makes the model's address from the platforms; None: no model."""

    knowledge: tuple[Path, ...] = (SAMPLE,)
    database_url: str = ""
    llm_url: Callable[[Platforms], str] | None = None
    qps_per_chat: int | None = 5
    endpoint: ModelEndpoint | None = None
    more: Mapping[str, Any] | None = None


@asynccontextmanager
async def scene(terms: SceneTerms) -> AsyncIterator[Scene]:
    """Builds and starts a service in a folder of its own, and stops and forgets it at the end."""
    clock, opened = ShiftedClock(), listening()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        platforms = await stack.enter_async_context(
            platforms_at(url_of(opened), clock=clock, qps_per_chat=terms.qps_per_chat, endpoint=terms.endpoint)
        )
        settings = settings_for(
            platforms,
            folder,
            port_of(opened),
            knowledge=terms.knowledge,
            llm_url=terms.llm_url(platforms) if terms.llm_url else "",
            database_url=terms.database_url,
            more=terms.more,
        )
        service = await stack.enter_async_context(_built(settings, clock))
        await stack.enter_async_context(_served(service, opened))
        # The platforms fall silent first: what they still post must meet a service.
        stack.push_async_callback(platforms.aclose)
        yield Scene(service, platforms, clock)


@asynccontextmanager
async def _built(settings: Settings, clock: Callable[[], float]) -> AsyncIterator[Service]:
    service = await build_service(settings, clock=clock)
    try:
        yield service
    finally:
        await service.close()


@asynccontextmanager
async def _served(service: Service, opened: socket) -> AsyncIterator[None]:
    async with serving(build_app(service, role="all"), opened):
        yield
