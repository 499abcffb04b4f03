"""The doctor's checks: each looks at one thing and gives a finding in a sentence one can act on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import httpx
from sqlalchemy import func, select

from commands.doctor_channels import channel_findings
from commands.doctor_finding import Finding, bad, doubtful, good
from conversation.errors import BadSettings, GiveUp, RetryLater
from settings import Settings
from store.schema import entries
from wiring_store import prepare_data_folder, ready_database

NETWORK_S = 8.0

Check = Callable[[Settings], AsyncIterator[Finding]]


async def examine(settings: Settings) -> Sequence[Finding]:
    """All findings, in the order of the walk a message takes. What one check cannot reach leaves the others alone."""
    checks: tuple[Check, ...] = (_data_folder, _database, _redis, _chroma, _embedder, _model)
    findings = [one for check in checks async for one in check(settings)]
    async with httpx.AsyncClient(timeout=NETWORK_S) as client:
        findings += [one async for one in channel_findings(settings, client)]
    return findings


async def _data_folder(settings: Settings) -> AsyncIterator[Finding]:
    try:
        prepare_data_folder(settings.data_dir)
    except BadSettings as problem:
        yield bad("data folder", str(problem))
        return
    yield good("data folder", str(settings.data_dir.resolve()))


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    """The database, and whether it knows anything."""
    try:
        database = await ready_database(settings)
    except BadSettings as problem:
        yield bad("database", str(problem))
        return
    try:
        count = await database.read(
            lambda connection: connection.execute(
                select(func.count()).select_from(entries).where(entries.c.status == "live")
            ).scalar_one()
        )
    except RetryLater as gone:
        yield bad("database", f"{gone}; check HUIYING_DATABASE_URL and that the server runs")
        return
    finally:
        await database.close()
    kind = "SQLite, one process" if database.dialect == "sqlite" else "PostgreSQL"
    yield good("database", f"{kind}, schema up to date")
    if count:
        yield good("knowledge", f"{count} live entries")
    else:
        yield doubtful("knowledge", "the base is empty, so no question can be answered: huiying kb import PATH")


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.redis_url:
        yield good("redis", "not configured: one process wakes itself, several poll the database")
        return
    from delivery.redis_wakeup import RedisWakeup

    try:
        wakeup = RedisWakeup(settings.redis_url)
    except BadSettings as problem:
        yield bad("redis", str(problem))
        return
    problem_in_words = await wakeup.problem()
    await wakeup.close()
    if problem_in_words:
        words = f"{problem_in_words}; check HUIYING_REDIS_URL. Nothing is lost without it, replies are slower"
        yield bad("redis", words)
    else:
        yield good("redis", "answers")


async def _chroma(settings: Settings) -> AsyncIterator[Finding]:
    address = settings.chroma_url
    if not address:
        yield good("chroma", "embedded, under the data folder")
        return
    try:
        async with httpx.AsyncClient(timeout=NETWORK_S) as client:
            status = (await client.get(f"{address.rstrip('/')}/api/v2/heartbeat")).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield bad("chroma", f"{address} does not answer ({type(error).__name__}): start `chroma run` or mend the URL")
        return
    yield good("chroma", "answers") if status == 200 else bad("chroma", f"{address} answers {status}")


async def _embedder(settings: Settings) -> AsyncIterator[Finding]:
    from retrieval.calibration import fitted_name
    from retrieval.embedder import question_embedding
    from wiring_retrieval import opened_embedder

    try:
        embedder = await asyncio.to_thread(opened_embedder, settings)
        await asyncio.to_thread(question_embedding(embedder), ["您好"])
    except (BadSettings, RetryLater, GiveUp) as problem:
        yield bad("embedder", f"{problem}; meanwhile questions are answered by words alone")
        return
    if fitted_name(embedder.name) is None:
        words = "nobody fitted its numbers, so those of another are used: python -m evals.retrieval_fit --write FOLDER"
        yield doubtful("embedder", f"{embedder.name} answers; {words}")
    else:
        yield good("embedder", embedder.name)


async def _model(settings: Settings) -> AsyncIterator[Finding]:
    llm = settings.llm
    if not llm.configured:
        yield good("language model", "not configured: local models and extractive answers are used")
        return
    try:
        async with httpx.AsyncClient(timeout=NETWORK_S) as client:
            headers = {"Authorization": f"Bearer {llm.api_key}"} if llm.api_key else {}
            status = (await client.get(f"{llm.base_url.rstrip('/')}/models", headers=headers)).status_code
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
        yield bad("language model", f"{llm.base_url} does not answer ({type(error).__name__}): check the address")
        return
    if status in (401, 403):
        yield bad("language model", f"{llm.base_url} refuses the key ({status}): set HUIYING_LLM_API_KEY")
    elif status >= 500:
        yield bad("language model", f"{llm.base_url} answers {status}: replies fall back to local models meanwhile")
    else:
        yield good("language model", f"{llm.model} at {llm.base_url}")
