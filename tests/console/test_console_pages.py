"""The inbox, one conversation, and what is not there."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from console.assets import STATIC, address
from console.screens import Screens
from conversation.errors import RetryLater
from store.database import Database, Result, Work
from tests.console.conftest import Archive, Ask

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'


def names(page: str) -> list[str]:
    return re.findall(r'<span class="first"><b>(.*?)</b>', page)


class GoneDatabase:
    """A database that does not answer."""

    dialect = "sqlite"

    async def write(self, work: Work[Result]) -> Result:
        raise RetryLater("gone")

    async def read(self, work: Work[Result]) -> Result:
        raise RetryLater("gone")

    async def close(self) -> None:
        """Nothing is open."""


async def test_an_empty_inbox_says_what_to_do(client: httpx.AsyncClient) -> None:
    page = await client.get("/console/")
    assert page.status_code == 200
    assert "huiying doctor" in page.text


@pytest.mark.parametrize("path", ["/console/conversations/cv_none", "/console/nowhere", "/console/a/b/c"])
async def test_what_is_not_there_is_a_page_with_a_way_back(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 404
    assert 'href="/console/"' in page.text


async def test_without_a_playground_its_page_says_how_to_get_one(client: httpx.AsyncClient) -> None:
    page = await client.get("/console/playground")
    assert page.status_code == 404
    assert "playground: &#34;on&#34;" in page.text or 'playground: "on"' in page.text


async def test_words_and_names_of_customers_are_escaped_everywhere(client: httpx.AsyncClient, archive: Archive) -> None:
    talk = await archive.conversation(1, name=HOSTILE, status="waiting")
    await archive.line(talk, HOSTILE, turn_id="tn_1", sender_name=HOSTILE)
    await archive.turn(talk, "tn_1", outcome="StayedSilent", reason=HOSTILE)
    await archive.handoff(talk, at=1.0, reason=HOSTILE)
    await archive.ticket(talk, "T-1", title=HOSTILE)
    for path in ("/console/", f"/console/conversations/{talk}"):
        page = (await client.get(path)).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "{{ 7*7 }}" in page


async def test_every_page_lets_only_our_own_scripts_run(client: httpx.AsyncClient) -> None:
    for path in ("/console/", "/console/nowhere", "/console/api"):
        page = await client.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"
        assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == [], "no script stands in a page"
        assert re.findall(r"\son\w+=", page.text) == []
        assert re.findall(r"\sstyle=", page.text) == [], "the policy would not let it through"


async def test_static_files_are_served_by_name_alone(client: httpx.AsyncClient) -> None:
    for name, media_type in STATIC.items():
        file = await client.get(address(name))
        assert file.status_code == 200
        assert file.headers["content-type"].startswith(media_type)
        assert "immutable" in file.headers["Cache-Control"]
        assert (await client.get(f"/console/static/{name}")).headers["Cache-Control"] == "no-cache"
    for name in ("screens.py", "..%2Fscreens.py", "../screens.py", "%2e%2e%2fpages.py", "nothing.css", "", "%00"):
        assert (await client.get(f"/console/static/{name}")).status_code == 404
    with pytest.raises(KeyError):
        address("nothing.css")


async def test_who_waits_longest_is_on_top_and_the_urgent_before_all(
    client: httpx.AsyncClient, archive: Archive
) -> None:
    await archive.conversation(1, name="旧的")
    await archive.conversation(2, name="新的", last_message_at=900.0)
    await archive.conversation(3, name="有人管", status="with_staff", owner="ou_s", owner_name="小李")
    late = await archive.conversation(4, name="等得短", status="waiting")
    early = await archive.conversation(5, name="等得长", status="waiting")
    urgent = await archive.conversation(6, name="很急", status="waiting")
    await archive.handoff(late, at=300.0)
    await archive.handoff(early, at=100.0)
    await archive.handoff(urgent, at=400.0, urgency="high")
    page = (await client.get("/console/")).text
    assert names(page) == ["很急", "等得长", "等得短", "有人管", "新的", "旧的"]
    assert "小李 在答" in page
    assert names((await client.get("/console/?status=waiting")).text) == ["很急", "等得长", "等得短"]
    assert len(names((await client.get("/console/?status=hostile'--")).text)) == 6


async def test_a_long_inbox_has_pages(client: httpx.AsyncClient, archive: Archive) -> None:
    for number in range(53):
        await archive.conversation(number, name=f"客户{number}")
    first, second = (await client.get("/console/")).text, (await client.get("/console/?page=2")).text
    assert len(names(first)) == 50
    assert names(second) == ["客户2", "客户1", "客户0"]
    assert "下一页" in first
    assert "下一页" not in second


async def test_a_page_is_sent_again_only_when_something_changed(client: httpx.AsyncClient, archive: Archive) -> None:
    talk = await archive.conversation(1)
    for path in ("/console/?status=", f"/console/conversations/{talk}?"):
        seen = re.search(r"seen=(\w+)", (await client.get(path)).text)
        assert seen
        assert (await client.get(f"{path}&seen={seen[1]}")).status_code == 204
        await archive.line(talk, "你好")
        assert (await client.get(f"{path}&seen={seen[1]}")).status_code == 200


async def test_a_conversation_shows_why_the_bot_spoke_and_why_it_did_not(
    client: httpx.AsyncClient, archive: Archive
) -> None:
    talk = await archive.conversation(1)
    await archive.line(talk, "满多少包邮", turn_id="tn_1", at=1000.0)
    await archive.line(talk, "满 79 元包邮", "bot", turn_id="tn_1", status="sent", at=1001.0)
    await archive.line(talk, "哦", turn_id="tn_2", at=1300.0)
    await archive.turn(talk, "tn_1")
    await archive.turn(talk, "tn_2", outcome="StayedSilent", reason="nod", citations="[]")
    page = (await client.get(f"/console/conversations/{talk}")).text
    assert "因为：知识库里就有" in page
    assert "《满多少包邮？》" in page
    assert "很生气" in page
    assert "16 毫秒，没有动用大模型" in page
    assert "因为：应一声，不必回复" in page
    assert page.index('id="t-tn_2"') > page.index("哦")


async def test_a_line_that_did_not_arrive_says_why(client: httpx.AsyncClient, archive: Archive) -> None:
    talk = await archive.conversation(1)
    await archive.line(talk, "您好", "staff", idempotency_key="k1", status="failed", sender_name="小李")
    await archive.buried(talk, "k1", "no way left")
    page = (await client.get(f"/console/conversations/{talk}")).text
    assert "未送达：no way left" in page


async def test_lines_of_one_speaker_stand_together_until_a_pause_or_another_speaker(
    client: httpx.AsyncClient, archive: Archive
) -> None:
    talk = await archive.conversation(1)
    for at, by in ((1000.0, "customer"), (1010.0, "customer"), (1500.0, "customer"), (1501.0, "staff")):
        await archive.line(talk, "嗯", by, at=at)
    page = (await client.get(f"/console/conversations/{talk}")).text
    assert page.count("<article") == 4
    assert page.count(" joins") == 1


async def test_a_long_conversation_is_read_page_by_page(client: httpx.AsyncClient, archive: Archive) -> None:
    talk = await archive.conversation(1)
    for number in range(130):
        await archive.line(talk, f"第{number}句", at=1000.0 + number)
    newest = (await client.get(f"/console/conversations/{talk}")).text
    assert newest.count("<article") == 100
    earlier = re.search(r"\?before=(\d+)", newest)
    assert earlier
    older = (await client.get(f"/console/conversations/{talk}?before={earlier[1]}")).text
    assert older.count("<article") == 30
    assert "第0句" in older
    assert "data-poll" not in older, "an old page does not renew itself"


async def test_without_the_database_pages_say_so_and_the_api_too(ask: Ask, screens: Screens) -> None:
    gone: Database = GoneDatabase()
    client = ask(replace(screens, database=gone))
    page = await client.get("/console/")
    assert page.status_code == 503
    assert "客户的消息不会丢" in page.text
    answer = await client.get("/api/v1/conversations")
    assert answer.status_code == 503
    assert "try again" in answer.json()["detail"]


async def test_the_api_page_lists_every_call(client: httpx.AsyncClient) -> None:
    page = (await client.get("/console/api")).text
    for path in ("/api/v1/conversations", "/api/v1/tickets/{number}", "/api/v1/knowledge/search", "/api/v1/gaps"):
        assert path in page
