"""The measured service in a process of its own; its platforms, the model double and the driver stay in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from evals.bench.driver import Driver, driving
from evals.bench.process import Measured, measured_service
from evals.rig.loopback import listening, port_of, url_of
from evals.rig.model_relay import ModelEndpoint
from evals.rig.platforms import Platforms, platforms_at, settings_for
from evals.rig.scratch_folder import scratch_folder

#: A held reply is a courtesy to people who type in fragments, not overhead: it is switched off for measuring.
NO_HOLD: Mapping[str, Any] = {"delivery": {"quiet_s": 0}}


@dataclass(frozen=True, slots=True)
class Bench:
    """A running service to be measured."""

    child: Measured
    platforms: Platforms
    driver: Driver


@asynccontextmanager
async def bench_service(*, with_model: bool, endpoint: ModelEndpoint | None = None) -> AsyncIterator[Bench]:
    """A service on SQLite with the sample knowledge; the model is the double, or `endpoint` behind a relay."""
    opened = listening()
    with scratch_folder() as folder:
        async with platforms_at(url_of(opened), qps_per_chat=None, endpoint=endpoint) as platforms:
            own = platforms.llm_url if with_model else ""
            settings = settings_for(platforms, folder, port_of(opened), llm_url=own, more=NO_HOLD)
            async with measured_service(settings, "all", opened) as child, driving(platforms) as driver:
                yield Bench(child, platforms, driver)
                # The platforms fall silent first: what they still post must meet a service.
                await platforms.aclose()
