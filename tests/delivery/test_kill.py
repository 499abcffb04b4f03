"""Workers are killed with SIGKILL, again and again, while customers write: every message is answered once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from delivery.inbox import Inbox
from delivery.wakeup import LocalWakeup
from store.database import Database
from store.open_database import open_database
from store.schema import attempts, inbox, messages, outbox
from tests.delivery.doubles import message
from tests.delivery.stage import Stage, until

ROOT = Path(__file__).resolve().parents[2]
LANES, EACH, KILLS = 20, 11, 4


class Platform:
    """Takes messages over HTTP. Knows a key it has seen, as Feishu knows a uuid; now and then its answer is lost."""

    def __init__(self) -> None:
        self.heard: dict[str, dict[str, str]] = {}
        self.repeats = 0
        self.dice = random.Random(5)

    async def take(self, request: Request) -> JSONResponse:
        said = await request.json()
        self.repeats += said["key"] in self.heard
        self.heard.setdefault(said["key"], said)
        if self.dice.random() < 0.05:
            return JSONResponse({}, status_code=504)
        return JSONResponse({"message_id": f"om_{said['key']}"})

    def of_room(self, room: str) -> list[int]:
        texts = [said["text"] for said in self.heard.values() if said["room"] == room]
        return [int(line.strip("？")) for text in texts for line in text.removeprefix("答：").split("\n")]

    @property
    def answered(self) -> int:
        return sum(said["text"].count("？") for said in self.heard.values())

    @contextlib.asynccontextmanager
    async def serving(self):  # type: ignore[no-untyped-def]
        app = Starlette(routes=[Route("/messages", self.take, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        running = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        try:
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            await running


@contextlib.asynccontextmanager
async def worker(url: str, port: int) -> AsyncIterator[None]:
    """A worker at work; leaving the block kills it without a warning."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.delivery.kill_worker", url, str(port)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert b"ready" in await process.stdout.readline()
        yield
    finally:
        process.kill()
        await process.wait()


async def kill_now_and_then(url: str, port: int, dice: random.Random, done: asyncio.Event) -> None:
    """Keeps one worker running, kills it `KILLS` times in the midst of work, and lets the last one finish."""
    for _ in range(KILLS):
        async with worker(url, port):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), dice.uniform(0.05, 0.5))
        if done.is_set():
            return
    async with worker(url, port):
        await done.wait()


async def post_everything(database: Database, dice: random.Random, pause_s: float) -> None:
    """Posts each lane's messages in order, some of them twice, as platforms do."""
    box = Inbox(database, LocalWakeup(), time.time)
    for number in range(EACH):
        for lane in dice.sample(range(LANES), LANES):
            item = message(lane * 100 + number, f"{number}？", lane=lane, at=time.time())
            assert await box.put([item]) == [True]
            if dice.random() < 0.1:
                assert await box.put([item]) == [False]
            await asyncio.sleep(pause_s)


async def test_nothing_is_lost_doubled_or_reordered_when_workers_are_killed(
    database: Database, database_url: str
) -> None:
    dice, platform, done = random.Random(3), Platform(), asyncio.Event()
    # One process owns a SQLite file for work; PostgreSQL is worked by two, which also take over from one another.
    workers = 2 if database_url.startswith("postgres") else 1
    async with platform.serving() as port, asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(kill_now_and_then(database_url, port, dice, done))
        await post_everything(database, dice, pause_s=0.025)
        await until(lambda: platform.answered == LANES * EACH, patience_s=60)
        done.set()
    for lane in range(LANES):
        assert platform.of_room(f"room{lane}") == list(range(EACH))
    stage = Stage(open_database(database_url), lambda: 0.0)  # type: ignore[arg-type]
    assert set(await stage.column(inbox, "status")) == {"done"}
    assert len(await stage.rows(messages, spoken_by="customer")) == LANES * EACH
    assert set(await stage.column(outbox, "status")) <= {"sent", "sending", "queued"}
    taken_over = sum(tries > 1 for tries in await stage.column(inbox, "attempts"))
    lost = len(await stage.rows(attempts, status="lost"))
    assert taken_over, "nothing was in the midst of work when the workers died"
    assert len(platform.heard) == len(await stage.rows(outbox))
    sys.stdout.write(
        f"{taken_over} messages taken over, {lost} sends lost in a crash, {platform.repeats} repeats known\n"
    )
    await stage.database.close()
