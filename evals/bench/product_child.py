"""The service in a process of its own, built from the settings that its parent passes."""

from __future__ import annotations

from app import build_app, settle_memory
from evals.bench.child import run_child, serve_until_told, spec_and_socket
from settings import Settings
from telemetry import configure_logging
from wiring import build_service


async def serve() -> None:
    """Builds, serves, closes."""
    spec, opened = spec_and_socket()
    configure_logging(level="CRITICAL")
    service = await build_service(Settings.model_validate(spec["settings"]))
    settle_memory()
    try:
        await serve_until_told(build_app(service, role=spec["role"]), opened)
    finally:
        await service.close()


if __name__ == "__main__":
    run_child(serve())
