"""Server-sent events on a real socket: at once, from where a page stands, over cuts, from other processes too."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from channels.web_widget import WebWidgetChannel, events
from channels.web_widget.bell import Bell
from channels.web_widget.events import STREAMS_A_VISITOR
from conversation.identity import Room
from conversation.messages import OutgoingMessage
from store.database import Database
from tests.channels.contract import KeptIntake
from tests.channels.web_widget.stage import PATH, SETTINGS, SHOP, Clock, Page, web_app


@asynccontextmanager
async def serving(
    database: Database, leaving: asyncio.Event | None = None
) -> AsyncIterator[tuple[WebWidgetChannel, Page]]:
    """A channel on a loopback port of its own, and a page that wrote there."""
    channel = WebWidgetChannel(SETTINGS, intake=KeptIntake(), database=database, clock=Clock(), leaving=leaving)
    config = uvicorn.Config(web_app(lambda: channel), port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as http:
        page = Page(http)
        await page.enter()
        await page.say("在吗")
        yield channel, page
        await channel.close()
    server.should_exit = True
    await running


@asynccontextmanager
async def stream(page: Page, after: int = 0, **headers: str) -> AsyncIterator[AsyncIterator[tuple[str, str, Any]]]:
    """Events as (id, name, data)."""
    body = json.dumps({"token": page.token, "after": after})
    sent = {"origin": SHOP, **headers}
    async with page.http.stream("POST", f"{PATH}?do=events", content=body, headers=sent) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield read(response)


async def read(response: httpx.Response) -> AsyncIterator[tuple[str, str, Any]]:
    event: dict[str, str] = {}
    async for row in response.aiter_lines():
        name, _, value = row.partition(": ")
        if row:
            event[name] = value
        elif event.get("data"):
            yield event.get("id", ""), event.get("event", ""), json.loads(event["data"])
            event = {}


def room_of(page: Page) -> Room:
    from conversation.identity import RoomKind
    from tests.channels.web_widget.stage import visitor_of

    return Room("web_widget", "main", visitor_of(page.token), RoomKind.DIRECT)


async def test_a_line_is_seen_the_moment_it_is_sent(sqlite_database: Database) -> None:
    async with serving(sqlite_database) as (channel, page), stream(page, after=1) as found:
        assert await anext(found) == ("", "ready", {"last": 1})
        took = []
        for number in range(5):
            began = time.perf_counter()
            await channel.send(OutgoingMessage(room_of(page), text=f"第{number}句"), f"k{number}")
            number_, name, line = await anext(found)
            took.append(time.perf_counter() - began)
            assert (number_, name, line["text"]) == (str(number + 2), "line", f"第{number}句")
        # Half a second is how often other processes' lines are looked for: this is not that.
        assert min(took) < 0.2


async def test_a_page_goes_on_after_the_last_event_that_it_saw(database: Database) -> None:
    async with serving(database) as (channel, page):
        room = room_of(page)
        for number in range(130):
            await channel.send(OutgoingMessage(room, text=f"第{number}句"), f"k{number}")
        seen: list[str] = []
        last = "0"
        for length in (1, 7, 60, 63):
            async with stream(page, **{"last-event-id": last}) as found:
                assert (await anext(found))[1] == "ready"
                for _ in range(length):
                    last, _, line = await anext(found)
                    seen.append(line["text"])
        assert seen == ["在吗", *(f"第{number}句" for number in range(130))]


async def test_a_line_of_another_process_is_seen_soon(database: Database) -> None:
    async with serving(database) as (_, page), serving(database) as (other, _), stream(page, after=1) as found:
        assert (await anext(found))[1] == "ready"
        await other.send(OutgoingMessage(room_of(page), text="从别处来"), "k1")
        async with asyncio.timeout(5):
            assert (await anext(found))[2]["text"] == "从别处来"


async def test_a_page_that_cannot_stream_waits_by_calls(database: Database) -> None:
    async with serving(database) as (channel, page):
        waiting = asyncio.create_task(page.ask("history", after=1, wait=9))
        await asyncio.sleep(0)
        await channel.send(OutgoingMessage(room_of(page), text="您好"), "k1")
        assert [line["text"] for line in (await waiting)["lines"]] == ["您好"]
        assert (await page.ask("history", after=2, wait=0.05))["lines"] == []


async def test_a_page_that_knows_more_than_the_database_gets_everything(sqlite_database: Database) -> None:
    """As after a restore from a backup."""
    async with serving(sqlite_database) as (_, page), stream(page, after=77) as found:
        assert await anext(found) == ("", "ready", {"last": 1})
        assert (await anext(found))[2]["text"] == "在吗"


async def test_streams_end_when_the_process_leaves(sqlite_database: Database) -> None:
    leaving = asyncio.Event()
    async with serving(sqlite_database, leaving) as (_, page), stream(page, after=1) as found:
        assert (await anext(found))[1] == "ready"
        leaving.set()
        async with asyncio.timeout(5):
            assert [event async for event in found] == []


async def test_one_visitor_cannot_hold_connections_without_end(sqlite_database: Database) -> None:
    async with serving(sqlite_database) as (_, page), AsyncExitStack() as streams:
        found = [await streams.enter_async_context(stream(page)) for _ in range(STREAMS_A_VISITOR)]
        assert [(await anext(one))[1] for one in found] == ["ready"] * STREAMS_A_VISITOR
        response = await page.call("events", {})
        assert (response.status_code, response.json()["error"]) == (429, "crowded")


async def test_a_page_that_left_is_let_go(sqlite_database: Database) -> None:
    async with serving(sqlite_database) as (channel, page):
        async with stream(page) as found:
            assert (await anext(found))[1] == "ready"
        async with asyncio.timeout(5):
            while channel._bell.total:
                await asyncio.sleep(0.01)


async def test_a_silent_stream_beats(sqlite_database: Database) -> None:
    bell = Bell(sqlite_database, asyncio.Event())
    follower = events.Events(sqlite_database, bell, heartbeat_s=0.01).follow("wv00", 0)
    assert (await anext(follower)).endswith(b'data: {"last":0}\n\n')
    assert [await anext(follower), await anext(follower)] == [b":\n\n", b":\n\n"]
    await follower.aclose()  # type: ignore[attr-defined]
    await bell.close()


@pytest.mark.parametrize("known", ["x", "-1", "１", "9" * 30])
async def test_an_odd_last_event_id_counts_as_none(sqlite_database: Database, known: str) -> None:
    async with serving(sqlite_database) as (_, page):
        sent = {"last-event-id": known.encode("latin-1", "replace").decode("latin-1")}
        async with stream(page, **sent) as found:
            assert (await anext(found))[1] == "ready"
            assert (await anext(found))[2]["text"] == "在吗"
