"""The yardstick in a process of its own: a bare FastAPI endpoint that reads the body and answers `{}`."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request

from evals.bench.child import run_child, serve_until_told, spec_and_socket


def bare_app(path: str) -> FastAPI:
    """One route and nothing else."""
    app = FastAPI()

    @app.post(path)
    async def bare(request: Request) -> dict[str, str]:
        await request.body()
        return {}

    return app


if __name__ == "__main__":
    spec, opened = spec_and_socket()
    run_child(serve_until_told(bare_app(spec["path"]), opened))
