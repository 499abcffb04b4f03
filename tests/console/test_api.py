"""The read API: what it gives, page by page, and how it says no."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx

from console.screens import Screens
from conversation.errors import RetryLater
from conversation.findings import Retrieval
from tests.console.conftest import Archive, Ask, found


async def walk(client: httpx.AsyncClient, path: str, limit: int) -> AsyncIterator[list[Any]]:
    """Every page of a list."""
    after: str | None = ""
    while after is not None:
        page = (await client.get(path, params={"limit": limit, **({"after": after} if after else {})})).json()
        yield page["items"]
        after = page["next"]


async def test_conversations_are_paged_without_gaps_or_repeats(client: httpx.AsyncClient, archive: Archive) -> None:
    for number in range(7):
        await archive.conversation(number, status="waiting" if number == 3 else "open")
    pages = [page async for page in walk(client, "/api/v1/conversations", 3)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one["id"] for page in pages for one in page] == [f"cv_{number:04d}" for number in reversed(range(7))]
    waiting = (await client.get("/api/v1/conversations?status=waiting")).json()["items"]
    assert [one["id"] for one in waiting] == ["cv_0003"]


async def test_a_conversation_says_who_where_and_what_was_said_last(
    client: httpx.AsyncClient, archive: Archive
) -> None:
    talk = await archive.conversation(1, status="waiting")
    await archive.handoff(talk, at=7.0)
    await archive.line(talk, "你好")
    one = (await client.get("/api/v1/conversations")).json()["items"][0]
    assert one["customer_name"] == "陈晨"
    assert one["customer_id"] == "ou_1"
    assert one["room"]["platform"] == "feishu"
    assert one["waiting_since"] == 7.0
    assert one["handoff_reason"] == "upset"
    assert one["last_line"] == {"spoken_by": "customer", "kind": "text", "text": "你好"}


async def test_one_conversation_brings_its_lines_and_the_findings_of_their_turns(
    client: httpx.AsyncClient, archive: Archive
) -> None:
    talk = await archive.conversation(1)
    await archive.line(talk, "满多少包邮", turn_id="tn_1")
    await archive.line(talk, "满 79 元包邮", "bot", turn_id="tn_1", status="sent")
    await archive.turn(talk, "tn_1")
    detail = (await client.get(f"/api/v1/conversations/{talk}")).json()
    assert [line["text"] for line in detail["lines"]] == ["满多少包邮", "满 79 元包邮"]
    turn = detail["turns"][0]
    assert (turn["outcome"], turn["reason"]) == ("Answered", "faq")
    assert turn["findings"]["retrieval"]["passages"][0]["entry_id"] == "kb1"
    assert turn["findings"]["emotion"]["label"] == "angry"
    assert turn["citations"] == [{"entry_id": "kb1", "version": 2, "quote": "满 79 元包邮"}]
    assert detail["next"] is None


async def test_lines_are_paged_oldest_first_each_page_with_its_own_turns(
    client: httpx.AsyncClient, archive: Archive
) -> None:
    talk = await archive.conversation(1)
    for number in range(5):
        await archive.line(talk, str(number), turn_id=f"tn_{number}")
        await archive.turn(talk, f"tn_{number}")
    first = (await client.get(f"/api/v1/conversations/{talk}?limit=3")).json()
    rest = (await client.get(f"/api/v1/conversations/{talk}", params={"limit": 3, "after": first["next"]})).json()
    assert [line["text"] for line in first["lines"] + rest["lines"]] == list("01234")
    assert [turn["id"] for turn in rest["turns"]] == ["tn_3", "tn_4"]
    assert rest["next"] is None


async def test_tickets_are_paged_newest_first_and_tell_their_life(client: httpx.AsyncClient, archive: Archive) -> None:
    talk = await archive.conversation(1)
    for number in range(3):
        await archive.ticket(talk, f"T-{number}", status="closed" if number == 1 else "open")
    pages = [page async for page in walk(client, "/api/v1/tickets", 2)]
    assert [[one["number"] for one in page] for page in pages] == [["T-2", "T-1"], ["T-0"]]
    closed = (await client.get("/api/v1/tickets?status=closed")).json()["items"]
    assert [one["number"] for one in closed] == ["T-1"]
    detail = (await client.get("/api/v1/tickets/T-0")).json()
    assert detail["ticket"]["title"] == "杯子碎了"
    assert [event["kind"] for event in detail["events"]] == ["opened"]
    assert (await client.get("/api/v1/tickets?after=T-none")).json() == {"items": [], "next": None}


async def test_gaps_are_paged_newest_first(client: httpx.AsyncClient, archive: Archive) -> None:
    for number in range(3):
        await archive.gap(number, f"问题{number}")
    pages = [page async for page in walk(client, "/api/v1/gaps", 2)]
    assert [[one["question"] for one in page] for page in pages] == [["问题2", "问题1"], ["问题0"]]


async def test_the_search_gives_what_the_bot_would_find(ask: Ask, screens: Screens) -> None:
    asked: list[tuple[str, int]] = []

    async def search(question: str, k: int) -> Retrieval:
        asked.append((question, k))
        return found().retrieval

    client = ask(replace(screens, search=search))
    answer = (await client.get("/api/v1/knowledge/search", params={"q": "包邮吗", "k": 3})).json()
    assert asked == [("包邮吗", 3)]
    assert answer["answerable"] == 0.97
    assert [one["entry_id"] for one in answer["passages"]] == ["kb1", "kb2"]


async def test_a_search_that_cannot_be_made_says_so(ask: Ask, screens: Screens) -> None:
    async def gone(question: str, k: int) -> Retrieval:
        raise RetryLater("the database is gone")

    for search in (None, gone):
        answer = await ask(replace(screens, search=search)).get("/api/v1/knowledge/search?q=包邮")
        assert answer.status_code == 503
        assert answer.json()["detail"]


async def test_what_is_not_there_is_a_404_that_names_it(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/conversations/cv_none", "/api/v1/tickets/T-none"):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "none" in answer.json()["detail"]


async def test_bounds_are_kept(client: httpx.AsyncClient) -> None:
    for query in ("conversations?limit=0", "conversations?limit=201", "gaps?after=-1", "gaps?after=x"):
        assert (await client.get(f"/api/v1/{query}")).status_code == 422
    for query in ("q=", "q=包邮&k=0", "q=包邮&k=21", f"q={'长' * 501}", ""):
        assert (await client.get(f"/api/v1/knowledge/search?{query}")).status_code == 422


async def test_the_schema_describes_every_answer(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/api/v1/openapi.json")).json()
    assert len(schema["paths"]) == 6
    for path, calls in schema["paths"].items():
        call = calls["get"]
        assert call["description"], path
        assert "$ref" in str(call["responses"]["200"]["content"]["application/json"]["schema"]), path
        assert all(one.get("description") for one in call.get("parameters", [])), path
