"""The doctor's checks: each looks at one thing and gives a finding in a sentence one can act on."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import func, select

from commands.doctor_channels import channel_findings
from commands.doctor_finding import Finding, Level, bad, doubtful, good
from conversation.errors import RetryLater
from store.schema import entries

if TYPE_CHECKING:
    from wiring import Service

__all__ = ["Finding", "Level", "examine"]

NETWORK_S = 8.0


async def examine(service: Service) -> Sequence[Finding]:
    """All findings, in the order of the walk a message takes."""
    checks = (_data_folder, _database, _redis, _chroma, _knowledge, _model)
    findings = [one for check in checks async for one in check(service)]
    async with httpx.AsyncClient(timeout=NETWORK_S) as client:
        findings += [one async for one in channel_findings(service.settings, client)]
    return findings


async def _data_folder(service: Service) -> AsyncIterator[Finding]:
    folder = service.settings.data_dir
    if folder.is_dir() and os.access(folder, os.W_OK):
        yield good("data folder", str(folder.resolve()))
    else:
        yield bad("data folder", f"{folder.resolve()} cannot be written: create it, or set HUIYING_DATA_DIR")


async def _database(service: Service) -> AsyncIterator[Finding]:
    try:
        await service.database.read(lambda connection: connection.execute(select(1)).scalar_one())
    except RetryLater as error:
        yield bad("database", f"{error}; check HUIYING_DATABASE_URL and that the server runs")
        return
    kind = "SQLite, one process" if service.database.dialect == "sqlite" else "PostgreSQL"
    yield good("database", f"{kind}, schema up to date")


async def _redis(service: Service) -> AsyncIterator[Finding]:
    if not service.settings.redis_url:
        yield good("redis", "not configured: one process wakes itself, several poll the database")
        return
    problem = await service.redis_problem()
    if problem:
        yield bad("redis", f"{problem}; check HUIYING_REDIS_URL. Nothing is lost without it, replies are slower")
    else:
        yield good("redis", "answers")


async def _chroma(service: Service) -> AsyncIterator[Finding]:
    address = service.settings.chroma_url
    if not address:
        yield good("chroma", "embedded, under the data folder")
        return
    try:
        async with httpx.AsyncClient(timeout=NETWORK_S) as client:
            status = (await client.get(f"{address.rstrip('/')}/api/v2/heartbeat")).status_code
    except httpx.HTTPError as error:
        yield bad("chroma", f"{address} does not answer ({type(error).__name__}): start `chroma run` or mend the URL")
        return
    yield good("chroma", "answers") if status == 200 else bad("chroma", f"{address} answers {status}")


async def _knowledge(service: Service) -> AsyncIterator[Finding]:
    count = await service.database.read(
        lambda connection: connection.execute(
            select(func.count()).select_from(entries).where(entries.c.status == "live")
        ).scalar_one()
    )
    if count:
        yield good("knowledge", f"{count} live entries")
    else:
        yield doubtful("knowledge", "the base is empty, so no question can be answered: huiying kb import PATH")


async def _model(service: Service) -> AsyncIterator[Finding]:
    llm = service.settings.llm
    if not llm.configured:
        yield good("language model", "not configured: local models and extractive answers are used")
        return
    try:
        async with httpx.AsyncClient(timeout=NETWORK_S) as client:
            headers = {"Authorization": f"Bearer {llm.api_key}"}
            status = (await client.get(f"{llm.base_url.rstrip('/')}/models", headers=headers)).status_code
    except httpx.HTTPError as error:
        yield bad("language model", f"{llm.base_url} does not answer ({type(error).__name__}): check the address")
        return
    if status in (401, 403):
        yield bad("language model", f"{llm.base_url} refuses the key ({status}): set HUIYING_LLM_API_KEY")
    elif status >= 500:
        yield bad("language model", f"{llm.base_url} answers {status}: replies fall back to local models meanwhile")
    else:
        yield good("language model", f"{llm.model} at {llm.base_url}")
